// One call of Engine::Apply: the plan under construction.
#pragma once

#include "pipelined/engine/plan.h"

namespace pipelined {

struct Turn {
  explicit Turn(Instant when) : now(when) { plan.now = when; }
  Instant now;
  Plan plan;
};

}  // namespace pipelined
