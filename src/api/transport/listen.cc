// Threads, doors and the sweep that ends what takes too long.
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/steady_timer.hpp>
#include <mutex>
#include <thread>
#include <vector>

#include "api/transport/bind.h"
#include "api/transport/connection.h"
#include "api/transport/response_head.h"
#include "api/transport/tls.h"
#include "pipelined/base/clock.h"
#include "pipelined/base/log.h"

namespace pipelined::api {
namespace {

namespace asio = boost::asio;

constexpr auto kSweepEvery = std::chrono::milliseconds(100);
constexpr int kThreadsForNetwork = 2;  // that no handler can hold
constexpr rlim_t kOtherDescriptors = 256;

// As many descriptors as the connections may need, where the hard limit lets us.
std::size_t AffordableConnections(std::size_t wanted) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return wanted;
  const rlim_t needed = wanted + kOtherDescriptors;
  if (limit.rlim_cur < needed) {
    limit.rlim_cur = std::min(needed, limit.rlim_max);
    setrlimit(RLIMIT_NOFILE, &limit);
  }
  if (limit.rlim_cur >= needed) return wanted;
  const std::size_t affordable = limit.rlim_cur > 2 * kOtherDescriptors ? limit.rlim_cur - kOtherDescriptors
                                                                        : std::max<rlim_t>(limit.rlim_cur / 2, 1);
  log::Warning("the limit of open files leaves room for {} connections instead of {}", affordable, wanted);
  return affordable;
}

std::string AddressOf(const asio::ip::tcp::endpoint& peer) {
  const asio::ip::address address = peer.address();
  if (address.is_v6() && address.to_v6().is_v4_mapped())
    return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6()).to_string();
  return address.to_string();
}

// To somebody for whom there is no place. Nobody waits for him to read it.
void TurnAway(int socket, int status) {
  Response response = Detail(status, status == 429 ? "too many connections from your address" : "too many connections");
  response.headers.emplace_back("Retry-After", "1");
  const std::string text = ResponseHead(response, {false, SystemClock().Now()}) + response.body;
  (void)!send(socket, text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
}

class BoostTransport : public Transport {
 public:
  BoostTransport(const TransportOptions& options, Handler handler)
      : options_(options),
        floor_{options.limits, std::move(handler),
               Seats(AffordableConnections(options.limits.connections), options.limits.connections_per_address),
               Turnstile(std::max(options.threads, 1), options.longest_line)},
        tcp_(
            io_, [this](Socket s, const asio::ip::tcp::endpoint& peer) { WelcomeTcp(std::move(s), peer); },
            [this] { floor_.seats.EvictOne(); }),
        unix_(
            io_, [this](Socket s, const auto&) { Welcome(std::move(s), std::string(kLocalPeer), false); },
            [this] { floor_.seats.EvictOne(); }),
        sweep_(io_) {}

  ~BoostTransport() override { BoostTransport::Stop(); }

  Status Open() {
    if (!options_.tls_cert.empty()) {
      tls_ = std::make_unique<TlsContext>(options_.tls_cert, options_.tls_key);
      if (const Status loaded = tls_->Load(); !loaded.ok()) return loaded;
    }
    if (const Status bound = BindTcp(tcp_, options_.host, options_.port); !bound.ok()) return bound;
    port_ = tcp_.acceptor().local_endpoint().port();
    if (!options_.socket.empty()) {
      if (const Status bound = BindUnix(unix_, options_.socket); !bound.ok()) return bound;
      owns_socket_ = true;
      unix_.Open();
    }
    tcp_.Open();
    Sweep();
    for (int i = 0; i < std::max(options_.threads, 1) + kThreadsForNetwork; ++i)
      threads_.emplace_back([this] { io_.run(); });
    return Ok();
  }

  std::uint16_t port() const override { return port_; }
  Status ReloadTls() override { return tls_ == nullptr ? Ok() : tls_->Load(); }

  void Stop() override {
    const std::scoped_lock lock(stopping_);
    if (threads_.empty()) return;
    floor_.draining = true;
    tcp_.Close();
    unix_.Close();
    if (owns_socket_) unlink(options_.socket.c_str());
    floor_.seats.TellAll(Seat::Why::kDraining);
    // A handler cannot be aborted: its connection goes when it has ended.
    for (Micros patience = options_.limits.drain_timeout; !floor_.seats.WaitUntilEmpty(patience); patience = Millis(50))
      floor_.seats.TellAll(Seat::Why::kAborted);
    io_.stop();
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }

 private:
  void WelcomeTcp(Socket socket, const asio::ip::tcp::endpoint& peer) {
    boost::system::error_code ignored;
    socket.set_option(asio::ip::tcp::no_delay(true), ignored);
    Welcome(std::move(socket), AddressOf(peer), tls_ != nullptr);
  }

  void Welcome(Socket socket, std::string peer, bool secure) {
    boost::system::error_code ignored;
    socket.non_blocking(true, ignored);
    const int handle = socket.native_handle();
    auto stream = secure ? MakeTlsStream(std::move(socket), tls_->current()) : MakeStream(std::move(socket));
    const auto connection = std::make_shared<Connection>(floor_, std::move(stream), std::move(peer));
    const int refusal = floor_.seats.Admit(connection);
    if (refusal == 0) return connection->Start();
    if (!secure) TurnAway(handle, refusal);
  }

  void Sweep() {
    sweep_.expires_after(kSweepEvery);
    sweep_.async_wait([this](const boost::system::error_code& error) {
      if (error) return;
      floor_.seats.ExpireDue(SystemClock().Monotonic());
      Sweep();
    });
  }

  const TransportOptions options_;
  asio::io_context io_;  // outlives what floor_ still holds of connections
  Floor floor_;
  TcpDoor tcp_;
  UnixDoor unix_;
  asio::steady_timer sweep_;
  std::unique_ptr<TlsContext> tls_;
  std::uint16_t port_ = 0;
  bool owns_socket_ = false;
  std::mutex stopping_;
  std::vector<std::thread> threads_;
};

}  // namespace

Result<std::unique_ptr<Transport>> Transport::Listen(const TransportOptions& options, Handler handler) {
  auto transport = std::make_unique<BoostTransport>(options, std::move(handler));
  if (const Status opened = transport->Open(); !opened.ok()) return opened.error();
  return std::unique_ptr<Transport>(std::move(transport));
}

}  // namespace pipelined::api
