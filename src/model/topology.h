// Orders and sums over a linked graph; private to model/.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "pipelined/model/dag.h"

namespace pipelined {

// Every node after all that it depends on. Nodes on a cycle, or behind one, are left out.
std::vector<TaskNo> TopologicalOrder(const Graph& downstream, std::size_t nodes);

// For each node its own weight plus those of all its descendants in `children`, each counted once, capped at the range
// of int32. `order` puts every node before its children; `parents` is `children` turned round.
std::vector<std::int32_t> DescendantSums(const Graph& children, const Graph& parents, std::span<const TaskNo> order,
                                         std::span<const std::int32_t> own);

}  // namespace pipelined
