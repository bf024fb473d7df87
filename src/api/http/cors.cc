#include "api/http/cors.h"

#include <algorithm>

namespace pipelined::api {
namespace {
constexpr std::string_view kSchemeCharacters = "abcdefghijklmnopqrstuvwxyz0123456789+-.";
constexpr std::string_view kHostCharacters = "abcdefghijklmnopqrstuvwxyz0123456789-._:[]";
}  // namespace

std::vector<std::string> SplitOrigins(std::string_view text) {
  std::vector<std::string> origins;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of(" ,"), text.size());
    if (end > 0) origins.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return origins;
}

bool IsOrigin(std::string_view text) {
  if (text == "*") return true;
  const std::size_t scheme = text.find("://");
  if (scheme == text.npos || scheme == 0) return false;
  const std::string_view host = text.substr(scheme + 3);
  return !host.empty() && text.substr(0, scheme).find_first_not_of(kSchemeCharacters) == text.npos &&
         host.find_first_not_of(kHostCharacters) == host.npos;
}

void AllowOrigin(const std::vector<std::string>& origins, const Request& request, Response& response) {
  if (origins.empty()) return;
  response.headers.emplace_back("Vary", "Origin");
  const std::string* origin = request.Header("origin");
  if (origin == nullptr) return;
  const bool any = std::find(origins.begin(), origins.end(), "*") != origins.end();
  if (!any && std::find(origins.begin(), origins.end(), *origin) == origins.end()) return;
  response.headers.emplace_back("Access-Control-Allow-Origin", any ? "*" : *origin);
  response.headers.emplace_back("Access-Control-Expose-Headers", "ETag, Retry-After, X-Request-Id");
  if (request.method != "OPTIONS") return;
  const std::string* allow = Find(response.headers, "Allow");
  if (allow == nullptr) return;
  response.headers.emplace_back("Access-Control-Allow-Methods", std::string(*allow));
  response.headers.emplace_back("Access-Control-Allow-Headers",
                                "Authorization, Content-Type, If-None-Match, X-Request-Id");
  response.headers.emplace_back("Access-Control-Max-Age", "600");
}

std::string Allow(const std::vector<std::string_view>& methods) {
  std::string allow;
  for (const std::string_view method : methods) {
    allow.append(method).append(", ");
    if (method == "GET") allow += "HEAD, ";
  }
  return allow + "OPTIONS";
}

Response Options(const std::vector<std::string_view>& methods) {
  Response response = NoContent();
  response.headers.emplace_back("Allow", Allow(methods));
  return response;
}

}  // namespace pipelined::api
