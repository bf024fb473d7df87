#include "pipelined/api/server.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/auth.h"
#include "api/routes.h"
#include "api/service.h"
#include "api/target.h"
#include "api/transport/transport.h"
#include "pipelined/base/log.h"
#include "pipelined/secrets/token.h"

namespace pipelined::api {
namespace {

Response Refused(int status) {
  switch (status) {
    case 411:
      return Detail(411, "a body needs a Content-Length (none: Content-Length: 0)");
    case 413:
      return Detail(413, "the body is too large");
    case 414:
      return Detail(414, "the URL is too long");
    case 417:
      return Detail(417, "the only expectation that can be met is 100-continue");
    case 431:
      return Detail(431, "the header is too large");
    default:
      return Detail(status, "malformed request");
  }
}

// The client's own id where it is harmless in a log line and a header; otherwise a new one.
std::string RequestId(const RawRequest& raw) {
  for (const auto& [name, value] : raw.headers) {
    if (name != "x-request-id") continue;
    const bool plain = std::all_of(value.begin(), value.end(), [](unsigned char c) {
      return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_' ||
             c == '.';
    });
    if (plain && !value.empty() && value.size() <= 64) return value;
  }
  return secrets::RandomHex(8);
}

Response Answer(Service& service, RawRequest& raw) {
  if (raw.refused != 0) return Refused(raw.refused);
  Result<Target> target = ParseTarget(raw.target);
  if (!target.ok()) return Detail(400, target.error().message);
  Request request;
  request.method = raw.method;
  request.path = target->path;
  request.segments = std::move(target->segments);
  request.query = std::move(target->query);
  request.headers = std::move(raw.headers);
  request.body = std::move(raw.body);
  request.remote = raw.remote;
  return Dispatch(service, request);
}

// A log line is one line, whatever the client sent.
std::string OneLine(std::string_view target) {
  std::string out(target.substr(0, 300));
  std::replace_if(
      out.begin(), out.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }, '?');
  return out;
}

Response Handle(Service& service, RawRequest raw) {
  const Micros start = service.clock.Monotonic();
  const std::string id = RequestId(raw);
  const std::string line = fmt::format("{} {}", OneLine(raw.method), OneLine(raw.target));
  Response response = Answer(service, raw);
  response.headers.emplace_back("X-Request-Id", id);
  response.headers.emplace_back("X-Content-Type-Options", "nosniff");
  response.headers.emplace_back("Cache-Control", "no-store");
  service.counters.Count(response.status);
  // Reads that went well are too many to be told by default.
  const bool telling = response.status >= 400 || (raw.method != "GET" && raw.method != "HEAD");
  log::Write(telling ? log::Level::kInfo : log::Level::kDebug,
             fmt::format("{} {} {} {:.1f}ms {}", line, response.status, raw.remote,
                         static_cast<double>((service.clock.Monotonic() - start).count()) / 1e3, id));
  return response;
}

}  // namespace

class ApiServer::Impl {
 public:
  Impl(Catalog& catalog, ApiOptions options) : service_(catalog, std::move(options)) {}

  Status Start() {
    const ApiOptions& options = service_.options;
    const bool secure = !options.tls_cert.empty();
    if (!IsLoopback(options.host) && !secure && !options.allow_insecure) {
      return Error{ErrorCode::kInvalid, fmt::format("will not listen on {} without TLS", options.host),
                   "set api.tls_cert and api.tls_key, or use 127.0.0.1 behind a proxy that adds TLS, or set "
                   "api.allow_insecure"};
    }
    TransportOptions how;
    how.host = options.host;
    how.port = options.port;
    how.threads = options.threads;
    how.limits = options.limits;
    how.socket = options.socket;
    how.tls_cert = options.tls_cert;
    how.tls_key = options.tls_key;
    Result<std::unique_ptr<Transport>> transport =
        Transport::Listen(how, [this](RawRequest raw) { return Handle(service_, std::move(raw)); });
    if (!transport.ok()) return transport.error();
    transport_ = *std::move(transport);
    const bool v6 = options.host.find(':') != std::string::npos;
    url_ = fmt::format("{}://{}:{}", secure ? "https" : "http", v6 ? "[" + options.host + "]" : options.host,
                       transport_->port());
    return Ok();
  }

  void Stop() {
    service_.stopping.Set();
    transport_->Stop();
  }

  Status ReloadTls() { return transport_->ReloadTls(); }
  const std::string& url() const { return url_; }
  std::uint16_t port() const { return transport_->port(); }

 private:
  Service service_;
  std::unique_ptr<Transport> transport_;
  std::string url_;
};

Result<std::unique_ptr<ApiServer>> ApiServer::Start(Catalog& catalog, ApiOptions options) {
  auto impl = std::make_unique<Impl>(catalog, std::move(options));
  if (const Status started = impl->Start(); !started.ok()) return started.error();
  return std::unique_ptr<ApiServer>(new ApiServer(std::move(impl)));
}

ApiServer::ApiServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ApiServer::~ApiServer() {
  Stop();
}
const std::string& ApiServer::url() const {
  return impl_->url();
}
std::uint16_t ApiServer::port() const {
  return impl_->port();
}
Status ApiServer::ReloadTls() {
  return impl_->ReloadTls();
}
void ApiServer::Stop() {
  impl_->Stop();
}

}  // namespace pipelined::api
