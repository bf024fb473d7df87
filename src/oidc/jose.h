// Signed tokens and the keys that check them. The only door to cjose; there is no check of signatures of our own.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "pipelined/base/result.h"
#include "pipelined/base/value.h"

namespace pipelined::oidc {

// A public key for signatures.
struct Key {
  std::string kid;  // empty: it has none
  std::string alg;  // what it may be used for: "RS256", "ES256" …; empty: whatever its kind allows
  std::shared_ptr<const void> jwk;
};

// Of a key set document; keys for other uses, of other kinds and too weak ones are left out. kInvalid: no such
// document.
Result<std::vector<Key>> ReadKeys(const Value& document);

// A token whose signature nobody has looked at yet.
class SignedToken {
 public:
  // kNotAllowed: not in compact form, or of an algorithm that is not taken ("none" and all that work with a shared
  // secret), or with extensions that must be understood.
  static Result<SignedToken> Parse(std::string_view text);

  const std::string& kid() const { return kid_; }
  // Whether `key` may check it.
  bool Fits(const Key& key) const;
  // What was signed. kNotAllowed: not by this key.
  Result<std::string> Payload(const Key& key) const;

 private:
  std::string alg_, kid_;
  std::shared_ptr<void> jws_;
};

}  // namespace pipelined::oidc
