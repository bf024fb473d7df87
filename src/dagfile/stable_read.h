// Reads a file only when nobody is writing it.
#pragma once

#include <sys/stat.h>

#include <string>

#include "pipelined/base/result.h"

namespace pipelined::dagfile {

// What a file looks like from outside; equal marks mean equal contents. Empty: there is no such file.
using FileMark = std::string;

FileMark MarkOf(const struct stat& info);
FileMark MarkOf(const std::string& path);  // links are followed

struct StableText {
  enum class State { kRead, kBusy, kGone, kFailed } state = State::kGone;
  std::string text;
  FileMark mark;
  Error error;  // with kFailed
};

// kBusy: it is open for writing, or changed while it was read. A writer that opens the file meanwhile waits until it is
// read.
StableText ReadStable(const std::string& path, std::size_t most);

}  // namespace pipelined::dagfile
