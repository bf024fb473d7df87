// What is assumed of tasks that nobody runs: how long they take, which of them fail, how many slots pools have.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "pipelined/dagfile/duration_file.h"
#include "pipelined/simulation/simulation.h"

namespace pipelined {

// Mean lengths of earlier runs' tries, by (DAG, task).
using MeasuredDurations = std::map<std::pair<std::string, std::string>, Micros>;

struct Assumptions {
  std::vector<NamedDuration> given;                  // "dag.task", "dag.*", "*"
  MeasuredDurations measured;                        // …
  Micros default_duration{std::chrono::minutes(1)};  // … in this order: dag.task, dag.*, measured, *, default
  std::vector<std::string> failures;                 // "dag.task=2"
  std::vector<std::string> pools;                    // "warehouse=4"
};

struct PreparedSimulation {
  std::vector<SimulatedDag> dags;  // in the order of their ids
  std::vector<PoolChanged> pools;
  std::vector<std::string> paused;  // left out, because they are paused upon creation
  std::vector<std::string> notes;   // sentences about what was assumed or passed over
};

// The DAGs, which must be in the order of their ids, with their timetables. kInvalid when one has a schedule that
// cannot be followed, or when none is left.
Result<PreparedSimulation> Prepare(std::vector<DagPtr> dags, bool include_paused, const ZoneSource& zones);

// Gives the tasks their durations and failures and the pools their slots. kInvalid and kNotFound name the option, as
// pipectl calls it.
Status Configure(const Assumptions& assumed, PreparedSimulation& prepared);

}  // namespace pipelined
