// One run of one DAG with no server and no database: the same engine, scheduler and executor over a store in memory.
#pragma once

#include <functional>
#include <string>

#include "pipelined/dagfile/load.h"
#include "pipelined/engine/plan.h"

namespace pipelined::cli {

struct LocalRunOptions {
  std::string folder;  // absolute, empty: for the journal and the logs
  std::string launcher_path;
  std::string run_id;
  Value conf;
  std::optional<Instant> logical_date;
  std::function<void(const Plan&)> on_plan;  // after each turn; may be empty
};

// How the run ended. Blocks; SIGINT stops its tasks.
Result<RunState> RunLocally(const LoadedDag& dag, const LocalRunOptions& options, const ZoneSource& zones);

}  // namespace pipelined::cli
