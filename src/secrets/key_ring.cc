#include "pipelined/secrets/key_ring.h"

#include <fmt/format.h>

#include <algorithm>

#include "pipelined/base/base64.h"
#include "pipelined/base/hash.h"
#include "pipelined/secrets/token.h"
#include "secrets/sodium.h"

namespace pipelined::secrets {
namespace {

constexpr int kUrlSafe = sodium_base64_VARIANT_URLSAFE_NO_PADDING;
constexpr int kStandard = sodium_base64_VARIANT_ORIGINAL;
constexpr std::size_t kNonce = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr std::size_t kTag = crypto_aead_xchacha20poly1305_ietf_ABYTES;

using Bytes = std::vector<unsigned char>;

const unsigned char* Raw(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

std::optional<Bytes> FromBase64(std::string_view text) {
  Bytes bytes(text.size());
  std::size_t size = 0;
  if (sodium_base642bin(bytes.data(), bytes.size(), text.data(), text.size(), nullptr, &size, nullptr, kStandard) != 0)
    return std::nullopt;
  bytes.resize(size);
  return bytes;
}

// What a box is bound to. A name cannot hold a NUL, so that no two rows share it.
std::string BoundTo(VaultKind kind, std::string_view name) {
  std::string text = kind == VaultKind::kVariable ? "pipelined variable" : "pipelined connection";
  text += '\0';
  text += name;
  return text;
}

std::string Describe(VaultKind kind, std::string_view name) {
  return fmt::format("{} {}", kind == VaultKind::kVariable ? "the variable" : "the connection", name);
}

std::string IdOf(const std::array<std::uint8_t, 32>& key) {
  static constexpr std::string_view kWhat = "pipelined key id";
  std::array<unsigned char, crypto_generichash_BYTES_MIN> hash{};
  crypto_generichash(hash.data(), hash.size(), Raw(kWhat), kWhat.size(), key.data(), key.size());
  return Hex(hash.data(), 8);
}

// Keyed BLAKE2b. The key of each purpose is made from the key, so that nothing of one passes for another's.
std::string MarkOf(const std::array<std::uint8_t, 32>& key, std::string_view purpose, std::string_view text) {
  const std::string what = "pipelined mark " + std::string(purpose);
  std::array<unsigned char, 32> own{}, mark{};
  crypto_generichash(own.data(), own.size(), Raw(what), what.size(), key.data(), key.size());
  crypto_generichash(mark.data(), mark.size(), Raw(text), text.size(), own.data(), own.size());
  return Hex(mark.data(), mark.size());
}

bool ReadKey(std::string_view word, std::array<std::uint8_t, 32>& key) {
  while (word.ends_with('=')) word.remove_suffix(1);
  std::size_t size = 0;
  return sodium_base642bin(key.data(), key.size(), word.data(), word.size(), nullptr, &size, nullptr, kUrlSafe) == 0 &&
         size == key.size();
}

// The text's words, without remarks.
std::vector<std::string> Words(std::string_view text) {
  std::vector<std::string> words(1);
  bool remark = false;
  for (const char c : text) {
    if (c == '\n') remark = false;
    if (c == '#') remark = true;
    const bool separates = remark || c == ',' || c == ' ' || c == '\t' || c == '\r' || c == '\n';
    if (!separates) {
      words.back() += c;
    } else if (!words.back().empty()) {
      words.emplace_back();
    }
  }
  if (words.back().empty()) words.pop_back();
  return words;
}

}  // namespace

Result<KeyRing> KeyRing::Parse(std::string_view text) {
  if (!SodiumReady()) return Error{ErrorCode::kUnavailable, "no source of randomness for encryption", ""};
  KeyRing ring;
  for (const std::string& word : Words(text)) {
    Key key;
    if (!ReadKey(word, key.bytes)) {
      return Error{ErrorCode::kInvalid, fmt::format("encryption key {} is no key", ring.keys_.size() + 1),
                   "a key is 32 random bytes as base64url (43 characters); `pipelined secrets add-key` makes one"};
    }
    key.id = IdOf(key.bytes);
    if (!ring.Has(key.id)) ring.keys_.push_back(std::move(key));
  }
  if (ring.keys_.empty()) return Error{ErrorCode::kInvalid, "there is no encryption key", ""};
  return ring;
}

bool KeyRing::Has(std::string_view id) const {
  return std::any_of(keys_.begin(), keys_.end(), [&](const Key& key) { return key.id == id; });
}

std::vector<std::string> KeyRing::ids() const {
  std::vector<std::string> all;
  for (const Key& key : keys_) all.push_back(key.id);
  return all;
}

Result<Sealed> KeyRing::Seal(std::string_view plain, VaultKind kind, std::string_view name) const {
  const std::string bound = BoundTo(kind, name);
  Bytes box(kNonce + plain.size() + kTag);
  randombytes_buf(box.data(), kNonce);
  unsigned long long size = 0;
  crypto_aead_xchacha20poly1305_ietf_encrypt(box.data() + kNonce, &size, Raw(plain), plain.size(), Raw(bound),
                                             bound.size(), nullptr, box.data(), keys_.front().bytes.data());
  return Sealed{keys_.front().id, Base64(box)};
}

Result<std::string> KeyRing::Open(const Sealed& sealed, VaultKind kind, std::string_view name) const {
  const auto key =
      std::find_if(keys_.begin(), keys_.end(), [&](const Key& candidate) { return candidate.id == sealed.key_id; });
  if (key == keys_.end()) {
    return Error{ErrorCode::kUnavailable,
                 fmt::format("{} is encrypted with the key {}, which this server does not have", Describe(kind, name),
                             sealed.key_id),
                 "add the key to core.encryption_keys, or to secrets/encryption-keys in the home"};
  }
  const Error changed{ErrorCode::kFailed, Describe(kind, name) + " can not be decrypted: what is stored was changed",
                      ""};
  const std::optional<Bytes> box = FromBase64(sealed.box);
  if (!box || box->size() < kNonce + kTag) return changed;
  const std::string bound = BoundTo(kind, name);
  std::string plain(box->size() - kNonce - kTag, '\0');
  unsigned long long size = 0;
  const int opened = crypto_aead_xchacha20poly1305_ietf_decrypt(
      reinterpret_cast<unsigned char*>(plain.data()), &size, nullptr, box->data() + kNonce, box->size() - kNonce,
      Raw(bound), bound.size(), box->data(), key->bytes.data());
  if (opened != 0) return changed;
  return plain;
}

std::string KeyRing::Mark(std::string_view purpose, std::string_view text) const {
  return MarkOf(keys_.front().bytes, purpose, text);
}

bool KeyRing::IsMark(std::string_view mark, std::string_view purpose, std::string_view text) const {
  return std::any_of(keys_.begin(), keys_.end(),
                     [&](const Key& key) { return ConstantTimeEqual(mark, MarkOf(key.bytes, purpose, text)); });
}

std::string NewKey() {
  return NewToken();  // the same: 32 random bytes as base64url
}

}  // namespace pipelined::secrets
