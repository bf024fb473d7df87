// The invariant about events of assets.
#pragma once

#include <string>

#include "sim/checker/ledger.h"

namespace pipelined::sim {

// Whatever a task does by itself; people who say that it has succeeded say nothing of what it writes.
std::string EachSuccessTellsOfItsOutlets(const Ledger& ledger, const Plan& plan);

}  // namespace pipelined::sim
