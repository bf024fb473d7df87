// Signing in with an identity provider. See docs/decisions/106-a-sign-in-under-way-lives-in-the-browser.md.
#include <fmt/format.h>

#include <charconv>

#include "api/http/cookies.h"
#include "api/http/errors.h"
#include "api/handlers.h"
#include "api/http/pages.h"
#include "api/access/sessions.h"
#include "api/shapes.h"
#include "api/http/target.h"
#include "pipelined/base/log.h"
#include "pipelined/http/client.h"
#include "pipelined/oidc/provider.h"
#include "pipelined/secrets/token.h"

namespace pipelined::api {
namespace {

constexpr int kAtProviderAtOnce = 2;  // each holds a thread while the provider thinks
constexpr std::string_view kCallback = "/auth/oidc/callback";
constexpr Seconds kPatience = std::chrono::minutes(10);  // how long somebody may take at the provider

// What the browser keeps while it is away. "Lax": Strict ones are not sent along when the provider sends it back.
Cookie AwayCookie(const Request& request) {
  Cookie cookie;
  cookie.name = "pipelined_oidc";
  cookie.path = kCallback;
  cookie.same_site = "Lax";
  cookie.secure = request.secure;
  cookie.max_age = kPatience;
  return cookie;
}

// "SECONDS.RANDOM.NEXT": when it was begun, and where to go afterwards. The bindings are made from all of it, so that
// nothing of it can be changed on the way.
std::string NewSecret(Instant now, std::string_view next) {
  const auto seconds = std::chrono::floor<Seconds>(now).time_since_epoch().count();
  return fmt::format("{}.{}.{}", seconds, secrets::NewToken(), UrlEncode(next));
}

bool InTime(std::string_view secret, Instant now) {
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(secret.data(), secret.data() + secret.size(), seconds);
  if (error != std::errc() || end == secret.data() + secret.size() || *end != '.') return false;
  const auto age = std::chrono::floor<Seconds>(now).time_since_epoch() - Seconds(seconds);
  return age >= Seconds(0) && age <= kPatience;
}

std::string NextIn(std::string_view secret) {
  const std::size_t dot = secret.rfind('.', secret.size());
  const Result<std::string> next = PercentDecode(secret.substr(dot + 1), false);
  return next.ok() ? SafeNext(*next) : "";
}

std::string Parameter(const Request& request, std::string_view name) {
  const std::string* value = Find(request.query, name);
  return value == nullptr ? "" : *value;
}

Response Failed(const Call& call, const Error& error) {
  const Request& request = call.request;
  log::Warning("a sign-in failed: {}", error.message);
  if (call.note != nullptr) call.note->failed = error.message;
  const Response plain = ErrorResponse(error);
  Response response = Refuse(request, error.code == ErrorCode::kNotAllowed ? 403 : plain.status,
                             error.code == ErrorCode::kBug ? "Internal error" : error.message);
  for (const auto& header : plain.headers) response.headers.push_back(header);
  return response;
}

Response Busy(const Request& request) {
  Response response = Refuse(request, 503, "too many are signing in at this moment; try again");
  response.headers.emplace_back("Retry-After", "1");
  return response;
}

Error NotAllowed(std::string message) {
  return {ErrorCode::kNotAllowed, std::move(message), ""};
}

// The words of RFC 6749 and OpenID Connect are of letters and "_"; what is not could be anything.
std::string Word(std::string_view text) {
  const bool plain = text.size() <= 40 && text.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == text.npos;
  return plain ? std::string(text) : "an unknown error";
}

Result<oidc::Identity> IdentityOf(const Call& call, const std::string& secret) {
  const Request& request = call.request;
  if (secret.empty() || !InTime(secret, call.service.Now()))
    return NotAllowed("this sign-in was not begun in this browser, or too long ago; sign in again");
  const oidc::Bindings bindings = oidc::BindingsOf(secret);
  if (!secrets::ConstantTimeEqual(Parameter(request, "state"), bindings.state))
    return NotAllowed("this sign-in was not begun in this browser (state); sign in again");
  if (const std::string error = Parameter(request, "error"); !error.empty())
    return NotAllowed("the identity provider says: " + Word(error));
  return call.service.options.oidc->Redeem(Parameter(request, "code"), Parameter(request, "iss"), bindings,
                                           BaseUrl(call.service, request) + std::string(kCallback));
}

// A role of the settings may have been deleted, or never been made.
Status CheckRole(Service& service, const std::string& role) {
  if (access::BuiltInFromString(role)) return Ok();
  const Result<RoleRow> known = service.catalog.accounts().Role(role);
  if (known.ok()) return Ok();
  if (known.error().code != ErrorCode::kNotFound) return known.error();
  return NotAllowed(fmt::format("there is no role \"{}\" here (auth.oidc_roles)", role));
}

// For the audit trail, where the provider's word has changed it.
void NoteRole(const Call& call, const std::string& before, const std::string& after) {
  if (before == after) return;
  call.Before("", Value::Map{{"role", TextOrNull(before)}});
  call.After("", Value::Map{{"role", TextOrNull(after)}});
}

Error Dismiss(const Call& call, const oidc::Identity& identity) {
  const Result<std::optional<SignedIn>> known =
      call.service.catalog.user_sessions().Dismiss(identity.issuer, identity.subject);
  if (!known.ok()) return known.error();
  if (known->has_value()) {
    NoteRole(call, (*known)->role_before, "");
    call.service.premises.AskAll();
  }
  return NotAllowed(fmt::format("{} is in no group that has a role here (auth.oidc_roles)", identity.name));
}

Result<SessionUser> UserOf(const Call& call, const oidc::Identity& identity) {
  const std::string role = call.service.oidc_roles.RoleOf(identity.groups);
  if (role.empty()) return Dismiss(call, identity);
  if (const Status known = CheckRole(call.service, role); !known.ok()) return known.error();
  Result<SignedIn> signed_in =
      call.service.catalog.user_sessions().SignIn({identity.issuer, identity.subject, identity.name, role});
  if (!signed_in.ok()) return signed_in.error();
  NoteRole(call, signed_in->role_before, role);
  return std::move(signed_in->user);
}

Response Finish(const Call& call, const std::string& secret) {
  const Request& request = call.request;
  const Result<oidc::Identity> identity = IdentityOf(call, secret);
  if (!identity.ok()) return Failed(call, identity.error());
  if (call.note != nullptr) call.note->who = identity->name;
  const Result<SessionUser> user = UserOf(call, *identity);
  if (!user.ok()) return Failed(call, user.error());
  if (call.note != nullptr) call.note->who = user->name;
  const std::string next = NextIn(secret);
  // A page and no redirect: a browser that comes from elsewhere sends Strict cookies only after this site's own page.
  const std::string to = next.empty() ? "/docs" : next;
  Response response = Page(200, "signed in", fmt::format("<p><a href=\"{}\">Go on</a></p>", EscapeHtml(to)), to);
  if (const Status opened = OpenSession(call.service, request, *user, "oidc", response); !opened.ok())
    return Failed(call, opened.error());
  response.user = user->name;
  return response;
}

}  // namespace

Response GetOidcLogin(const Call& call) {
  const Request& request = call.request;
  const std::shared_ptr<oidc::Provider>& provider = call.service.options.oidc;
  if (provider == nullptr) return Refuse(request, 404, "there is no identity provider here (auth.oidc_issuer)");
  const std::string next = Parameter(request, "next");
  if (!next.empty() && SafeNext(next).empty()) return Detail(400, "Invalid or unsafe next URL");
  const Place place(call.service.at_provider);
  if (!place.Within(kAtProviderAtOnce)) return Busy(request);
  Cookie cookie = AwayCookie(request);
  cookie.value = NewSecret(call.service.Now(), next);
  Result<std::string> url = provider->AuthorizationUrl(oidc::BindingsOf(cookie.value),
                                                       BaseUrl(call.service, request) + std::string(kCallback));
  if (!url.ok()) return Failed(call, url.error());
  Response response = Redirect(302, *std::move(url));
  AddCookie(cookie, response);
  return response;
}

Response GetOidcCallback(const Call& call) {
  const Request& request = call.request;
  if (call.service.options.oidc == nullptr)
    return Refuse(request, 404, "there is no identity provider here (auth.oidc_issuer)");
  const Place place(call.service.at_provider);
  if (!place.Within(kAtProviderAtOnce)) return Busy(request);
  Response response = Finish(call, CookieOf(request, AwayCookie(request).name));
  DropCookie(AwayCookie(request), response);
  return response;
}

}  // namespace pipelined::api
