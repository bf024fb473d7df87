#include "api/access/sessions.h"

#include <fmt/format.h>

#include "api/access/auth.h"
#include "api/http/cookies.h"
#include "api/http/cors.h"
#include "api/http/errors.h"
#include "pipelined/base/hash.h"
#include "pipelined/secrets/token.h"

namespace pipelined::api {
namespace {

constexpr std::size_t kLongestAgent = 200;
constexpr std::string_view kForeign =
    "Forbidden: the request comes from a page of another origin (behind a proxy see api.trusted_proxies)";

// With the prefix browsers take it over TLS only, for this host only: no neighbour can plant one.
std::string SessionCookieName(bool secure) {
  return secure ? "__Host-pipelined_session" : "pipelined_session";
}

Cookie SessionCookie(const Request& request) {
  Cookie cookie;
  cookie.name = SessionCookieName(request.secure);
  cookie.secure = request.secure;
  return cookie;
}

Cookie CsrfCookie(const Request& request) {
  Cookie cookie;
  cookie.name = "pipelined_csrf";
  cookie.http_only = false;  // scripts of this site have to copy it into the header
  cookie.secure = request.secure;
  return cookie;
}

std::string SessionId(const Request& request) {
  return CookieOf(request, SessionCookieName(request.secure));
}

// Tells nothing of the id that it is made from.
std::string CsrfToken(const std::string& session_id) {
  return Sha256Hex("csrf\n" + session_id);
}

bool IsSafe(const Request& request) {
  return request.method == "GET" || request.method == "HEAD" || request.method == "OPTIONS";
}

std::string Lower(std::string text) {
  for (char& c : text) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
  return text;
}

std::variant<Caller, Response> CallerNamed(Service& service, const std::string& name) {
  Result<std::optional<Principal>> who = service.catalog.accounts().OfAccount(name);
  if (!who.ok()) return ErrorResponse(who.error());
  if (!who->has_value() || (*who)->account.disabled || (*who)->account.kind != AccountKind::kUser)
    return Detail(403, "Forbidden: you are no user here, or disabled");
  Caller caller = CallerOf(**std::move(who));
  caller.via = "browser";  // a session of one, or a proxy before it
  caller.ends = true;
  return caller;
}

std::variant<Caller, Response> AuthenticateProxied(Service& service, const Request& request) {
  if (!IsSafe(request)) {
    if (std::optional<Response> refusal = RefuseForeign(service, request)) return *std::move(refusal);
  }
  return CallerNamed(service, request.proxy_user);
}

}  // namespace

std::string BaseUrl(const Service& service, const Request& request) {
  if (!service.options.public_url.empty()) return service.options.public_url;
  return fmt::format("{}://{}", request.secure ? "https" : "http", Lower(request.host));
}

std::string SessionHash(const Request& request) {
  const std::string id = SessionId(request);
  return id.empty() ? "" : secrets::TokenHash(id);
}

std::string CsrfTokenOf(const Request& request) {
  const std::string id = SessionId(request);
  return id.empty() ? "" : CsrfToken(id);
}

Status OpenSession(Service& service, const Request& request, SignedIn who, Response& response) {
  const std::string id = secrets::NewToken();
  const std::string* agent = request.Header("user-agent");
  NewUserSession session;
  session.sha256 = secrets::TokenHash(id);
  session.user = who.user;
  session.sign_in = who.sign_in;
  session.password_hash = std::move(who.password_hash);
  session.remote = request.remote;
  session.user_agent = agent == nullptr ? "" : agent->substr(0, kLongestAgent);
  session.expires = service.Now() + service.options.session_lifetime;
  UserSessions& sessions = service.catalog.user_sessions();
  if (const Status opened = sessions.Open(session); !opened.ok()) return opened;
  if (const std::string old = SessionHash(request); !old.empty()) {
    if (const Result<int> ended = sessions.End(old); !ended.ok()) return ended.error();
  }
  Cookie cookie = SessionCookie(request), csrf = CsrfCookie(request);
  cookie.value = id;
  csrf.value = CsrfToken(id);
  AddCookie(cookie, response);
  AddCookie(csrf, response);
  return Ok();
}

Result<std::string> CloseSession(Service& service, const Request& request, Response& response) {
  std::string name;
  if (const std::string hash = SessionHash(request); !hash.empty()) {
    UserSessions& sessions = service.catalog.user_sessions();
    const Result<std::optional<SessionUser>> user = sessions.UserOf(hash, service.options.session_idle);
    if (!user.ok()) return user.error();
    if (user->has_value()) name = (*user)->name;
    if (const Result<int> ended = sessions.End(hash); !ended.ok()) return ended.error();
  }
  DropCookie(SessionCookie(request), response);
  DropCookie(CsrfCookie(request), response);
  return name;
}

std::optional<Response> RefuseForeign(const Service& service, const Request& request) {
  if (const std::string* origin = request.Header("origin"); origin != nullptr) {
    const std::string own = fmt::format("{}://{}", request.secure ? "https" : "http", Lower(request.host));
    if (*origin == own || *origin == BaseUrl(service, request)) return std::nullopt;
    return Detail(403, kForeign);
  }
  const std::string* site = request.Header("sec-fetch-site");
  if (site == nullptr || *site == "same-origin" || *site == "none") return std::nullopt;
  return Detail(403, kForeign);
}

std::optional<Response> RefuseForged(const Service& service, const Request& request, std::string_view given) {
  if (std::optional<Response> refusal = RefuseForeign(service, request)) return refusal;
  if (secrets::ConstantTimeEqual(given, CsrfTokenOf(request))) return std::nullopt;
  return Detail(403, "Forbidden: X-CSRF-Token is missing or not that of this session (cookie pipelined_csrf)");
}

std::optional<std::variant<Caller, Response>> AuthenticateBrowser(Service& service, const Request& request) {
  if (!request.proxy_user.empty()) return AuthenticateProxied(service, request);
  const std::string hash = SessionHash(request);
  if (hash.empty()) return std::nullopt;
  const Result<std::optional<SessionUser>> user =
      service.catalog.user_sessions().UserOf(hash, service.options.session_idle);
  if (!user.ok()) return ErrorResponse(user.error());
  if (!user->has_value()) return std::nullopt;
  if (!IsSafe(request)) {
    const std::string* given = request.Header("x-csrf-token");
    if (std::optional<Response> refusal = RefuseForged(service, request, given == nullptr ? "" : *given))
      return *std::move(refusal);
  }
  return CallerNamed(service, (*user)->name);
}

}  // namespace pipelined::api
