// Digests. With base64.h the only door to OpenSSL's EVP.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace pipelined {

std::array<std::uint8_t, 20> Sha1(std::string_view data);
std::array<std::uint8_t, 32> Sha256(std::string_view data);
std::string Hex(const std::uint8_t* data, std::size_t size);
inline std::string Sha256Hex(std::string_view data) {
  const auto d = Sha256(data);
  return Hex(d.data(), d.size());
}

}  // namespace pipelined
