// The keys of the limits that tasks share, as the run's templates give them.
#pragma once

#include <vector>

#include "pipelined/scheduler/launch.h"

namespace pipelined {

// Of all tasks of the DAG that have such limits, in order. One that cannot be rendered is empty here, and CheckKeys()
// says why when the task is to start.
std::vector<TaskKeys> RenderKeys(const Dag& dag, const RunInfo& run, const LaunchOptions& options);

// kInvalid: a key of the task cannot be rendered, or renders to nothing; the message names the place.
Status CheckKeys(const LaunchRequest& request, const LaunchOptions& options);

}  // namespace pipelined
