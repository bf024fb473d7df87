// Signing in with an identity provider. See docs/decisions/106-a-sign-in-under-way-lives-in-the-browser.md.
#include <fmt/format.h>

#include <algorithm>

#include "api/access/away.h"
#include "api/http/cookies.h"
#include "api/http/errors.h"
#include "api/handlers.h"
#include "api/http/pages.h"
#include "api/access/sessions.h"
#include "api/http/network.h"
#include "api/http/target.h"
#include "api/shapes.h"
#include "pipelined/base/log.h"
#include "pipelined/oidc/provider.h"
#include "pipelined/secrets/token.h"

namespace pipelined::api {
namespace {

constexpr int kAtProviderAtOnce = 2;  // each holds a thread while the provider thinks
constexpr std::string_view kCallback = "/auth/oidc/callback";

// What the browser keeps while it is away. "Lax": Strict ones are not sent along when the provider sends it back.
Cookie AwayCookie(const Request& request) {
  Cookie cookie;
  cookie.name = "pipelined_oidc";
  cookie.path = kCallback;
  cookie.same_site = "Lax";
  cookie.secure = request.secure;
  cookie.max_age = kLongestAway;
  return cookie;
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

Response TryAgain(const Request& request, int status, std::string_view why, std::int64_t seconds) {
  Response response = Refuse(request, status, why);
  response.headers.emplace_back("Retry-After", std::to_string(seconds));
  return response;
}

Response Busy(const Request& request) {
  return TryAgain(request, 503, "too many are signing in at this moment; try again", 1);
}

// Never all threads: whoever signs in must not keep others from what needs no provider.
int AtProviderAtOnce(const Service& service) {
  return std::clamp(service.options.threads - 1, 1, kAtProviderAtOnce);
}

// Anybody may take such steps, and each may make this server ask the provider.
std::optional<Response> RefuseTooOften(const Call& call) {
  const std::string network = NetworkOf(call.request.remote);
  const Micros now = call.service.clock.Monotonic();
  const std::int64_t wait = call.service.provider_steps.RetryAfter(network, now);
  if (wait > 0) return TryAgain(call.request, 429, "too many sign-ins from your address; try again", wait);
  call.service.provider_steps.Count(network, now);
  return std::nullopt;
}

Error NotAllowed(std::string message) {
  return {ErrorCode::kNotAllowed, std::move(message), ""};
}

// The words of RFC 6749 and OpenID Connect are of letters and "_"; what is not could be anything.
std::string Word(std::string_view text) {
  const bool plain = text.size() <= 40 && text.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == text.npos;
  return plain ? std::string(text) : "an unknown error";
}

// Who comes back, as far as this server can tell by itself.
Result<Away> Returned(const Call& call) {
  const Request& request = call.request;
  std::optional<Away> away =
      ReadAway(*call.service.seal, CookieOf(request, AwayCookie(request).name), call.service.Now());
  if (!away) return NotAllowed("this sign-in was not begun in this browser, or too long ago; sign in again");
  if (!secrets::ConstantTimeEqual(Parameter(request, "state"), oidc::BindingsOf(away->secret).state))
    return NotAllowed("this sign-in was not begun in this browser (state); sign in again");
  if (const std::string error = Parameter(request, "error"); !error.empty())
    return NotAllowed("the identity provider says: " + Word(error));
  return *std::move(away);
}

// A name as it can be written down whatever it holds.
std::string Printable(std::string name) {
  std::replace_if(
      name.begin(), name.end(), [](unsigned char c) { return c < 0x20 || c > 0x7e; }, '?');
  return name;
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
  const Result<std::optional<AdmittedUser>> known =
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
  Result<AdmittedUser> admitted =
      call.service.catalog.user_sessions().SignIn({identity.issuer, identity.subject, identity.name, role});
  if (!admitted.ok()) return admitted.error();
  NoteRole(call, admitted->role_before, role);
  return std::move(admitted->user);
}

Response Finish(const Call& call, const Away& away) {
  const Request& request = call.request;
  const Result<oidc::Identity> identity = call.service.options.oidc->Redeem(
      Parameter(request, "code"), Parameter(request, "iss"), oidc::BindingsOf(away.secret),
      BaseUrl(call.service, request) + std::string(kCallback));
  if (!identity.ok()) return Failed(call, identity.error());
  if (call.note != nullptr) call.note->who = Printable(identity->name);
  const Result<SessionUser> user = UserOf(call, *identity);
  if (!user.ok()) return Failed(call, user.error());
  if (call.note != nullptr) call.note->who = user->name;
  const std::string next = SafeNext(away.next);
  // A page and no redirect: a browser that comes from elsewhere sends Strict cookies only after this site's own page.
  const std::string to = next.empty() ? "/docs" : next;
  Response response = Page(200, "signed in", fmt::format("<p><a href=\"{}\">Go on</a></p>", EscapeHtml(to)), to);
  if (const Status opened = OpenSession(call.service, request, {user->id, "oidc", std::nullopt}, response);
      !opened.ok())
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
  if (std::optional<Response> refusal = RefuseTooOften(call)) return *std::move(refusal);
  const Place place(call.service.at_provider);
  if (!place.Within(AtProviderAtOnce(call.service))) return Busy(request);
  Cookie cookie = AwayCookie(request);
  cookie.value = NewAway(*call.service.seal, call.service.Now(), next);
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
  if (std::optional<Response> refusal = RefuseTooOften(call)) return *std::move(refusal);
  const Result<Away> away = Returned(call);
  Response response;
  if (away.ok()) {
    const Place place(call.service.at_provider);
    if (!place.Within(AtProviderAtOnce(call.service))) return Busy(request);  // he may load the page again
    response = Finish(call, *away);
  } else {
    response = Failed(call, away.error());
  }
  DropCookie(AwayCookie(request), response);
  return response;
}

}  // namespace pipelined::api
