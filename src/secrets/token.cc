#include "pipelined/secrets/token.h"

#include <array>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "pipelined/base/hash.h"
#include "secrets/sodium.h"

namespace pipelined::secrets {
namespace {

void Random(std::uint8_t* out, std::size_t size) {
  if (!SodiumReady()) std::abort();  // a guessable secret is worse than none
  randombytes_buf(out, size);
}

}  // namespace

std::string NewToken() {
  std::array<std::uint8_t, 32> bytes{};
  Random(bytes.data(), bytes.size());
  constexpr int kVariant = sodium_base64_VARIANT_URLSAFE_NO_PADDING;
  std::string text(sodium_base64_ENCODED_LEN(bytes.size(), kVariant), '\0');
  sodium_bin2base64(text.data(), text.size(), bytes.data(), bytes.size(), kVariant);
  text.pop_back();  // its NUL
  return text;
}

std::string TokenHash(std::string_view token) {
  return Sha256Hex(token);
}

bool ConstantTimeEqual(std::string_view a, std::string_view b) {
  return a.size() == b.size() && sodium_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string RandomHex(std::size_t bytes) {
  std::vector<std::uint8_t> data(bytes);
  Random(data.data(), data.size());
  return Hex(data.data(), data.size());
}

}  // namespace pipelined::secrets
