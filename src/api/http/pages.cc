#include "api/http/pages.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/http/target.h"

namespace pipelined::api {

std::string EscapeHtml(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      case '\'':
        escaped += "&#39;";
        break;
      default:
        escaped += c;
    }
  }
  return escaped;
}

Response Page(int status, std::string_view title, std::string_view body, std::string_view refresh) {
  const std::string go_on =
      refresh.empty() ? "" : fmt::format("<meta http-equiv=\"refresh\" content=\"0;url={}\">", EscapeHtml(refresh));
  Response response =
      Text(status, "text/html; charset=utf-8",
           fmt::format(
               "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
               "content=\"width=device-width\">{}<title>pipelined: {}</title></head><body><h1>{}</h1>{}</body></html>",
               go_on, EscapeHtml(title), EscapeHtml(title), body));
  response.headers.emplace_back("Content-Security-Policy",
                                "default-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'");
  response.headers.emplace_back("X-Frame-Options", "DENY");
  response.headers.emplace_back("Referrer-Policy", "no-referrer");
  return NoStore(std::move(response));
}

bool WantsPage(const Request& request) {
  return request.List("accept").find("text/html") != std::string::npos;
}

Response Refuse(const Request& request, int status, std::string_view message) {
  if (!WantsPage(request)) return Detail(status, message);
  return Page(status, "not signed in",
              fmt::format("<p>{}</p><p><a href=\"/auth/login\">Sign in</a></p>", EscapeHtml(message)));
}

Response Redirect(int status, std::string location) {
  Response response = NoContent();
  response.status = status;
  response.headers.emplace_back("Location", std::move(location));
  return NoStore(std::move(response));
}

std::string SafeNext(std::string_view next) {
  constexpr std::size_t kLongest = 2000;
  const bool plain = std::all_of(next.begin(), next.end(), [](unsigned char c) {
    return c > 0x20 && c < 0x7f && c != '\\' && c != '"' && c != '<';
  });
  if (next.empty() || next.front() != '/' || next.starts_with("//") || !plain || next.size() > kLongest) return {};
  return std::string(next);
}

Pairs ReadForm(std::string_view body) {
  Pairs fields;
  while (!body.empty()) {
    const std::size_t end = std::min(body.find('&'), body.size());
    const std::string_view pair = body.substr(0, end);
    body.remove_prefix(std::min(end + 1, body.size()));
    const std::size_t equals = std::min(pair.find('='), pair.size());
    Result<std::string> name = PercentDecode(pair.substr(0, equals), true);
    Result<std::string> value = PercentDecode(pair.substr(std::min(equals + 1, pair.size())), true);
    if (name.ok() && value.ok()) fields.emplace_back(*std::move(name), *std::move(value));
  }
  return fields;
}

bool IsForm(const Request& request) {
  const std::string* type = request.Header("content-type");
  return type != nullptr && type->starts_with("application/x-www-form-urlencoded");
}

}  // namespace pipelined::api
