// The defaults.yaml files above each folder, read and parsed once.
#pragma once

#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "dagfile/layers.h"
#include "dagfile/stable_read.h"

namespace pipelined::dagfile {

struct FolderDefaults {
  std::string mark;  // of all of them
  std::vector<DefaultsFile> files;
  Layers layers;
  bool busy = false;   // one of them is being written
  std::string failed;  // why one of them cannot be read
};

class DefaultsCache {
 public:
  // What the chain of a folder looks like now; asked once per Refresh().
  const std::string& Mark(const std::string& folder, const std::string& root);
  const FolderDefaults& Get(const std::string& folder, const std::string& root, const LoadLimits& limits);
  // From now on the disk is looked at again.
  void Refresh() { marks_.clear(); }

 private:
  std::unordered_map<std::string, std::string> marks_;
  std::unordered_map<std::string, FolderDefaults> parsed_;
};

}  // namespace pipelined::dagfile
