// Which tasks a clear takes in. Pure; the API uses it for dry runs, the engine for what it does.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "pipelined/lifecycle/task_state.h"
#include "pipelined/model/dag.h"

namespace pipelined {

struct ClearSelection {
  std::vector<std::string> task_ids;  // empty: all; ids that a version does not have are passed over
  bool include_upstream = false, include_downstream = false;
  bool only_failed = false;   // failed and upstream_failed ones
  bool only_running = false;  // running ones
};

// In the order of the file. As Airflow: the setups and teardowns around a task come with it, and a setup's teardowns
// with the setup.
std::vector<TaskNo> TasksToClear(const Dag& dag, const ClearSelection& selection,
                                 const std::function<TaskState(TaskNo)>& state_of);

// The tasks named by ids, with what is above or below them; for marking.
std::vector<TaskNo> TasksAround(const Dag& dag, const std::vector<TaskNo>& tasks, bool upstream, bool downstream);

}  // namespace pipelined
