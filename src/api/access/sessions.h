// Sessions of browsers: a cookie instead of a token, and what keeps other sites from using it.
//
// The cookie is 256 random bits, of which the database has the hash. Requests that change something also need the
// header X-CSRF-Token, which is made from the cookie and which scripts of this site find in a second one, and must not
// come from a page of another origin.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "api/http/http.h"
#include "api/service.h"
#include "pipelined/ports/user_sessions.h"

namespace pipelined::api {

// Who was let in, and how.
struct SignedIn {
  std::int64_t user = 0;
  std::string_view sign_in;                  // "password", "oidc"
  std::optional<std::string> password_hash;  // what his password was checked against, if it was one
};

// Opens one and puts its cookies into `response`. Always a new one: whatever id the browser came with is ended.
// kNotAllowed: the user is disabled by now, or has another password.
Status OpenSession(Service& service, const Request& request, SignedIn who, Response& response);

// Ends the session that the request carries, if it does, and takes its cookies away. Whose it was; empty: nobody's.
Result<std::string> CloseSession(Service& service, const Request& request, Response& response);

// The hash of the session's id that the request carries; empty: none.
std::string SessionHash(const Request& request);
std::string CsrfTokenOf(const Request& request);  // what goes with the session that it carries; empty: none

// Refuses what a page of another origin makes a browser send, going by Origin and Sec-Fetch-Site.
std::optional<Response> RefuseForeign(const Service& service, const Request& request);
// The same, and `given` has to be the session's token.
std::optional<Response> RefuseForged(const Service& service, const Request& request, std::string_view given);

// Whoever has no token: he whom a trusted proxy names, or whose session it is. Nothing: nobody.
std::optional<std::variant<Caller, Response>> AuthenticateBrowser(Service& service, const Request& request);

// "https://pipelined.example.com": api.public_url, or what the client calls this server.
std::string BaseUrl(const Service& service, const Request& request);

}  // namespace pipelined::api
