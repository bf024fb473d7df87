#include "pipelined/api/server.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "api/http/access_log.h"
#include "api/access/auth.h"
#include "api/http/cors.h"
#include "api/http/errors.h"
#include "api/http/negotiate.h"
#include "api/http/provenance.h"
#include "api/routes.h"
#include "api/service.h"
#include "api/http/target.h"
#include "api/transport/transport.h"
#include "pipelined/base/log.h"
#include "pipelined/secrets/token.h"

namespace pipelined::api {
namespace {

Response TryAgain(int status, std::string_view message) {
  Response response = Detail(status, message);
  response.headers.emplace_back("Retry-After", "1");
  return response;
}

Response Refused(int status) {
  switch (status) {
    case 408:
      return Detail(408, "the request did not come in time");
    case 411:
      return Detail(411, "a body needs a Content-Length (none: Content-Length: 0)");
    case 413:
      return Detail(413, "the body is too large");
    case 414:
      return Detail(414, "the URL is too long");
    case 417:
      return Detail(417, "the only expectation that can be met is 100-continue");
    case 429:
      return TryAgain(429, "too many connections from your address");
    case 431:
      return Detail(431, "the header is too large");
    case 500:
      return ErrorResponse({ErrorCode::kBug, "the request was not answered", ""});
    case 503:
      return TryAgain(503, "too many requests; try again");
    default:
      return Detail(status, "malformed request");
  }
}

// The client's own id where it is harmless in a log line and a header; otherwise a new one.
std::string RequestId(const RawRequest& raw) {
  const std::string* id = Find(raw.headers, "x-request-id");
  const auto plain = [](unsigned char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_' ||
           c == '.';
  };
  const bool fine = id != nullptr && !id->empty() && id->size() <= 64 && std::all_of(id->begin(), id->end(), plain);
  return fine ? *id : secrets::RandomHex(8);
}

Result<Request> ToRequest(RawRequest& raw, const Provenance& from, const std::string& id) {
  Result<Target> target = ParseTarget(raw.target);
  if (!target.ok()) return target.error();
  Request request;
  request.method = raw.method;
  request.path = target->path;
  request.segments = std::move(target->segments);
  request.query = std::move(target->query);
  request.headers = std::move(raw.headers);
  request.body = std::move(raw.body);
  request.remote = from.remote;
  request.secure = from.secure;
  request.host = from.host;
  request.proxy_user = from.proxy_user;
  request.id = id;
  request.pause = raw.pause;
  request.answer_now = raw.answer_now;
  return request;
}

// Of the server as a whole.
Response OptionsOfAll() {
  return Options({"GET", "POST", "PUT", "PATCH", "DELETE"});
}

// By the Host as it came: what a proxy says instead could be said by a page, too.
std::optional<Response> RefuseForeignHost(const Service& service, const RawRequest& raw) {
  const std::string* host = Find(raw.headers, "host");
  if (raw.remote == kLocalPeer || host == nullptr || service.hosts.Has(*host)) return std::nullopt;
  return Detail(421,
                fmt::format("this server is not called {}; names of its own belong into api.allowed_hosts", *host));
}

Response Respond(Service& service, RawRequest& raw, const Provenance& from, const std::string& id) {
  if (raw.refused != 0) return Refused(raw.refused);
  std::optional<Response> foreign = RefuseForeignHost(service, raw);
  if (raw.method == "OPTIONS" && raw.target == "*") return foreign ? *std::move(foreign) : OptionsOfAll();
  if (from.ambiguous) return Detail(400, "the proxy names more than one user");
  Result<Request> request = ToRequest(raw, from, id);
  if (!request.ok()) return Detail(400, request.error().message);
  if (foreign) return *std::move(foreign);
  Response response = Dispatch(service, *request);
  if (response.pause != nullptr) {  // it will be asked again
    raw.headers = std::move(request->headers);
    raw.body = std::move(request->body);
    return response;
  }
  Negotiate(*request, service.options.gzip, response);
  AllowOrigin(service.origins, *request, response);
  return response;
}

Error Named(std::string_view setting, const Error& error) {
  return {ErrorCode::kInvalid, fmt::format("{}: {}", setting, error.message), error.hint};
}

Status CheckSignIn(const ApiOptions& options) {
  if (const auto proxies = AddressList::Parse(options.trusted_proxies); !proxies.ok())
    return Named("api.trusted_proxies", proxies.error());
  if (!options.proxy_user_header.empty() && options.trusted_proxies.empty())
    return Error{ErrorCode::kInvalid, "auth.proxy_user_header needs api.trusted_proxies",
                 "name the proxies that may say who somebody is"};
  const std::string& url = options.public_url;
  if (!url.empty() && (!IsOrigin(url) || url == "*"))
    return Error{ErrorCode::kInvalid, fmt::format("api.public_url: \"{}\" is not of the form https://host", url),
                 "without a path and without a slash at its end, in lower case"};
  const auto roles = RoleMap::Parse(options.oidc_roles);
  if (!roles.ok()) return Named("auth.oidc_roles", roles.error());
  if (options.oidc != nullptr && roles->entries().empty())
    return Error{ErrorCode::kInvalid, "auth.oidc_issuer needs auth.oidc_roles: nobody could sign in",
                 "write platform=admin, *=viewer"};
  return Ok();
}

// What contradicts itself would only show when a client meets it.
Status CheckOptions(const ApiOptions& options, const std::vector<std::string>& origins) {
  const auto invalid = [](std::string message, std::string help) {
    return Error{ErrorCode::kInvalid, std::move(message), std::move(help)};
  };
  const Limits& limits = options.limits;
  if (options.tls_cert.empty() != options.tls_key.empty())
    return invalid("api.tls_cert and api.tls_key need each other", "set both, or none");
  if (limits.max_url >= limits.max_header)
    return invalid("api.max_url must be less than api.max_header", "the header holds the URL");
  if (limits.max_body > limits.max_bodies)
    return invalid("api.max_body must not be more than api.max_bodies", "all bodies together hold each one");
  for (const std::string& origin : origins) {
    if (!IsOrigin(origin))
      return invalid(fmt::format("api.cors_origins: \"{}\" is no origin", origin),
                     "as browsers send it: https://host or https://host:port, in lower case, without a path; or *");
  }
  if (const auto hosts = OwnHosts::Make(options.host, options.allowed_hosts, options.public_url); !hosts.ok())
    return Named("api.allowed_hosts", hosts.error());
  if (const Status checked = CheckSignIn(options); !checked.ok()) return checked;
  if (!IsLoopback(options.host) && options.tls_cert.empty() && !options.allow_insecure)
    return invalid(fmt::format("will not listen on {} without TLS", options.host),
                   "set api.tls_cert and api.tls_key, or use 127.0.0.1 behind a proxy that adds TLS, or set "
                   "api.allow_insecure");
  return Ok();
}

// What every answer has, whoever made it: an id, a place in the counters and, where that is set, in the log.
Response Finished(Service& service, LoggedRequest logged, Response response) {
  response.headers.emplace_back("X-Request-Id", logged.id);
  response.headers.emplace_back("X-Content-Type-Options", "nosniff");
  if (Find(response.headers, "Cache-Control") == nullptr) response.headers.emplace_back("Cache-Control", "no-store");
  service.counters.Count(response.status);
  if (!IsLogged(service.options.access_log, logged.method, response.status)) return response;
  logged.status = response.status;
  logged.bytes = response.body.size();
  logged.user = response.user;
  log::Write(log::Level::kInfo, AccessLine(logged));
  return response;
}

Provenance WhereFrom(const Service& service, const RawRequest& raw) {
  const ApiOptions& options = service.options;
  Provenance from = ProvenanceOf(service.proxies, !options.tls_cert.empty(), options.proxy_user_header, raw);
  from.secure = from.secure || options.always_secure;
  return from;
}

LoggedRequest ToLog(const RawRequest& raw, const Provenance& from) {
  const std::string* agent = Find(raw.headers, "user-agent");
  return {raw.method, raw.target, from.remote, agent == nullptr ? "" : *agent, "", 0, 0, raw.waited, RequestId(raw)};
}

// Of an answer that is a feed: until it begins.
void Measure(Service& service, const Response& response, Micros took) {
  const std::string operation(response.operation.empty() ? std::string_view("none") : response.operation);
  service.metrics
      .AddHistogram("pipelined_api_request_duration_seconds", "How long requests took, without waiting and sending.",
                    metrics::Latencies(), {{"operation", operation}, {"status", std::to_string(response.status)}})
      .Observe(took);
}

Response Handle(Service& service, RawRequest& raw) {
  const Micros start = service.clock.Monotonic();
  const Provenance from = WhereFrom(service, raw);
  LoggedRequest logged = ToLog(raw, from);
  Response response = Respond(service, raw, from, logged.id);
  if (response.pause != nullptr) return response;
  const Micros took = service.clock.Monotonic() - start;
  Measure(service, response, took);
  logged.took += took;
  return Finished(service, std::move(logged), std::move(response));
}

Response Refuse(Service& service, int status, const RawRequest& raw) {
  return Finished(service, ToLog(raw, WhereFrom(service, raw)), Refused(status));
}

}  // namespace

class ApiServer::Impl {
 public:
  Impl(Catalog& catalog, ApiOptions options) : service_(catalog, std::move(options)) {}

  Status Start() {
    const ApiOptions& options = service_.options;
    if (const Status checked = CheckOptions(options, service_.origins); !checked.ok()) return checked;
    TransportOptions how;
    how.host = options.host;
    how.port = options.port;
    how.threads = options.threads;
    how.limits = options.limits;
    how.socket = options.socket;
    how.tls_cert = options.tls_cert;
    how.tls_key = options.tls_key;
    how.counts = service_.connections;
    Result<std::unique_ptr<Transport>> transport = Transport::Listen(
        how, [this](RawRequest& raw) { return Handle(service_, raw); },
        [this](int status, RawRequest raw) { return Refuse(service_, status, std::move(raw)); });
    if (!transport.ok()) return transport.error();
    transport_ = *std::move(transport);
    const bool secure = !options.tls_cert.empty();
    const bool v6 = options.host.find(':') != std::string::npos;
    url_ = fmt::format("{}://{}:{}", secure ? "https" : "http", v6 ? "[" + options.host + "]" : options.host,
                       transport_->port());
    return Ok();
  }

  void Stop() {
    service_.events.Stop();
    service_.ticks.Stop();
    service_.premises.Stop();
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
