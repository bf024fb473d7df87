// The keys that variables and connections are encrypted with. The first one seals, all of them open: a new key is put
// first, everything is sealed anew with it, and then the old one may go.
//
// XChaCha20-Poly1305 of libsodium: authenticated, a random nonce for each box, and bound to the name of its row, so
// that who can write to the database can neither change a value unnoticed nor let one pass for another.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "pipelined/base/result.h"
#include "pipelined/ports/vault.h"

namespace pipelined::secrets {

class KeyRing {
 public:
  // Keys of 32 bytes as base64url, with or without padding (as `airflow` writes them, too), separated by commas, blanks
  // or line ends; what follows # on a line is a remark. kInvalid: none, or one that is no key; the text is not
  // repeated.
  static Result<KeyRing> Parse(std::string_view text);

  // `plain` for the row of this kind and name.
  Result<Sealed> Seal(std::string_view plain, VaultKind kind, std::string_view name) const;
  // kUnavailable: its key is not here; kFailed: it was changed, or is another row's.
  Result<std::string> Open(const Sealed& sealed, VaultKind kind, std::string_view name) const;

  // What only a server with the same keys can put to a text that it hands out and takes back. Hex, of the first key;
  // IsMark() takes those of all keys, in time that does not tell how far a wrong one is right.
  std::string Mark(std::string_view purpose, std::string_view text) const;
  bool IsMark(std::string_view mark, std::string_view purpose, std::string_view text) const;

  const std::string& first() const { return keys_.front().id; }
  bool Has(std::string_view id) const;
  std::vector<std::string> ids() const;  // the first one first

 private:
  struct Key {
    std::string id;  // 16 hex digits, made from the key; tells nothing about it
    std::array<std::uint8_t, 32> bytes{};
  };
  KeyRing() = default;
  std::vector<Key> keys_;  // never empty
};

// 32 random bytes as base64url.
std::string NewKey();

}  // namespace pipelined::secrets
