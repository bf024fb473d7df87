#include "sim/checker/watched_store.h"

#include <fmt/format.h>

namespace pipelined::sim {

Result<Committed> WatchedStore::Commit(const Plan& plan, Lease& lease, const ExecutorIdentity& executor) {
  const std::optional<bool> doubt = std::exchange(doubt_, std::nullopt);
  const Error in_doubt{ErrorCode::kInDoubt, "the connection broke in COMMIT", ""};
  if (doubt == false) return in_doubt;
  auto committed = store_.Commit(plan, lease, executor);
  if (!committed) {
    fault_ = "a plan of the only leader was refused: " + committed.error().message;
    return committed;
  }
  told_ += plan.asset_events.size();
  if (store_.asset_events().size() != told_) fault_ = "not every event of an asset was stored";
  ledger_.Apply(plan, *committed);
  on_commit_(plan);
  if (doubt) return in_doubt;
  return committed;
}

Result<Snapshot> WatchedStore::Load(const Lease& lease) {
  auto snapshot = store_.Load(lease);
  if (!snapshot) return snapshot;
  std::size_t unfinished = 0;
  for (const RunRow& run : ledger_.runs) unfinished += IsFinished(run.state) ? 0 : 1;
  if (snapshot->runs.size() != unfinished) fault_ = "not every unfinished run was found again";
  if (snapshot->attempts.size() != ledger_.open.size()) fault_ = "not every open attempt was found again";
  for (const RestoredRun& run : snapshot->runs) Compare(run);
  return snapshot;
}

void WatchedStore::CompareEnded(const std::vector<RestoredRun>& runs) {
  for (const RestoredRun& run : runs) {
    if (IsFinished(run.run.state)) Compare(run);
  }
}

void WatchedStore::Compare(const RestoredRun& restored) {
  const RunRow& run = ledger_.Of(restored.run.id);
  if (run.state != restored.run.state) fault_ = fmt::format("run {} was found in another state", restored.run.id.value);
  std::vector<TaskState> found(run.tasks.size(), TaskState::kNone);
  for (const StoredTask& task : restored.tasks) {
    const auto unit = run.UnitOf(task.task, task.map_index);
    if (!unit && run.set_back) continue;  // not expanded again: its tries
    if (!unit) fault_ = fmt::format("run {} was found with an instance more", restored.run.id.value);
    if (!unit) return;
    found[*unit] = task.state;
    if (task.try_number != run.tasks[*unit].tries)
      fault_ = fmt::format("task {} of run {} was found with other tries", task.task, restored.run.id.value);
  }
  for (const StoredLength& length : restored.lengths) {
    if (run.lengths.at(length.task) != length.length) fault_ = "a mapped task was found with another length";
  }
  for (UnitNo no = 0; no < found.size(); ++no) {
    if (found[no] != run.tasks[no].state)
      fault_ = fmt::format("task {} of run {} was found in another state", no, restored.run.id.value);
  }
}

}  // namespace pipelined::sim
