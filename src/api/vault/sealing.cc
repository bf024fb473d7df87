#include "api/vault/sealing.h"

namespace pipelined::api {
namespace {

Result<const secrets::KeyRing*> KeysOf(const Call& call) {
  const secrets::KeyRing* keys = call.service.options.keys.get();
  if (keys == nullptr) return Error{ErrorCode::kUnavailable, "this server has no encryption keys", ""};
  return keys;
}

}  // namespace

Result<Sealed> Seal(const Call& call, std::string_view plain, VaultKind kind, std::string_view name) {
  const Result<const secrets::KeyRing*> keys = KeysOf(call);
  return keys.ok() ? (*keys)->Seal(plain, kind, name) : Result<Sealed>(keys.error());
}

Result<std::string> Open(const Call& call, const Sealed& sealed, VaultKind kind, std::string_view name) {
  const Result<const secrets::KeyRing*> keys = KeysOf(call);
  return keys.ok() ? (*keys)->Open(sealed, kind, name) : Result<std::string>(keys.error());
}

}  // namespace pipelined::api
