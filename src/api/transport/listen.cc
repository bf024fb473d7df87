// Threads, doors and the sweep that ends what takes too long.
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/steady_timer.hpp>
#include <exception>
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
constexpr int kMostUnread = 16;        // pieces of what somebody has sent who is turned away
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

// To somebody for whom there is no place. Nobody waits for him to read it; but what he has sent must have been read
// when the socket is closed, or a reset takes the answer away.
void TurnAway(int socket, const Response& response) {
  const std::string text = ResponseHead(response, {false, SystemClock().Now()}) + response.body;
  (void)!send(socket, text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  shutdown(socket, SHUT_WR);
  std::array<char, 4096> unread;
  for (int i = 0; i < kMostUnread && recv(socket, unread.data(), unread.size(), MSG_DONTWAIT) > 0; ++i) {
  }
}

class BoostTransport : public Transport {
 public:
  BoostTransport(const TransportOptions& options, Handler handler, Refusal refuse)
      : options_(options),
        shared_{options.limits,
                std::move(handler),
                std::move(refuse),
                *options_.counts,
                Seats(AffordableConnections(options.limits.connections), options.limits.connections_per_address,
                      *options_.counts),
                Turnstile(std::max(options.threads, 1), options.longest_line)},
        tcp_(io_, [this](Socket s, const asio::ip::tcp::endpoint& peer) { WelcomeTcp(std::move(s), peer); }),
        unix_(io_, [this](Socket s, const auto&) { Welcome(std::move(s), std::string(kLocalPeer), false); }),
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
      threads_.emplace_back([this] { RunThread(); });
    return Ok();
  }

  std::uint16_t port() const override { return port_; }
  Status ReloadTls() override { return tls_ == nullptr ? Ok() : tls_->Load(); }

  void Stop() override {
    const std::scoped_lock lock(stopping_);
    if (threads_.empty()) return;
    if (owns_socket_) unlink(options_.socket.c_str());  // before it is closed: a new one may then have its name
    tcp_.Close();
    unix_.Close();
    shared_.draining = true;  // from here on clients are dropped, and find nobody who would take them in again
    shared_.seats.TellAll(Seat::Why::kDraining);
    // A handler cannot be aborted: its connection goes when it has ended.
    for (Micros patience = options_.limits.drain_timeout; !shared_.seats.WaitUntilEmpty(patience);
         patience = Millis(50))
      shared_.seats.TellAll(Seat::Why::kAborted);
    io_.stop();
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }

 private:
  // What throws here (out of memory, say) costs its own connection; the others go on.
  void RunThread() {
    while (true) {
      try {
        io_.run();
        return;
      } catch (const std::exception& failure) {
        log::Error("the API's transport goes on after: {}", failure.what());
      }
    }
  }

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
    const auto connection = std::make_shared<Connection>(shared_, std::move(stream), std::move(peer));
    const int refusal = shared_.seats.Admit(connection);
    if (refusal == 0) return connection->Start();
    RawRequest unread;
    unread.remote = connection->address;
    const Response response = shared_.refuse(refusal, std::move(unread));
    if (!secure) TurnAway(handle, response);
  }

  void Sweep() {
    sweep_.expires_after(kSweepEvery);
    sweep_.async_wait([this](const boost::system::error_code& error) {
      if (error) return;
      shared_.seats.ExpireDue(SystemClock().Monotonic());
      Sweep();
    });
  }

  const TransportOptions options_;
  asio::io_context io_;  // outlives what shared_ still holds of connections
  Shared shared_;
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

Result<std::unique_ptr<Transport>> Transport::Listen(const TransportOptions& options, Handler handler, Refusal refuse) {
  auto transport = std::make_unique<BoostTransport>(options, std::move(handler), std::move(refuse));
  if (const Status opened = transport->Open(); !opened.ok()) return opened.error();
  return std::unique_ptr<Transport>(std::move(transport));
}

}  // namespace pipelined::api
