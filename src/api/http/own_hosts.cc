#include "api/http/own_hosts.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>

#include "api/http/cors.h"

namespace pipelined::api {
namespace {

constexpr std::string_view kNameCharacters = "abcdefghijklmnopqrstuvwxyz0123456789-_.";

// "[::1]:8080", "::1", "Host.Example.:80" -> "::1", "::1", "host.example"
std::string NameIn(std::string_view host) {
  if (host.starts_with('[')) {
    host = host.substr(1, host.find(']') - 1);
  } else if (std::count(host.begin(), host.end(), ':') == 1) {
    host = host.substr(0, host.find(':'));
  }
  if (host.ends_with('.')) host.remove_suffix(1);
  std::string name(host);
  std::transform(name.begin(), name.end(), name.begin(),
                 [](char c) { return static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c); });
  return name;
}

bool IsAddress(const std::string& name) {
  in6_addr six{};
  in_addr four{};
  return inet_pton(AF_INET6, name.c_str(), &six) == 1 || inet_pton(AF_INET, name.c_str(), &four) == 1;
}

// Browsers ask no name server for these.
bool IsOfLoopback(const std::string& name) {
  return name == "localhost" || name.ends_with(".localhost") || name == "::1" ||
         (name.starts_with("127.") && IsAddress(name));
}

}  // namespace

Result<OwnHosts> OwnHosts::Make(std::string_view bound, std::string_view allowed, std::string_view public_url) {
  OwnHosts hosts;
  hosts.any_ = allowed.empty() && !IsOfLoopback(NameIn(bound));
  hosts.names_.insert(NameIn(bound));
  if (const std::size_t scheme = public_url.find("://"); scheme != public_url.npos)
    hosts.names_.insert(NameIn(public_url.substr(scheme + 3)));
  for (const std::string& word : SplitOrigins(allowed)) {
    std::string name = NameIn(word);
    if (word == "*") {
      hosts.any_ = true;
    } else if (name.empty() || word.find('/') != word.npos ||
               (name.find_first_not_of(kNameCharacters) != name.npos && !IsAddress(name))) {
      return Error{ErrorCode::kInvalid, fmt::format("\"{}\" is no host", word),
                   "write pipelined.example.com, 10.1.2.3 or fd00::1, without a scheme and without a path"};
    } else {
      hosts.names_.insert(std::move(name));
    }
  }
  return hosts;
}

bool OwnHosts::Has(std::string_view host) const {
  if (any_ || host.empty()) return true;
  const std::string name = NameIn(host);
  return IsOfLoopback(name) || names_.contains(name);
}

}  // namespace pipelined::api
