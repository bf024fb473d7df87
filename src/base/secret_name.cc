#include "pipelined/base/secret_name.h"

#include <algorithm>
#include <array>
#include <string>

namespace pipelined {
namespace {

constexpr std::array<std::string_view, 14> kSecretNames{
    "access_token", "api_key", "apikey",  "authorization", "passphrase", "passwd",       "password",
    "private_key",  "proxy",   "proxies", "secret",        "token",      "keyfile_dict", "service_account"};

}  // namespace

bool IsSecretName(std::string_view name) {
  std::string lower(name);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return std::any_of(kSecretNames.begin(), kSecretNames.end(),
                     [&](std::string_view secret) { return lower.find(secret) != std::string::npos; });
}

std::string ShowUrl(std::string_view url) {
  const std::size_t query = url.find('?');
  if (query == std::string_view::npos) return std::string(url);
  std::string shown(url.substr(0, query + 1));
  std::string_view rest = url.substr(query + 1);
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('&'), rest.size());
    const std::string_view pair = rest.substr(0, end);
    const std::size_t equals = pair.find('=');
    const bool secret = equals != std::string_view::npos && IsSecretName(pair.substr(0, equals));
    shown += secret ? std::string(pair.substr(0, equals + 1)) + std::string(kMasked) : std::string(pair);
    rest.remove_prefix(end);
    if (rest.starts_with('&')) {
      shown += '&';
      rest.remove_prefix(1);
    }
  }
  return shown;
}

}  // namespace pipelined
