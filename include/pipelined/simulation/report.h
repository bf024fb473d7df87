// What a simulation came to, as values.
#pragma once

#include "pipelined/base/value.h"
#include "pipelined/simulation/assumptions.h"

namespace pipelined {

struct SimulationView {
  const PreparedSimulation& input;
  const SimulationOptions& options;
  const SimulationResult& result;
};

// {"from", "to", "dags", "runs", "tasks", "busiest", "pools", "longest_waits", "late_slots", "missed_slots" …}
Value SimulationSummary(const SimulationView& view);
// With its tasks.
Value SimulatedRun(const SimulationView& view, const RunRecord& run);
Value SimulatedMiss(const SimulationView& view, const MissedSlot& slot);

}  // namespace pipelined
