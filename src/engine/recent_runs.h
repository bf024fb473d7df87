// The latest runs of one DAG by their dates, and whether all of them have failed. As Airflow counts: a run that is
// under way, or that succeeded, ends the row of failures, whenever it ran.
#pragma once

#include <cstddef>
#include <map>
#include <utility>
#include <vector>

#include "pipelined/engine/recent_run.h"
#include "pipelined/engine/run_info.h"

namespace pipelined {

class RecentRuns {
 public:
  // How many are kept; 0: none.
  void Keep(std::int32_t most);
  // From the store; what is known already is newer.
  void Learn(const std::vector<RecentRun>& stored);
  // A run is there, or has another state.
  void Note(const RunInfo& run);
  bool AllFailed() const;

 private:
  using Place = std::pair<Instant, RunId>;
  void Trim();
  std::size_t most_ = 0;
  std::map<Place, RunState> runs_;
};

}  // namespace pipelined
