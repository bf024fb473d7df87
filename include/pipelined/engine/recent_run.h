// One of the latest runs of a DAG: what max_consecutive_failed_dag_runs counts.
#pragma once

#include "pipelined/base/ids.h"
#include "pipelined/base/time.h"
#include "pipelined/lifecycle/run_state.h"

namespace pipelined {

struct RecentRun {
  RunId run;
  Instant date{};  // its logical date; of a run without one, when it was due
  RunState state = RunState::kQueued;
  friend bool operator==(const RecentRun&, const RecentRun&) = default;
};

}  // namespace pipelined
