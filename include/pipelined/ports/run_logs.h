// What the database knows of runs whose logs may go.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "pipelined/base/result.h"
#include "pipelined/base/time.h"

namespace pipelined {

class RunLogs {
 public:
  virtual ~RunLogs() = default;

  // When a run ended, and its number among those that ended at the same instant.
  struct End {
    Instant at;
    std::int64_t id = 0;
    auto operator<=>(const End&) const = default;
  };
  struct Known {
    std::string run_id;
    std::optional<End> end;  // nothing: it is under way, or a process of it is
  };

  // The end of the `keep`-th newest finished run of the DAG: older ones are one too many. Nothing: there are fewer.
  virtual Result<std::optional<End>> EdgeOf(const std::string& dag_id, std::int64_t keep) = 0;
  // Of these runs of the DAG those that there are.
  virtual Result<std::vector<Known>> Look(const std::string& dag_id, const std::vector<std::string>& run_ids) = 0;
  // Calls `work` while nobody can begin the run anew: true. False without a call: it has been begun, a process of it
  // runs, or somebody else has it in hand. `work` must be quick: a scheduler may wait for it.
  virtual Result<bool> WhileFinished(const std::string& dag_id, const std::string& run_id,
                                     const std::function<void()>& work) = 0;
};

}  // namespace pipelined
