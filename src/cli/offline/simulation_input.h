// The DAG files that are to be simulated.
#pragma once

#include <string>
#include <vector>

#include "pipelined/simulation/assumptions.h"

namespace pipelined::cli {

struct SimulationInput {
  std::vector<std::string> paths;  // files and folders
  std::vector<std::string> only;   // ids of DAGs; empty: all of them
  bool include_paused = false;     // those that are paused upon their creation
  Assumptions assumed;
};

// The DAGs of `paths` that are to be simulated. Files that cannot be loaded are passed over with a note when they were
// found in a folder, as a server does; kInvalid when they were named, or when no DAG is left.
Result<PreparedSimulation> LoadForSimulation(const SimulationInput& input, const ZoneSource& zones);

}  // namespace pipelined::cli
