#include "pipelined/secrets/password.h"

#include <array>
#include <mutex>

#include "pipelined/secrets/token.h"
#include "secrets/sodium.h"

namespace pipelined::secrets {
namespace {

constexpr unsigned long long kPasses = 2;
constexpr std::size_t kMemory = 64UL * 1024 * 1024;

std::mutex& OneAtATime() {
  static std::mutex mutex;
  return mutex;
}

}  // namespace

Result<std::string> HashPassword(std::string_view password) {
  if (!SodiumReady()) return Error{ErrorCode::kUnavailable, "no source of randomness for password hashes", ""};
  std::array<char, crypto_pwhash_STRBYTES> out{};
  const std::scoped_lock lock(OneAtATime());
  if (crypto_pwhash_str_alg(out.data(), password.data(), password.size(), kPasses, kMemory,
                            crypto_pwhash_ALG_ARGON2ID13) != 0) {
    return Error{ErrorCode::kUnavailable, "not enough memory to hash a password (64 MiB)", ""};
  }
  return std::string(out.data());
}

bool VerifyPassword(std::string_view password, const std::string& hash) {
  if (!SodiumReady() || hash.size() >= crypto_pwhash_STRBYTES) return false;
  const std::scoped_lock lock(OneAtATime());
  return crypto_pwhash_str_verify(hash.c_str(), password.data(), password.size()) == 0;
}

bool VerifyNobody(std::string_view password) {
  static const Result<std::string> hash = HashPassword(NewToken());
  if (hash.ok()) VerifyPassword(password, *hash);
  return false;
}

}  // namespace pipelined::secrets
