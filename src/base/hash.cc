#include "pipelined/base/hash.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

namespace pipelined {
namespace {

template <std::size_t N>
std::array<std::uint8_t, N> Digest(const EVP_MD* algorithm, std::string_view data) {
  std::array<std::uint8_t, N> digest{};
  EVP_Digest(data.data(), data.size(), digest.data(), nullptr, algorithm, nullptr);
  return digest;
}

}  // namespace

std::array<std::uint8_t, 20> Sha1(std::string_view data) {
  return Digest<20>(EVP_sha1(), data);
}
std::array<std::uint8_t, 32> Sha256(std::string_view data) {
  return Digest<32>(EVP_sha256(), data);
}

std::array<std::uint8_t, 32> HmacSha256(std::string_view key, std::string_view data) {
  std::array<std::uint8_t, 32> code{};
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(data.data()),
       data.size(), code.data(), nullptr);
  return code;
}

std::string Hex(const std::uint8_t* data, std::size_t size) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(size * 2);
  for (std::size_t i = 0; i < size; ++i) {
    text += kDigits[data[i] >> 4];
    text += kDigits[data[i] & 15];
  }
  return text;
}

}  // namespace pipelined
