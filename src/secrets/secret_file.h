// Small files that only their owner may read. Written whole or not at all: a temporary file, fsync, rename, and
// fsync of the folder.
#pragma once

#include <string>
#include <string_view>

#include "pipelined/base/result.h"

namespace pipelined::secrets {

// Makes `folder` (and what is above it) when missing, mode 0700. kNotAllowed: a link, no folder, or somebody else's.
Status EnsurePrivateFolder(const std::string& folder);

// The text without trailing white space. kNotFound; kNotAllowed when it is a link or belongs to somebody else. A mode
// that lets others read is corrected, with a warning. More than 64 KiB are refused: nothing is ever read in part.
Result<std::string> ReadSecret(const std::string& path);

// Keeps others who take it for the same folder waiting as long as it lives. Where the folder cannot be opened it does
// nothing: what is done there says so.
class FileLock {
 public:
  explicit FileLock(const std::string& folder);
  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  int fd_;
};

Status WriteSecret(const std::string& path, std::string_view text);
// kConflict: there is such a file already; it stays as it is.
Status WriteNewSecret(const std::string& path, std::string_view text);

}  // namespace pipelined::secrets
