// The backfills that are under way: what remains of each range, and which of its runs wait or go on. How runs start and
// end is the engine's; this only keeps the books.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "engine/turn.h"
#include "pipelined/engine/backfill.h"
#include "pipelined/engine/event.h"

namespace pipelined {

struct BackfillState {
  StoredBackfill what;
  std::deque<BackfillSlot> todo;  // runs that are not made yet, in order
  std::int32_t creating = 0;      // runs of the last plan that have not come back yet
  std::set<std::pair<std::int32_t, RunId>> queued;
  std::set<RunId> running;
  bool over = false;  // completed or cancelled; runs of a cancelled one may still go on

  bool MayStartRun() const {
    return !what.paused && !queued.empty() && static_cast<std::int32_t>(running.size()) < what.max_active_runs;
  }
  // New runs are made at once. Existing ones are set back only when they can start: until then they stay what they are.
  bool MayMakeRun() const {
    if (todo.empty() || !todo.front().existing) return !todo.empty();
    const auto under_way = static_cast<std::int32_t>(queued.size() + running.size()) + creating;
    return !what.paused && under_way < what.max_active_runs;
  }
  bool IsIdle() const { return todo.empty() && creating == 0 && queued.empty() && running.empty(); }
};

class Backfills {
 public:
  explicit Backfills(BackfillId last) : last_(last) {}

  // Takes the next id.
  BackfillState& Make(StoredBackfill what, std::vector<BackfillSlot> slots);
  void Restore(const StoredBackfill& what);

  BackfillState* Find(BackfillId id);
  // Of a run: one that is over, and no longer stored as active, is made up for what is left of its runs.
  BackfillState& Of(const RunInfo& run);
  BackfillState* ActiveOf(const std::string& dag_id);  // nullptr: none
  // All of a DAG's, for its deletion.
  std::vector<RunId> Forget(const std::string& dag_id);

  // Puts the next runs that are to be made, over all backfills, into the plan. `is_active`: in memory, so not to be set
  // back.
  template <class IsActive, class VersionOf>
  void MakeRuns(Turn& turn, const IsActive& is_active, const VersionOf& version_of);
  bool HasRunsToMake() const {
    return std::any_of(all_.begin(), all_.end(), [](const auto& entry) { return entry.second.MayMakeRun(); });
  }

  // The plan with the last MakeRuns() is stored, and its runs have come back.
  std::vector<BackfillId> ForgetNewRuns();

  // Completes it in the plan when nothing of it is left.
  void CompleteIfIdle(Turn& turn, BackfillState& backfill);
  void Cancel(Turn& turn, BackfillState& backfill, const std::string& who);
  void DropIfGone(BackfillId id);

 private:
  static constexpr std::size_t kRunsPerTurn = 500;  // more would hold up the tasks of others

  void MakeRun(Turn& turn, BackfillState& backfill, BackfillSlot slot, bool is_active, VersionId version);

  BackfillId last_;
  std::map<BackfillId, BackfillState> all_;             // the oldest first
  std::unordered_map<std::string, BackfillId> active_;  // by DAG
  std::vector<BackfillId> created_;                     // with runs in the last plan
};

template <class IsActive, class VersionOf>
void Backfills::MakeRuns(Turn& turn, const IsActive& is_active, const VersionOf& version_of) {
  std::size_t left = kRunsPerTurn;
  for (auto& [id, backfill] : all_) {
    if (left == 0) return;
    if (!backfill.MayMakeRun()) continue;
    const VersionId version = version_of(backfill.what.dag_id);
    for (; left > 0 && backfill.MayMakeRun(); --left) {
      BackfillSlot slot = std::move(backfill.todo.front());
      backfill.todo.pop_front();
      const bool active = slot.existing && is_active(slot.existing->run);
      MakeRun(turn, backfill, std::move(slot), active, version);
    }
    created_.push_back(id);
  }
}

}  // namespace pipelined
