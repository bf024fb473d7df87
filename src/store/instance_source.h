// What task instances and runs are looked for in: as few tables as the filter allows.
#pragma once

#include <string>
#include <vector>

#include "pipelined/ports/catalog.h"
#include "store/listing.h"

namespace pipelined {

// Of all of these `r` is the run, `v` its version, `t` the task, `x.map_index` the index, `i` its row, `a` the last
// attempt, `m` the mapping, `k` the note. A task without a row, or without an attempt, shows what its version says of
// it.
extern const char* const kTaskFrom;
// The same as far as they have a row, which is then what they are found by; with the condition that goes with it.
extern const char* const kTouchedFrom;
extern const char* const kTouchedCounts;
// The same of the tasks of a page: `x` (run_id, task_no, map_index).
extern const char* const kTaskOfPage;

// Whether only tasks with a row can be meant.
bool OnlyTouched(const TaskFilter& filter);
// Whether a run has all of its tasks in the answer, or none.
bool OfWholeRuns(const TaskFilter& filter);
// Counts the tasks of runs from what is known of each run, and reads no task.
std::string CountByRun(const TaskFilter& filter, const ListingSql& sql, const Page& page);

// What runs are chosen and counted in, `r`: of an index alone, where one serves.
std::string RunSource(bool with_version);

// Words of states are put into the text, from the program's own lists: so the planner knows how rare a state is, and
// which partial index has it. A word that is no state is never met.
void WhereRunState(ListingSql& sql, const std::vector<std::string>& states);
void WhereTaskState(ListingSql& sql, const std::vector<std::string>& states);

}  // namespace pipelined
