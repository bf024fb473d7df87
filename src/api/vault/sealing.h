// What is encrypted of variables and connections, with the keys of this server. Both fail with kUnavailable when it has
// none.
#pragma once

#include <string>
#include <string_view>

#include "api/service.h"

namespace pipelined::api {

Result<Sealed> Seal(const Call& call, std::string_view plain, VaultKind kind, std::string_view name);
// Else fails as KeyRing::Open() does.
Result<std::string> Open(const Call& call, const Sealed& sealed, VaultKind kind, std::string_view name);

}  // namespace pipelined::api
