// What the scheduler asks of the runs before: a part of the store.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "pipelined/engine/past.h"

namespace pipelined {

// Errors are those of Store.
class PastRuns {
 public:
  virtual ~PastRuns() = default;

  // The run before `run` by logical date, and which of `task_ids` hold its tasks back when it is finished. With
  // `passing_by_hand` runs made by hand are passed over. Nothing: there is none, or `run` has no date.
  virtual Result<std::optional<PastRun>> RunBefore(const RunInfo& run, bool passing_by_hand,
                                                   const std::vector<std::string>& task_ids) = 0;
};

}  // namespace pipelined
