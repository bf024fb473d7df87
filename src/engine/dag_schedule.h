// What the engine keeps of one DAG: its head, its runs in memory, and when its next run is due.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <utility>

#include "engine/active_run.h"
#include "engine/recent_runs.h"

namespace pipelined {

struct DagState {
  DagHead head;
  bool known = false;                          // loaded, not only named by a run
  std::set<std::pair<Instant, RunId>> queued;  // waiting for max_active_runs, earliest first; not those of backfills
  std::set<RunId> running;
  std::int32_t running_in_backfills = 0;  // of them: they have a limit of their own
  std::int32_t creating = 0;              // new runs in the plan that have not come back yet
  std::optional<DueRun> due;              // the next scheduled run; its timer carries `generation`
  std::uint64_t generation = 0;

  RecentRuns recent;  // for max_consecutive_failed_dag_runs

  bool MayStartTasks() const { return !head.paused; }
  bool HasRoomForRun() const { return head.max_active_runs <= 0 || Running() < head.max_active_runs; }
  // As Airflow: no further scheduled run is made while max_active_runs of them are under way or queued.
  bool HasRoomForNewRun() const { return head.max_active_runs <= 0 || Active() < head.max_active_runs; }
  // Under way, queued, or just made; without those of backfills.
  std::int32_t Active() const { return Running() + static_cast<std::int32_t>(queued.size()) + creating; }
  // Of its own limit.
  std::int32_t Running() const { return static_cast<std::int32_t>(running.size()) - running_in_backfills; }
};

}  // namespace pipelined
