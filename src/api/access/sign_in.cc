// How people get a session and end it: by password here, by an identity provider in sign_in_oidc.cc.
#include <fmt/format.h>

#include "api/access/auth.h"
#include "api/http/body.h"
#include "api/http/errors.h"
#include "api/handlers.h"
#include "api/http/pages.h"
#include "api/access/sessions.h"
#include "pipelined/base/percent.h"
#include "pipelined/http/client.h"
#include "pipelined/schema/json.h"

namespace pipelined::api {
namespace {

constexpr std::size_t kLongestName = 256;

struct Credentials {
  std::string name, password, next;
};

std::optional<Credentials> FromForm(const Request& request) {
  const Pairs fields = ReadForm(request.body);
  const std::string *name = Find(fields, "username"), *password = Find(fields, "password"),
                    *next = Find(fields, "next");
  if (name == nullptr || password == nullptr) return std::nullopt;
  return Credentials{*name, *password, next == nullptr ? "" : *next};
}

std::optional<Credentials> FromJson(const Request& request) {
  const Result<Value> body = ParseJson(request.body);
  if (!body.ok() || HoldsNul(*body)) return std::nullopt;
  const Value *name = body->Find("username"), *password = body->Find("password");
  if (name == nullptr || password == nullptr || !name->is_string() || !password->is_string()) return std::nullopt;
  return Credentials{name->string(), password->string(), ""};
}

std::string Hidden(std::string_view name, std::string_view value) {
  return fmt::format("<input type=\"hidden\" name=\"{}\" value=\"{}\">", name, EscapeHtml(value));
}

Response LoginPage(const Call& call, int status, std::string_view next, std::string_view complaint) {
  std::string body;
  if (!complaint.empty()) body += fmt::format("<p role=\"alert\">{}</p>", EscapeHtml(complaint));
  body += "<form method=\"post\" action=\"/auth/login\">" + Hidden("next", next) +
          "<p><label>User <input name=\"username\" autocomplete=\"username\" required autofocus></label></p>"
          "<p><label>Password <input type=\"password\" name=\"password\" autocomplete=\"current-password\" required>"
          "</label></p><p><button>Sign in</button></p></form>";
  if (call.service.options.oidc != nullptr)
    body += fmt::format("<p><a href=\"/auth/oidc/login?next={}\">Sign in with the identity provider</a></p>",
                        EscapeHtml(PercentEncode(next)));
  return Page(status, "sign in", body);
}

std::string NextOf(const Request& request) {
  const std::string* next = Find(request.query, "next");
  return next == nullptr ? "" : *next;
}

}  // namespace

Response GetLoginPage(const Call& call) {
  const std::string next = NextOf(call.request);
  if (!next.empty() && SafeNext(next).empty()) return Detail(400, "Invalid or unsafe next URL");
  return LoginPage(call, 200, next, "");
}

Response PostLogin(const Call& call) {
  const Request& request = call.request;
  if (std::optional<Response> refusal = RefuseForeign(call.service, request)) return *std::move(refusal);
  const bool form = IsForm(request);
  const std::optional<Credentials> given = form ? FromForm(request) : FromJson(request);
  if (!given || given->name.size() > kLongestName) return Detail(422, "username and password are required");
  if (call.note != nullptr) call.note->who = given->name;
  std::variant<UserRow, Response> checked = CheckPassword(call, given->name, given->password);
  if (Response* refusal = std::get_if<Response>(&checked)) {
    if (!form || !WantsPage(request)) return std::move(*refusal);
    const char* const why = refusal->status == 401 ? "That is not the user's password." : "Try again later.";
    if (call.note != nullptr) call.note->failed = why;
    Response page = LoginPage(call, refusal->status, SafeNext(given->next), why);
    for (auto& header : refusal->headers) page.headers.push_back(std::move(header));
    return page;
  }
  const UserRow& user = std::get<UserRow>(checked);
  std::string next = SafeNext(given->next);
  Response response = form ? Redirect(303, next.empty() ? "/docs" : std::move(next)) : Json(Value::Map{});
  const Status opened = OpenSession(call.service, request, {user.id, "password", user.password_hash}, response);
  if (!opened.ok())  // perhaps he got another password just now
    return opened.error().code == ErrorCode::kNotAllowed ? WrongPassword() : ErrorResponse(opened.error());
  if (!form) response.body = ToJson(Value::Map{{"username", user.name}});
  response.user = user.name;
  return form ? response : NoStore(std::move(response));
}

Response GetLogoutPage(const Call& call) {
  const std::string token = CsrfTokenOf(call.request);
  if (token.empty()) return Redirect(303, "/auth/login");
  return Page(200, "sign out",
              "<form method=\"post\" action=\"/auth/logout\">" + Hidden("csrf_token", token) +
                  "<p><button>Sign out</button></p></form>");
}

Response PostLogout(const Call& call) {
  const Request& request = call.request;
  const bool form = IsForm(request);
  if (!SessionHash(request).empty()) {
    const Pairs fields = form ? ReadForm(request.body) : Pairs();
    const std::string* given = form ? Find(fields, "csrf_token") : request.Header("x-csrf-token");
    if (std::optional<Response> refusal = RefuseForged(call.service, request, given == nullptr ? "" : *given))
      return *std::move(refusal);
  }
  Response response = form ? Redirect(303, "/auth/login") : NoContent();
  const Result<std::string> closed = CloseSession(call.service, request, response);
  if (!closed.ok()) return ErrorResponse(closed.error());
  if (call.note != nullptr) call.note->who = *closed;
  return response;
}

// Airflow's ways to both pages.
Response GetLogin(const Call& call) {
  const std::string next = NextOf(call.request);
  if (!next.empty() && SafeNext(next).empty()) return Detail(400, "Invalid or unsafe next URL");
  return Redirect(307, next.empty() ? "/auth/login" : "/auth/login?next=" + PercentEncode(next));
}

// A token that was given for a password ends here.
Response GetLogout(const Call& call) {
  if (call.caller.logged_in) {
    const Status dropped = call.service.catalog.accounts().DropToken(call.caller.token);
    if (!dropped.ok() && dropped.error().code != ErrorCode::kNotFound) return ErrorResponse(dropped.error());
    if (call.note != nullptr) call.note->who = call.caller.name;
  }
  return Redirect(307, "/auth/logout");
}

}  // namespace pipelined::api
