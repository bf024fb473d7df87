#include "oidc/jose.h"

#include <cjose/cjose.h>

#include <cstdlib>

#include "pipelined/schema/json.h"

namespace pipelined::oidc {
namespace {

constexpr std::size_t kLongestToken = 64 * 1024;
constexpr std::size_t kLeastRsaBits = 2048;

Error Refuse(std::string_view why) {
  return {ErrorCode::kNotAllowed, "the ID token is refused: " + std::string(why), ""};
}

bool IsRsa(std::string_view alg) {
  return alg == "RS256" || alg == "PS256";
}
bool IsTaken(std::string_view alg) {
  return IsRsa(alg) || alg == "ES256";
}

// What cjose allocates with malloc.
using Owned = std::unique_ptr<char, decltype(&std::free)>;

const cjose_jwk_t* Raw(const Key& key) {
  return static_cast<const cjose_jwk_t*>(key.jwk.get());
}

bool Strong(const cjose_jwk_t* jwk) {
  cjose_err error{};
  switch (cjose_jwk_get_kty(jwk, &error)) {
    case CJOSE_JWK_KTY_RSA:
      return cjose_jwk_get_keysize(jwk, &error) >= kLeastRsaBits;
    case CJOSE_JWK_KTY_EC:
      return cjose_jwk_EC_get_curve(jwk, &error) == CJOSE_JWK_EC_P_256;
    default:
      return false;  // a shared secret
  }
}

// Empty when the header has none.
std::string HeaderField(cjose_header_t* header, const char* name) {
  cjose_err error{};
  const char* text = cjose_header_get(header, name, &error);
  return text == nullptr ? "" : text;
}

bool MustBeUnderstood(cjose_header_t* header) {
  cjose_err error{};
  const Owned raw(cjose_header_get_raw(header, "crit", &error), &std::free);
  return raw != nullptr;
}

}  // namespace

Result<std::vector<Key>> ReadKeys(const Value& document) {
  const Value* list = document.Find("keys");
  if (list == nullptr || !list->is_list()) return Error{ErrorCode::kInvalid, "there is no list \"keys\"", ""};
  std::vector<Key> keys;
  for (const Value& one : list->list()) {
    const std::string use = one.TextOf("use"), alg = one.TextOf("alg");
    if ((!use.empty() && use != "sig") || (!alg.empty() && !IsTaken(alg))) continue;
    const std::string text = ToJson(one);
    cjose_err error{};
    const std::shared_ptr<cjose_jwk_t> jwk(cjose_jwk_import(text.data(), text.size(), &error),
                                           [](cjose_jwk_t* made) { cjose_jwk_release(made); });
    if (jwk != nullptr && Strong(jwk.get())) keys.push_back({one.TextOf("kid"), alg, jwk});
  }
  return keys;
}

Result<SignedToken> SignedToken::Parse(std::string_view text) {
  if (text.size() > kLongestToken) return Refuse("it is too long");
  cjose_err error{};
  SignedToken token;
  const std::shared_ptr<cjose_jws_t> jws(cjose_jws_import(text.data(), text.size(), &error),
                                         [](cjose_jws_t* made) { cjose_jws_release(made); });
  if (jws == nullptr) return Refuse("it is not a signed token of a known form");
  cjose_header_t* header = cjose_jws_get_protected(jws.get());
  token.alg_ = HeaderField(header, CJOSE_HDR_ALG);
  token.kid_ = HeaderField(header, CJOSE_HDR_KID);
  if (!IsTaken(token.alg_)) return Refuse("its algorithm is not one of RS256, PS256, ES256");
  if (MustBeUnderstood(header)) return Refuse("it has extensions that are not known here");
  token.jws_ = jws;
  return token;
}

bool SignedToken::Fits(const Key& key) const {
  if (!kid_.empty() && key.kid != kid_) return false;
  if (!key.alg.empty() && key.alg != alg_) return false;
  cjose_err error{};
  return (cjose_jwk_get_kty(Raw(key), &error) == CJOSE_JWK_KTY_RSA) == IsRsa(alg_);
}

Result<std::string> SignedToken::Payload(const Key& key) const {
  cjose_err error{};
  auto* jws = static_cast<cjose_jws_t*>(jws_.get());
  if (!Fits(key) || !cjose_jws_verify(jws, Raw(key), &error)) return Refuse("its signature is not right");
  std::uint8_t* plain = nullptr;
  std::size_t size = 0;
  if (!cjose_jws_get_plaintext(jws, &plain, &size, &error)) return Refuse("it cannot be read");
  return std::string(reinterpret_cast<const char*>(plain), size);
}

}  // namespace pipelined::oidc
