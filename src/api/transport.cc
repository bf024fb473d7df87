// The only file that knows cpprestsdk.
#define _TURN_OFF_PLATFORM_STRING  // cpprestsdk's macro U breaks other headers
#include "api/transport.h"

#include <arpa/inet.h>
#include <cpprest/http_listener.h>
#include <fmt/format.h>
#include <netdb.h>
#include <pplx/threadpool.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <condition_variable>
#include <cstring>
#include <mutex>

#include "pipelined/base/log.h"

namespace pipelined::api {
namespace {

using web::http::http_request;
using web::http::http_response;

std::string Lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c); });
  return text;
}

// Binds once by hand: the listener does not say which port it got for 0, and says "Address already in use" without
// naming it.
Result<std::uint16_t> ProbePort(const std::string& host, std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  if (inet_pton(AF_INET, host.c_str(), &address.sin_addr) != 1) {
    return Error{ErrorCode::kInvalid, fmt::format("api.host must be an IPv4 address, not \"{}\"", host),
                 "127.0.0.1, or 0.0.0.0 for all"};
  }
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return Error{ErrorCode::kUnavailable, fmt::format("no socket: {}", std::strerror(errno)), ""};
  const int yes = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  socklen_t size = sizeof address;
  const bool bound = bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0 && listen(fd, 1) == 0 &&
                     getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  const int code = errno;
  close(fd);
  if (bound) return static_cast<std::uint16_t>(ntohs(address.sin_port));
  if (code == EADDRINUSE)
    return Error{ErrorCode::kConflict, fmt::format("port {} on {} is in use", port, host),
                 "choose another with --port"};
  return Error{ErrorCode::kUnavailable, fmt::format("cannot listen on {}:{}: {}", host, port, std::strerror(code)), ""};
}

// 0, or the status that refuses a body before it is read. Without a length the library reads without a limit.
int BodyRefusal(const http_request& request, std::size_t max_body) {
  const auto& headers = request.headers();
  if (headers.has(web::http::header_names::transfer_encoding)) return 411;
  const auto length = headers.find(web::http::header_names::content_length);
  if (length == headers.end()) return 0;
  std::uint64_t size = 0;
  const std::string& text = length->second;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), size);
  if (error == std::errc::result_out_of_range) return 413;
  if (error != std::errc() || end != text.data() + text.size()) return 400;
  return size > max_body ? 413 : 0;
}

RawRequest ToRaw(const http_request& request) {
  RawRequest raw;
  raw.method = request.method();
  const web::uri uri = request.request_uri();
  raw.target = uri.path();
  if (!uri.query().empty()) raw.target += "?" + uri.query();
  for (const auto& [name, value] : request.headers()) raw.headers.emplace_back(Lower(name), value);
  raw.remote = request.remote_address();
  return raw;
}

http_response FromResponse(Response response, bool head) {
  http_response out(static_cast<web::http::status_code>(response.status));
  for (auto& [name, value] : response.headers) out.headers().add(name, value);
  if (!response.content_type.empty())
    out.set_body(head ? std::string() : std::move(response.body), response.content_type);
  return out;
}

class CpprestTransport : public Transport {
 public:
  CpprestTransport(const TransportOptions& options, std::uint16_t port, Handler handler)
      : state_(std::make_shared<State>(std::move(handler), options.max_body)),
        port_(port),
        listener_(web::uri(fmt::format("http://{}:{}/", options.host, port))) {
    const auto take = [state = state_](const http_request& request) { Take(state, request); };
    listener_.support(take);
    listener_.support(web::http::methods::TRCE, take);  // its default echoes the request, cookies and all
    listener_.support(web::http::methods::OPTIONS, take);
  }

  ~CpprestTransport() override { CpprestTransport::Stop(); }

  Status Open() {
    try {
      listener_.open().wait();
      return Ok();
    } catch (const std::exception& failure) {
      return Error{ErrorCode::kUnavailable, fmt::format("cannot listen on port {}: {}", port_, failure.what()), ""};
    }
  }

  std::uint16_t port() const override { return port_; }

  void Stop() override {
    if (state_->Close()) {
      try {
        listener_.close().wait();
      } catch (const std::exception& failure) {
        log::Warning("closing the listener: {}", failure.what());
      }
    }
    state_->WaitUntilIdle();
  }

 private:
  // Outlives the transport where the library still holds a callback.
  struct State {
    State(Handler handler_, std::size_t max_body_) : handler(std::move(handler_)), max_body(max_body_) {}

    bool Enter() {
      const std::scoped_lock lock(mutex);
      if (closed) return false;
      ++running;
      return true;
    }
    void Leave() {
      const std::scoped_lock lock(mutex);
      --running;
      idle.notify_all();
    }
    bool Close() {
      const std::scoped_lock lock(mutex);
      return !std::exchange(closed, true);
    }
    void WaitUntilIdle() {
      std::unique_lock lock(mutex);
      idle.wait(lock, [this] { return running == 0; });
    }

    const Handler handler;
    const std::size_t max_body;
    std::mutex mutex;
    std::condition_variable idle;
    int running = 0;
    bool closed = false;
  };

  static void Reply(const http_request& request, Response response) {
    const bool head = request.method() == web::http::methods::HEAD;
    // A client that is gone makes the reply fail: nobody is left to tell.
    request.reply(FromResponse(std::move(response), head)).then([](const pplx::task<void>& sent) {
      try {
        sent.get();
      } catch (const std::exception&) {  // NOLINT(bugprone-empty-catch)
      }
    });
  }

  static void Handle(const std::shared_ptr<State>& state, const http_request& request, RawRequest raw) {
    if (!state->Enter()) return Reply(request, Detail(503, "the server is stopping"));
    Response response = state->handler(std::move(raw));
    state->Leave();
    Reply(request, std::move(response));
  }

  static void Take(const std::shared_ptr<State>& state, const http_request& request) {
    RawRequest raw = ToRaw(request);
    raw.refused = BodyRefusal(request, state->max_body);
    if (raw.refused != 0) return Handle(state, request, std::move(raw));
    request.extract_vector().then(
        [state, request, raw = std::move(raw)](const pplx::task<std::vector<unsigned char>>& read) mutable {
          try {
            const std::vector<unsigned char> bytes = read.get();
            raw.body.assign(bytes.begin(), bytes.end());
          } catch (const std::exception&) {
            return Reply(request, Detail(400, "the body could not be read"));
          }
          if (raw.body.size() > state->max_body) {
            raw.body.clear();
            raw.refused = 413;
          }
          Handle(state, request, std::move(raw));
        });
  }

  const std::shared_ptr<State> state_;
  const std::uint16_t port_;
  web::http::experimental::listener::http_listener listener_;
};

// The library's pool is one per process and can be sized once, before its first use.
void SizePool(int threads) {
  static std::once_flag once;
  std::call_once(once, [threads] {
    try {
      crossplat::threadpool::initialize_with_threads(static_cast<std::size_t>(std::max(threads, 2)));
    } catch (const std::exception&) {
      log::Debug("the library's thread pool is in use already: its size stays");
    }
  });
}

}  // namespace

Result<std::unique_ptr<Transport>> Transport::Listen(const TransportOptions& options, Handler handler) {
  const Result<std::uint16_t> port = ProbePort(options.host, options.port);
  if (!port.ok()) return port.error();
  SizePool(options.threads);
  auto transport = std::make_unique<CpprestTransport>(options, *port, std::move(handler));
  if (const Status opened = transport->Open(); !opened.ok()) return opened.error();
  return std::unique_ptr<Transport>(std::move(transport));
}

}  // namespace pipelined::api
