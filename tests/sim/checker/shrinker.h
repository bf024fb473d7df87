// Makes a history that breaks an invariant as small as it can while it still breaks the same one: without steps, DAGs,
// tasks, dependencies and features that it does not need.
#pragma once

#include "sim/checker/world.h"

namespace pipelined::sim {

History Shrink(History history, const Fault& fault);

}  // namespace pipelined::sim
