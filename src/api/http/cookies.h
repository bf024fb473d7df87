// Cookies of requests and answers.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "api/http/http.h"
#include "pipelined/base/time.h"

namespace pipelined::api {

struct Cookie {
  std::string name, value;  // of characters that cookies may hold
  std::string path = "/";
  std::string_view same_site = "Strict";
  bool http_only = true;                          // no script may read it
  bool secure = false;                            // over TLS only
  std::optional<Seconds> max_age = std::nullopt;  // nothing: until the browser is closed
};

void AddCookie(const Cookie& cookie, Response& response);
void DropCookie(Cookie cookie, Response& response);  // one that was set with the same name and path

// The first of that name; empty: there is none.
std::string CookieOf(const Request& request, std::string_view name);

}  // namespace pipelined::api
