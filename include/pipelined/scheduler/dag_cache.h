// DAG versions by id: those of active runs are shared, and a few of the last used are kept, so that triggering a large
// DAG does not mean parsing it.
#pragma once

#include <list>
#include <memory>
#include <unordered_map>

#include "pipelined/model/dag.h"

namespace pipelined {

// Not thread-safe.
class DagCache {
 public:
  explicit DagCache(std::size_t most_tasks = 300'000) : most_tasks_(most_tasks) {}
  // nullptr when it must be loaded.
  DagPtr Find(VersionId version);
  void Put(VersionId version, DagPtr dag);

 private:
  struct Entry {
    std::weak_ptr<const Dag> shared;
    std::list<std::pair<VersionId, DagPtr>>::iterator kept;
    bool is_kept = false;
  };
  std::size_t most_tasks_;  // of the DAGs that are kept although nobody else uses them
  std::size_t tasks_ = 0;
  std::list<std::pair<VersionId, DagPtr>> kept_;  // the last used in front
  std::unordered_map<VersionId, Entry> entries_;
};

}  // namespace pipelined
