// Follows a run to its end: a live tree on a terminal, one line per change of state otherwise.
#pragma once

#include <string>

#include "cli/session/session.h"

namespace pipelined::cli {

struct WatchOptions {
  bool progress = true;        // show anything while it goes on
  double timeout_seconds = 0;  // 0: as long as it takes
};

// The run as it ended (or as it was when the time was over: kFailed).
Result<Value> WatchRun(const Session& session, const std::string& dag_id, const std::string& run_id,
                       const WatchOptions& options);

}  // namespace pipelined::cli
