// Looking for files: what stat() and glob() say, as a sighting. May block for as long as the file system does.
#pragma once

#include <string>
#include <vector>

#include "scheduler/sensors/sighting.h"

namespace pipelined {

// What a `file` or `glob` job looks for.
struct FileJob {
  explicit FileJob(const Value& job);

  // The folder in which something has to change before it can be there: that of the file, or the one before the first
  // wildcard.
  std::string Folder() const;
  // What has to change there: a name, or (of a glob) a pattern.
  std::string Part() const;
  Sighting Look(Instant now) const;

  std::string path;  // or the pattern
  bool is_glob = false;
  std::int64_t min_size = 0, min_count = 1;
  Micros stable{0};  // … unchanged for so long
};

}  // namespace pipelined
