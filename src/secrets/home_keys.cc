#include "pipelined/secrets/home_keys.h"

#include <fmt/format.h>

#include "secrets/secret_file.h"

namespace pipelined::secrets {
namespace {

constexpr int kBatch = 200;

std::string Folder(const std::string& home) {
  return home + "/secrets";
}

Status RefuseWhenInUse(const std::string& home, Vault& vault) {
  const auto used = vault.KeysInUse();
  if (!used.ok()) return used.error();
  if (used->empty()) return Ok();
  std::string ids;
  for (const auto& [id, rows] : *used) ids += (ids.empty() ? "" : ", ") + id;
  return Error{ErrorCode::kConflict,
               fmt::format("{} is missing, and the database holds variables or connections encrypted with: {}",
                           KeyFile(home), ids),
               "bring the file back, or set core.encryption_keys"};
}

// False: somebody else has changed the row meanwhile.
Result<bool> Reseal(Vault& vault, const KeyRing& keys, const SealedRow& row, const std::string& plain) {
  const Result<Sealed> fresh = keys.Seal(plain, row.kind, row.name);
  if (!fresh.ok()) return fresh.error();
  return vault.Reseal(row, *fresh);
}

Status RotateKind(Vault& vault, const KeyRing& keys, VaultKind kind, Rotation& rotation) {
  for (std::string after;;) {
    const auto rows = vault.SealedOtherwise(kind, keys.first(), after, kBatch);
    if (!rows.ok()) return rows.error();
    if (rows->empty()) return Ok();
    for (const SealedRow& row : *rows) {
      const Result<std::string> plain = keys.Open(row.secret, row.kind, row.name);
      if (!plain.ok()) {
        rotation.closed.push_back(plain.error().message);
        continue;
      }
      const Result<bool> done = Reseal(vault, keys, row, *plain);
      if (!done.ok()) return done.error();
      if (*done) ++rotation.resealed;
    }
    after = rows->back().name;
  }
}

}  // namespace

std::string KeyFile(const std::string& home) {
  return Folder(home) + "/encryption-keys";
}

Result<KeyRing> ReadKeys(const std::string& home, const std::string& setting) {
  if (!setting.empty()) return KeyRing::Parse(setting);
  const Result<std::string> text = ReadSecret(KeyFile(home));
  if (!text.ok()) return text.error();
  Result<KeyRing> keys = KeyRing::Parse(*text);
  if (keys.ok()) return keys;
  return Error{keys.error().code, fmt::format("{}: {}", KeyFile(home), keys.error().message),
               "bring the file back as it was: what is encrypted cannot be read without its keys"};
}

Result<KeyRing> EnsureKeys(const std::string& home, const std::string& setting, Vault& vault) {
  Result<KeyRing> keys = ReadKeys(home, setting);
  if (keys.ok() || keys.error().code != ErrorCode::kNotFound) return keys;
  if (const Status unused = RefuseWhenInUse(home, vault); !unused.ok()) return unused.error();
  if (const Status folder = EnsurePrivateFolder(Folder(home)); !folder.ok()) return folder.error();
  const Status made = WriteNewSecret(KeyFile(home), NewKey() + "\n");
  // Another server on this home was quicker: its key is everybody's.
  if (!made.ok() && made.error().code != ErrorCode::kConflict) return made.error();
  return ReadKeys(home, setting);
}

Result<std::string> AddKey(const std::string& home) {
  const FileLock lock(Folder(home));  // of two at once neither may lose the other's key
  if (const Result<KeyRing> known = ReadKeys(home, ""); !known.ok()) return known.error();  // none may seem to be there
  const Result<std::string> text = ReadSecret(KeyFile(home));
  if (!text.ok()) return text.error();
  const std::string all = NewKey() + "\n" + *text + "\n";
  const Result<KeyRing> keys = KeyRing::Parse(all);
  if (!keys.ok()) return keys.error();
  if (const Status written = WriteSecret(KeyFile(home), all); !written.ok()) return written.error();
  return keys->first();
}

Result<Rotation> Rotate(Vault& vault, const KeyRing& keys) {
  Rotation rotation;
  for (const VaultKind kind : {VaultKind::kVariable, VaultKind::kConnection}) {
    if (const Status done = RotateKind(vault, keys, kind, rotation); !done.ok()) return done.error();
  }
  return rotation;
}

}  // namespace pipelined::secrets
