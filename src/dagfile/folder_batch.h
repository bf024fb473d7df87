// What one Poll() found out, file by file: a later word about a file replaces an earlier one.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "dagfile/dag_index.h"
#include "pipelined/dagfile/dag_folder.h"

namespace pipelined::dagfile {

class FolderBatch {
 public:
  struct Outcome {
    KnownFile file;
    std::vector<LoadedDag> dags;
    std::string error;  // formatted diagnostics; empty: none
  };

  void Loaded(const FolderKey& key, Outcome outcome) {
    removed_.erase(key);
    loaded_[key] = std::move(outcome);
  }
  void Removed(const FolderKey& key, KnownFile file) {
    loaded_.erase(key);
    removed_[key] = std::move(file);
  }
  std::size_t size() const { return loaded_.size(); }

  // A DAG that moved from a removed file to another is not removed.
  Publication Take(const DagIndex& index) {
    Publication publication;
    for (auto& [key, file] : removed_) {
      std::erase_if(file.dag_ids, [&index](const std::string& id) { return index.IsHeld(id); });
      publication.removed.push_back(std::move(file));
    }
    for (auto& [key, outcome] : loaded_) {
      const std::string root = outcome.file.root;
      if (!outcome.error.empty())
        publication.errors.push_back({root, outcome.file.relative_file, std::move(outcome.error)});
      for (LoadedDag& loaded : outcome.dags)
        publication.dags.push_back({std::move(loaded.dag), std::move(loaded.source), root});
      publication.files.push_back(std::move(outcome.file));
    }
    return publication;
  }

 private:
  std::map<FolderKey, Outcome> loaded_;
  std::map<FolderKey, KnownFile> removed_;
};

}  // namespace pipelined::dagfile
