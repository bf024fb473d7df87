// Which run is meant: "DAG RUN", or a run id alone where only one DAG has such a run.
#pragma once

#include <string>
#include <vector>

#include "cli/session/session.h"

namespace pipelined::cli {

struct RunName {
  std::string dag_id, run_id;
};

// `words`: {run} or {dag, run}. The run "latest" is the last one of its DAG.
Result<RunName> FindRun(const Session& session, const std::vector<std::string>& words);

}  // namespace pipelined::cli
