// The home's secrets/ folder (0700): what local use without a log-in stands on.
#pragma once

#include <string>

#include "pipelined/base/result.h"
#include "pipelined/ports/catalog.h"

namespace pipelined::secrets {

// The home's local token, made on first use: `secrets/local-token`, 0600. A folder or file that others may read is set
// right. A symbolic link or a foreign owner in its place is kNotAllowed: somebody else put it there.
Result<std::string> EnsureLocalToken(const std::string& home);

// For clients: the token as it stands; kNotFound when the home has none.
Result<std::string> ReadLocalToken(const std::string& home);

std::string AdminPasswordFile(const std::string& home);

// Makes the user `admin` with a random password, written to `secrets/admin-password` (0600), when there is no user
// yet. True: made now. The file is written before the user is stored, so that a crash in between loses nothing.
Result<bool> EnsureAdmin(Catalog& catalog, const std::string& home);

}  // namespace pipelined::secrets
