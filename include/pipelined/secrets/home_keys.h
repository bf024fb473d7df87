// Where a server finds its encryption keys, and how they are changed.
#pragma once

#include <cstdint>
#include <string>

#include "pipelined/base/result.h"
#include "pipelined/ports/vault.h"
#include "pipelined/secrets/key_ring.h"

namespace pipelined::secrets {

// secrets/encryption-keys in the home, 0600: a key on each line, the first one seals.
std::string KeyFile(const std::string& home);

// The keys of `setting` (core.encryption_keys), else those of the home's file, which is made with one new key where it
// is missing. kConflict: it is missing and `vault` holds what other keys have encrypted: a new key would hide that.
Result<KeyRing> EnsureKeys(const std::string& home, const std::string& setting, Vault& vault);

// The same without making any; kNotFound.
Result<KeyRing> ReadKeys(const std::string& home, const std::string& setting);

// Puts a new key first in the home's file; what is there stays behind it. The new key's id.
Result<std::string> AddKey(const std::string& home);

struct Rotation {
  std::int64_t resealed = 0;
  std::vector<std::string> closed;  // rows that could not be opened, and why
};
// Seals with the first key everything that another one has sealed, each row in a transaction of its own: may be ended
// at any time and begun again. What is changed meanwhile by others is left as they wrote it.
Result<Rotation> Rotate(Vault& vault, const KeyRing& keys);

}  // namespace pipelined::secrets
