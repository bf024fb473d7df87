// What would run when, asked by those who must not know how that is found out.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "pipelined/base/result.h"
#include "pipelined/base/time.h"
#include "pipelined/base/value.h"
#include "pipelined/model/dag.h"

namespace pipelined {

struct SimulationRequest {
  std::vector<DagPtr> dags;     // in any order, each once
  bool include_paused = false;  // those that are paused upon their creation
  Instant from{}, to{};         // [from, to)
  std::int32_t parallelism = 32;
  std::map<std::string, Micros> durations = {};                         // by "dag.task", "dag.*" or "*"
  std::map<std::pair<std::string, std::string>, Micros> measured = {};  // by DAG and task
  Micros default_duration{std::chrono::minutes(1)};                     // of tasks of which neither says more
  std::vector<std::string> failures = {}, pools = {};                   // "sales.load=2", "warehouse=4"
  std::size_t most_runs = 100;                                          // and missed slots, in the answer
  std::size_t most_tasks = 200'000;                                     // more: kInvalid
};

// Thread-safe.
class Simulator {
 public:
  virtual ~Simulator() = default;

  // {"summary", "runs", "total_runs", "missed_slots", "total_missed_slots", "notes"}. kInvalid and kNotFound: what is
  // assumed cannot be, or is about nothing.
  virtual Result<Value> Simulate(const SimulationRequest& request) const = 0;
};

}  // namespace pipelined
