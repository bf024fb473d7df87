// Which tasks a clear or a mark concerns. Pure: the engine carries out what these name, and the API shows the same as a
// dry run. Airflow's behaviour, proved on tests/conformance/clear-and-mark.jsonl.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "pipelined/lifecycle/task_state.h"
#include "pipelined/model/dag.h"

namespace pipelined {

// Of every run that is concerned the same tasks are meant.
struct TaskSelection {
  std::vector<std::string> ids;  // of tasks and groups; unknown ones select nothing. Empty and not `none`: all tasks
  bool none = false;             // an empty list was given: no task at all
  bool upstream = false;         // also everything above them
  bool downstream = false;       // also everything below them, and below what is above where both are asked for
  bool only_failed = false;      // of these: failed and upstream_failed
  bool only_running = false;
};

// The states of one run's tasks.
using StateOf = std::function<TaskState(TaskNo)>;

// The selected tasks whatever their states, in the order of the file. A setup that a selected task stands on comes with
// it, and every setup with its teardowns. O(tasks + edges), times the setups.
std::vector<TaskNo> TasksAround(const Dag& dag, const TaskSelection& selection);

// Of those, what a clear resets: all but for only_failed and only_running.
std::vector<TaskNo> TasksToClear(const Dag& dag, const TaskSelection& selection, const StateOf& state);

// What a mark sets to `to`: the task itself, and what is above or below it where that is asked for; never what is in
// that state already. Teardowns are not skipped with what they tear down.
std::vector<TaskNo> TasksToMark(const Dag& dag, const TaskSelection& selection, TaskState to, const StateOf& state);

// What failed below a task that was marked, or because of it: it runs again. `state`: after the mark.
std::vector<TaskNo> TasksToClearBelow(const Dag& dag, const TaskSelection& marked, const StateOf& state);

}  // namespace pipelined
