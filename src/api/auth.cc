#include "api/auth.h"

#include <fmt/format.h>

#include "api/body.h"
#include "api/errors.h"
#include "api/sessions.h"
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
      service.catalog.AddToken(secrets::TokenHash(token), user.id, service.Now() + service.options.token_lifetime);
  if (!stored.ok()) return ErrorResponse(stored.error());
  return Json(201, Value::Map{{"access_token", token}});
}

}  // namespace

std::variant<Caller, Response> Authenticate(Service& service, const Request& request) {
  const std::optional<std::string_view> token = BearerToken(request);
  if (!token) {
    std::optional<std::variant<Caller, Response>> browser = AuthenticateBrowser(service, request);
    return browser ? *std::move(browser) : std::variant<Caller, Response>(Unauthorized());
  }
  const std::string& local = service.options.local_token;
  if (!local.empty() && secrets::ConstantTimeEqual(*token, local))
    return Caller{"admin", access::Rights::Of(access::BuiltIn::kAdmin), {}};
  const Result<std::optional<UserRow>> user = service.catalog.UserOfToken(secrets::TokenHash(*token));
  if (!user.ok()) return ErrorResponse(user.error());
  if (!user->has_value()) return Detail(403, "Forbidden: the token is unknown or has expired");
  return CallerOf(**user);
}

std::variant<Caller, Response> CallerOf(const UserRow& user) {
  const std::optional<access::BuiltIn> role = access::BuiltInFromString(user.role);
  if (!role) return Detail(403, "Forbidden: the user has no role that is known here");
  return Caller{user.name, access::Rights::Of(*role), {}};
}

bool IsLoopback(std::string_view address) {
  return address == kLocalPeer || address.starts_with("127.") || address == "::1" || address.starts_with("::ffff:127.");
}

std::variant<UserRow, Response> CheckPassword(const Call& call, const std::string& name, const std::string& password) {
  if (name.size() > kLongestName) return Detail(422, "username and password are required");
  Service& service = call.service;
  const Micros monotonic = service.clock.Monotonic();
  // Per address, too: who guesses from elsewhere does not lock the owner out.
  const std::string who = call.request.remote + " " + name;
  if (const std::int64_t wait = service.logins.RetryAfter(who, monotonic); wait > 0) return TooMany(wait);
  const Place place(service.logging_in);
  if (!place.Within(kLogInsAtOnce)) return TooMany(1);
  Result<std::optional<UserRow>> user = service.catalog.FindUser(name);
  if (!user.ok()) return ErrorResponse(user.error());
  // Who signs in with a provider has no password here; how long the answer takes must not tell.
  const bool has_password = user->has_value() && (*user)->password_hash.starts_with("$");
  const bool right =
      has_password ? secrets::VerifyPassword(password, (*user)->password_hash) : secrets::VerifyNobody(password);
  if (!right) {
    service.logins.Failed(who, monotonic);
    Response response = Detail(401, "Invalid credentials");
    response.headers.emplace_back("WWW-Authenticate", "Bearer");
    return response;
  }
  service.logins.Succeeded(who);
  return **std::move(user);
}

Response PostToken(const Call& call) {
  const Result<Value> body = ParseJson(call.request.body);
  if (!body.ok()) return Detail(422, "the body must be JSON: " + body.error().message);
  const Value* name = body->Find("username");
  const Value* password = body->Find("password");
  if (name == nullptr || password == nullptr || !name->is_string() || !password->is_string() || HoldsNul(*body))
    return Detail(422, "username and password are required");
  std::variant<UserRow, Response> checked = CheckPassword(call, name->string(), password->string());
  if (Response* refusal = std::get_if<Response>(&checked)) return std::move(*refusal);
  return Issue(call.service, std::get<UserRow>(checked));
}

}  // namespace pipelined::api
