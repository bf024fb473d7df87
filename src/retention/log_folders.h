// The tree of task logs, as far as retention looks at it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "pipelined/base/time.h"

namespace pipelined::retention {

struct LogSize {
  std::int64_t files = 0, bytes = 0;
  Instant last_write{};  // of anything in it
};

// Names of folders in `dir` that begin with `prefix` ("dag_id="), without it. Links are no folders. Empty when there is
// no such folder.
std::vector<std::string> FoldersOf(const std::string& dir, std::string_view prefix);

LogSize Measure(const std::string& dir);

// logs/.removed: what lies in it is deleted by whoever comes first.
class Removed {
 public:
  explicit Removed(std::string logs_dir);
  // Into a new folder of it, in one step. False: it was not moved, for what errno says.
  bool Take(const std::string& folder, std::string* into = nullptr);
  // Back to where it was, unless something new is there. False: it stays.
  static bool GiveBack(const std::string& taken, const std::string& folder);
  std::vector<std::string> Contents() const;  // paths
  // How much of it was deleted.
  static LogSize Delete(const std::string& path);

 private:
  const std::string dir_;
};

}  // namespace pipelined::retention
