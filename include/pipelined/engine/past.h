// The run before: what tasks with depends_on_past and wait_for_downstream wait for. As Airflow: a task may run when its
// own instance in the run before, and with wait_for_downstream the direct downstreams of that instance, are success or
// skipped.
//
// The run before is the one with the latest logical date before the run's own: of all runs, or, when the DAG catches
// up, of those that were not made by hand. Without one there is nothing to wait for; nor is there for a run without a
// logical date, or for the first run of a backfill.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "pipelined/engine/run_info.h"
#include "pipelined/lifecycle/task_state.h"
#include "pipelined/model/dag.h"

namespace pipelined {

// A task of the run before that holds tasks back.
struct PastTask {
  std::string task_id;
  std::optional<TaskState> state;  // nothing: that run has no such task
  bool first = false;              // … and neither has any run before it
  friend bool operator==(const PastTask&, const PastTask&) = default;
};

struct PastRun {
  RunId run;
  std::string run_id;
  Instant logical_date{};
  bool finished = false;
  std::vector<PastTask> unmet = {};  // of a finished one: those of PastTaskIds() that are neither success nor skipped
};

// Whether the run has tasks that may wait for the run before.
bool LooksBack(const RunInfo& run, const Dag& dag);

// The tasks of the run before that matter to a run of `dag`.
std::vector<std::string> PastTaskIds(const Dag& dag);

// The state of a task that lets those go on that wait for it.
constexpr bool IsPastMet(TaskState state) {
  return state == TaskState::kSuccess || state == TaskState::kSkipped;
}

}  // namespace pipelined
