// A DAG as the oracle sees it: who stands above whom, worked out from the edges alone by the plainest means. Nothing of
// what Dag::Link computed is used.
#pragma once

#include <cstdint>
#include <vector>

#include "sim/checker/history.h"

namespace pipelined::sim {

using TaskSet = std::uint32_t;  // bit n: the task number n

constexpr bool Has(TaskSet set, TaskNo task) {
  return (set >> task & 1) != 0;
}

struct NaiveDag {
  explicit NaiveDag(const DagSpec& spec);

  std::size_t size = 0;
  std::vector<TaskSet> up, down;      // direct
  std::vector<TaskSet> above, below;  // all
  // Setups beyond the direct upstreams whose success a task needs: those above it that have no teardown, or one that
  // is below it.
  std::vector<TaskSet> setups;
  std::vector<TaskSet> scope;  // of a teardown: all between its setups and itself
  TaskSet leaves = 0;          // whose states decide the outcome
  TaskSet is_setup = 0, is_teardown = 0;
};

}  // namespace pipelined::sim
