// Small files that only their owner may read. Written whole or not at all: a temporary file, fsync, rename.
#pragma once

#include <string>
#include <string_view>

#include "pipelined/base/result.h"

namespace pipelined::secrets {

// Makes `folder` (and what is above it) when missing, mode 0700. kNotAllowed: a link, no folder, or somebody else's.
Status EnsurePrivateFolder(const std::string& folder);

// The text without trailing white space. kNotFound; kNotAllowed when it is a link or belongs to somebody else. A mode
// that lets others read is corrected.
Result<std::string> ReadSecret(const std::string& path);

Status WriteSecret(const std::string& path, std::string_view text);
// kConflict: there is such a file already; it stays as it is.
Status WriteNewSecret(const std::string& path, std::string_view text);

}  // namespace pipelined::secrets
