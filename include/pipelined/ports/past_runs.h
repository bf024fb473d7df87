// What the scheduler asks of the runs before: a part of the store.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "pipelined/engine/past.h"
#include "pipelined/engine/recent_run.h"

namespace pipelined {

// Errors are those of Store.
class PastRuns {
 public:
  virtual ~PastRuns() = default;

  // The run before `run` by logical date, and which of `task_ids` hold its tasks back when it is finished. With
  // `passing_by_hand` runs made by hand are passed over. Nothing: there is none, or `run` has no date.
  virtual Result<std::optional<PastRun>> RunBefore(const RunInfo& run, bool passing_by_hand,
                                                   const std::vector<std::string>& task_ids) = 0;

  // The latest `most` runs of the DAG by their dates (RecentRun::date), in any order.
  virtual Result<std::vector<RecentRun>> LatestRuns(const std::string& dag_id, std::int32_t most) = 0;

  // How long the DAG's last `most` runs that had ended by an instant took on average; nothing when there are fewer than
  // `least`. Of runs without a logical date when they were to run counts.
  virtual Result<std::optional<Micros>> AverageRuntime(const std::string& dag_id, std::int32_t least, std::int32_t most,
                                                       Instant ended_by) = 0;
};

}  // namespace pipelined
