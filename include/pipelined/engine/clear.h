// Which tasks a clear or a mark concerns. Pure: the engine carries out what these name, and the API shows the same as a
// dry run. Airflow's behaviour, proved on tests/conformance/clear-and-mark.jsonl.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "pipelined/lifecycle/task_state.h"
#include "pipelined/model/dag.h"

namespace pipelined {

// Of every run that is concerned the same tasks are meant.
struct TaskSelection {
  std::vector<std::string> ids;                                 // of tasks and groups; unknown ones select nothing
  std::vector<std::pair<std::string, std::int32_t>> instances;  // of mapped tasks, by their map indexes
  bool none = false;                                            // an empty list was given: no task at all
  bool upstream = false;                                        // also everything above them
  bool downstream = false;   // also everything below them, and below what is above where both are asked for
  bool only_failed = false;  // of these: failed and upstream_failed
  bool only_running = false;

  bool IsAll() const { return ids.empty() && instances.empty() && !none; }
};

// A task, or some instances of it.
struct SelectedTask {
  TaskNo task = 0;
  std::vector<std::int32_t> indexes = {};  // ascending; empty: all of it

  bool Has(std::int32_t map_index) const;
};

// The selected tasks whatever their states, in the order of the file. A setup that a selected task stands on comes with
// it, and every setup with its teardowns. What is above or below single instances is whole, but for what is mapped
// together with them: of that the instances of the same index are meant. O(tasks + edges), times the setups.
std::vector<SelectedTask> TasksAround(const Dag& dag, const TaskSelection& selection);

// Whether a clear of these tasks resets one in `state`: always, but for only_failed and only_running. Instances that
// are beyond the end of what is mapped over stay removed.
bool IsToClear(const TaskSelection& selection, TaskState state, std::int32_t map_index = kNotMapped);

// What a mark sets to `to`, where it is not in that state already: the tasks themselves, and what is above or below
// them where that is asked for. Teardowns are not skipped with what they tear down.
std::vector<SelectedTask> TasksMarked(const Dag& dag, const TaskSelection& selection, TaskState to);

// What is below marked tasks, with its setups: of these, what has failed (IsFailed) runs again.
std::vector<SelectedTask> TasksBelow(const Dag& dag, const TaskSelection& marked);
bool IsFailed(TaskState state);  // or upstream_failed

}  // namespace pipelined
