#include "pipelined/scheduler/dag_cache.h"

namespace pipelined {

DagPtr DagCache::Find(VersionId version) {
  const auto found = entries_.find(version);
  if (found == entries_.end()) return nullptr;
  DagPtr dag = found->second.shared.lock();
  if (dag == nullptr) {
    entries_.erase(found);
    return nullptr;
  }
  if (found->second.is_kept) kept_.splice(kept_.begin(), kept_, found->second.kept);
  return dag;
}

void DagCache::Put(VersionId version, DagPtr dag) {
  if (Find(version) != nullptr) return;
  tasks_ += dag->tasks.size();
  kept_.emplace_front(version, dag);
  entries_[version] = Entry{dag, kept_.begin(), true};
  while (tasks_ > most_tasks_ && kept_.size() > 1) {
    const auto& [oldest, least_used] = kept_.back();
    tasks_ -= least_used->tasks.size();
    Entry& entry = entries_[oldest];
    entry.is_kept = false;
    kept_.pop_back();
  }
  // Versions that nobody uses any more leave their weak pointers behind.
  constexpr std::size_t kSweepAbove = 1024;
  if (entries_.size() > kSweepAbove + 2 * kept_.size()) {
    std::erase_if(entries_, [](const auto& entry) { return entry.second.shared.expired(); });
  }
}

}  // namespace pipelined
