// How long tasks took so far, asked from a server.
#pragma once

#include "cli/session/session.h"
#include "pipelined/simulation/assumptions.h"

namespace pipelined::cli {

// Means over the latest successful task instances of each DAG. A DAG that the server does not know has none.
Result<MeasuredDurations> AskMeasured(const Session& session, const std::vector<SimulatedDag>& dags);

}  // namespace pipelined::cli
