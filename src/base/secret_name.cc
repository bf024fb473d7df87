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

}  // namespace pipelined
