// Which file holds which dag_id, and who waits for one.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "dagfile/folder_tree.h"

namespace pipelined::dagfile {

class DagIndex {
 public:
  // True when `file` holds `dag_id` now; false when another file does, for which it then waits.
  bool Claim(const std::string& dag_id, const FolderKey& file) {
    const auto [at, fresh] = holders_.emplace(dag_id, file);
    if (fresh || at->second == file) return true;
    waiting_[dag_id].insert(file);
    return false;
  }
  const FolderKey& HolderOf(const std::string& dag_id) const { return holders_.at(dag_id); }

  // `file` gives `dag_id` up; the files that waited for it.
  std::set<FolderKey> Release(const std::string& dag_id, const FolderKey& file) {
    const auto at = holders_.find(dag_id);
    if (at == holders_.end() || at->second != file) return {};
    holders_.erase(at);
    const auto waiting = waiting_.extract(dag_id);
    return waiting.empty() ? std::set<FolderKey>() : waiting.mapped();
  }
  bool IsHeld(const std::string& dag_id) const { return holders_.count(dag_id) > 0; }

 private:
  std::unordered_map<std::string, FolderKey> holders_;
  std::unordered_map<std::string, std::set<FolderKey>> waiting_;
};

}  // namespace pipelined::dagfile
