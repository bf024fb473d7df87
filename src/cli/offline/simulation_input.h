// From DAGs and what the command line says of them to what a simulation needs: durations, failures, pools.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "cli/offline/simulation.h"
#include "pipelined/dagfile/duration_file.h"

namespace pipelined::cli {

// Mean lengths of earlier runs' tries, by (DAG, task).
using MeasuredDurations = std::map<std::pair<std::string, std::string>, Micros>;

struct SimulationInput {
  std::vector<std::string> paths;                    // files and folders
  std::vector<std::string> only;                     // ids of DAGs; empty: all of them
  bool include_paused = false;                       // those that are paused upon their creation
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

// The DAGs of `paths` that are to be simulated. Files that cannot be loaded are passed over with a note when they were
// found in a folder, as a server does; kInvalid when they were named, or when no DAG is left.
Result<PreparedSimulation> LoadForSimulation(const SimulationInput& input, const ZoneSource& zones);

// Gives the tasks their durations and failures and the pools their slots. kInvalid and kNotFound name the option.
Status Configure(const SimulationInput& input, PreparedSimulation& prepared);

}  // namespace pipelined::cli
