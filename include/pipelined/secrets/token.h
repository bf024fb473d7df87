// Bearer tokens: 256 random bits. Only their SHA-256 is stored. Thread-safe.
#pragma once

#include <string>
#include <string_view>

namespace pipelined::secrets {

// 43 characters, base64url without padding.
std::string NewToken();

// What is stored of a token: hex SHA-256. No salt: a token has too much entropy to be guessed.
std::string TokenHash(std::string_view token);

// In time that depends on the lengths only.
bool ConstantTimeEqual(std::string_view a, std::string_view b);

// `bytes` random bytes in hex, for ids.
std::string RandomHex(std::size_t bytes);

}  // namespace pipelined::secrets
