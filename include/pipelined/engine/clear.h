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

// Whether a clear of these tasks resets one in `state`: always, but for only_failed and only_running.
bool IsToClear(const TaskSelection& selection, TaskState state);
std::vector<TaskNo> TasksToClear(const Dag& dag, const TaskSelection& selection, const StateOf& state);

// What a mark sets to `to`: the tasks themselves, and what is above or below them where that is asked for. Teardowns
// are not skipped with what they tear down.
std::vector<TaskNo> TasksMarked(const Dag& dag, const TaskSelection& selection, TaskState to);
// Of those, what is not in that state already.
std::vector<TaskNo> TasksToMark(const Dag& dag, const TaskSelection& selection, TaskState to, const StateOf& state);

// What is below marked tasks, with its setups: of these, what has failed (IsFailed) runs again.
std::vector<TaskNo> TasksBelow(const Dag& dag, const TaskSelection& marked);
bool IsFailed(TaskState state);  // or upstream_failed
// `state`: after the mark.
std::vector<TaskNo> TasksToClearBelow(const Dag& dag, const TaskSelection& marked, const StateOf& state);

}  // namespace pipelined
