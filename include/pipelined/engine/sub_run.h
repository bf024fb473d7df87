// Runs that tasks make: `trigger_dag` and `dag`.
//
// The run and its link to the attempt that asked for it are stored in one row, unique by attempt: that is what makes it
// once. From then on the task is parked: it is `running`, has no process, and takes no slot of any limit.
#pragma once

#include <optional>
#include <string>

#include "pipelined/base/ids.h"
#include "pipelined/base/time.h"
#include "pipelined/base/value.h"
#include "pipelined/lifecycle/run_state.h"

namespace pipelined {

// Who made a run.
struct RunParent {
  RunId run;  // 0: nobody
  std::string task_id;
  AttemptId attempt;  // of that task; the last one, when the run was set back by another
  bool sub_run = false;
  explicit operator bool() const { return static_cast<bool>(run); }
};

// The run that a parked task waits for, or has made.
struct StoredChild {
  RunId run;
  std::string dag_id, run_id;
  RunState state = RunState::kQueued;
  Instant since{};  // when the attempt was opened
};

// A run that is there already under the id, or the date, that a task asks for.
struct FoundRun {
  RunId run;
  std::string run_id;
  RunState state = RunState::kQueued;
  RunParent parent;
};

// A task asks for a run: its templates are rendered.
struct RunAsked {
  AttemptId attempt;
  std::string dag_id, run_id;
  std::optional<Instant> logical_date;
  Value conf;
  std::optional<FoundRun> found;
};

}  // namespace pipelined
