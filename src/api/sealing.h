// What variables and connections share: their keys, and small checks.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include "api/service.h"

namespace pipelined::api {

inline Error NoKeys() {
  return {ErrorCode::kUnavailable, "this server has no encryption keys", ""};
}

inline Result<Sealed> Seal(const Call& call, std::string_view plain, VaultKind kind, std::string_view name) {
  const auto& keys = call.service.options.keys;
  return keys == nullptr ? Result<Sealed>(NoKeys()) : keys->Seal(plain, kind, name);
}

inline Result<std::string> Open(const Call& call, const Sealed& sealed, VaultKind kind, std::string_view name) {
  const auto& keys = call.service.options.keys;
  return keys == nullptr ? Result<std::string>(NoKeys()) : keys->Open(sealed, kind, name);
}

// Whether a row was found; other failures stay failures.
template <class Row>
Result<bool> Found(const Result<Row>& row) {
  if (row.ok()) return true;
  return row.error().code == ErrorCode::kNotFound ? Result<bool>(false) : Result<bool>(row.error());
}

}  // namespace pipelined::api
