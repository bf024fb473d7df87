#include "api/http/cookies.h"

#include <fmt/format.h>

#include <algorithm>

namespace pipelined::api {

void AddCookie(const Cookie& cookie, Response& response) {
  std::string text =
      fmt::format("{}={}; Path={}; SameSite={}", cookie.name, cookie.value, cookie.path, cookie.same_site);
  if (cookie.max_age) text += fmt::format("; Max-Age={}", cookie.max_age->count());
  if (cookie.http_only) text += "; HttpOnly";
  if (cookie.secure) text += "; Secure";
  response.headers.emplace_back("Set-Cookie", std::move(text));
}

void DropCookie(Cookie cookie, Response& response) {
  cookie.value.clear();
  cookie.max_age = Seconds(0);
  AddCookie(cookie, response);
}

std::string CookieOf(const Request& request, std::string_view name) {
  for (const auto& [field, line] : request.headers) {
    if (field != "cookie") continue;
    std::string_view rest = line;
    while (!rest.empty()) {
      const std::size_t end = std::min(rest.find(';'), rest.size());
      std::string_view pair = rest.substr(0, end);
      rest.remove_prefix(std::min(end + 1, rest.size()));
      while (pair.starts_with(' ')) pair.remove_prefix(1);
      if (pair.size() > name.size() && pair.starts_with(name) && pair[name.size()] == '=')
        return std::string(pair.substr(name.size() + 1));
    }
  }
  return {};
}

}  // namespace pipelined::api
