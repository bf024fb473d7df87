// What setups and teardowns add to the graph, and which tasks decide the outcome of a run; private to model/.
#pragma once

#include <vector>

#include "pipelined/model/dag.h"

namespace pipelined {

// Fills `setups`, `guarded`, `scope` and `scoped` from the linked graph. kInvalid when that would take more than
// kMostScopeSteps: setups that stand one above the other multiply.
inline constexpr std::size_t kMostScopeSteps = 20'000'000;
Status LinkScopes(Dag& dag);

// Airflow's leaves: teardowns do not count, nor do they hide what is above them, unless on_failure_fail_dagrun.
std::vector<bool> Leaves(const Dag& dag);

}  // namespace pipelined
