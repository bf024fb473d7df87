#include "api/access/auth.h"

#include <fmt/format.h>

#include "api/http/body.h"
#include "api/http/errors.h"
#include "api/access/sessions.h"
#include "api/transport/transport.h"
#include "pipelined/schema/json.h"
#include "pipelined/secrets/password.h"
#include "pipelined/secrets/token.h"

namespace pipelined::api {
namespace {

constexpr std::size_t kLongestName = 256;
constexpr int kLogInsAtOnce = 2;  // each holds a thread while it waits for the one password that is being hashed

Response Unauthorized() {
  Response response = Detail(401, "Not authenticated");
  response.headers.emplace_back("WWW-Authenticate", "Bearer");
  return response;
}

// The token of "Bearer …"; nothing for any other scheme.
std::optional<std::string_view> BearerToken(const Request& request) {
  const std::string* header = request.Header("authorization");
  if (header == nullptr || header->size() < 8) return std::nullopt;
  std::string scheme = header->substr(0, 7);
  for (char& c : scheme) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
  if (scheme != "bearer ") return std::nullopt;
  return std::string_view(*header).substr(7);
}

Response TooMany(std::int64_t seconds) {
  Response response = Detail(429, "Too many failed log-ins; try again later");
  response.headers.emplace_back("Retry-After", std::to_string(seconds));
  return response;
}

Response Issue(Service& service, const UserRow& user) {
  const std::string token = secrets::NewToken();
  const Status stored =
      service.catalog.AddToken(secrets::TokenHash(token), user, service.Now() + service.options.token_lifetime);
  if (stored.ok()) return Json(201, Value::Map{{"access_token", token}});
  return stored.error().code == ErrorCode::kNotAllowed ? WrongPassword() : ErrorResponse(stored.error());
}

}  // namespace

std::variant<Caller, Response> Authenticate(Service& service, const Request& request) {
  const std::optional<std::string_view> token = BearerToken(request);
  if (!token) {
    std::optional<std::variant<Caller, Response>> browser = AuthenticateBrowser(service, request);
    return browser ? *std::move(browser) : std::variant<Caller, Response>(Unauthorized());
  }
  const std::string& local = service.options.local_token;
  if (!local.empty() && secrets::ConstantTimeEqual(*token, local)) {
    Caller admin;
    admin.name = "admin";
    admin.via = "local token";
    admin.rights = access::Rights::Of(access::BuiltIn::kAdmin);
    return admin;
  }
  Result<std::optional<Principal>> who = service.catalog.accounts().OfToken(secrets::TokenHash(*token));
  if (!who.ok()) return ErrorResponse(who.error());
  if (!who->has_value()) return Detail(403, "Forbidden: the token is unknown, has expired or was revoked");
  return CallerOf(**std::move(who));
}

Caller CallerOf(Principal principal) {
  Caller caller;
  caller.name = std::move(principal.account.name);
  caller.account = principal.account.id;
  caller.rights = std::move(principal.rights);
  if (principal.token) {
    caller.via = "token";
    caller.token = principal.token->id;
    caller.limited = principal.token->permissions || principal.token->dag_ids;
    caller.logged_in = principal.token->of_login;
    caller.ends = principal.token->expires_at.has_value();
  }
  return caller;
}

bool IsLoopback(std::string_view address) {
  return address == kLocalPeer || address.starts_with("127.") || address == "::1" || address.starts_with("::ffff:127.");
}

bool NeedsNoUser(const Service& service, const Request& request) {
  const std::string& own = service.options.metrics_token;
  if (own.empty()) return IsLoopback(request.remote);
  const std::optional<std::string_view> token = BearerToken(request);
  return token && secrets::ConstantTimeEqual(*token, own);
}

Response WrongPassword() {
  Response response = Detail(401, "Invalid credentials");
  response.headers.emplace_back("WWW-Authenticate", "Bearer");
  return response;
}

std::variant<UserRow, Response> CheckPassword(const Call& call, const std::string& name, const std::string& password) {
  Service& service = call.service;
  const std::string& remote = call.request.remote;
  if (const std::int64_t wait = service.logins.RetryAfter(remote, name, service.clock.Monotonic()); wait > 0)
    return TooMany(wait);
  const Place place(service.logging_in);
  if (!place.Within(kLogInsAtOnce)) return TooMany(1);
  Result<std::optional<UserRow>> user = call.catalog().FindUser(name);
  if (!user.ok()) return ErrorResponse(user.error());
  const bool known = user->has_value() && !(*user)->password_hash.empty();
  const bool right =
      known ? secrets::VerifyPassword(password, (*user)->password_hash) : secrets::VerifyNobody(password);
  if (!right || (*user)->disabled) {  // the answer does not tell which
    service.logins.Failed(remote, name, service.clock.Monotonic());
    return WrongPassword();
  }
  service.logins.Succeeded(remote, name, service.clock.Monotonic());
  return **std::move(user);
}

Response PostToken(const Call& call) {
  const Result<Value> body = ParseJson(call.request.body);
  if (!body.ok()) return Detail(422, "the body must be JSON: " + body.error().message);
  const Value* name = body->Find("username");
  const Value* password = body->Find("password");
  if (name == nullptr || password == nullptr || !name->is_string() || !password->is_string() || HoldsNul(*body) ||
      name->string().size() > kLongestName) {
    return Detail(422, "username and password are required");
  }
  if (call.note != nullptr) call.note->who = name->string();
  std::variant<UserRow, Response> user = CheckPassword(call, name->string(), password->string());
  if (Response* refusal = std::get_if<Response>(&user)) return std::move(*refusal);
  return Issue(call.service, std::get<UserRow>(user));
}

}  // namespace pipelined::api
