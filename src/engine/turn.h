// One call of Engine::Apply: the plan under construction.
#pragma once

#include "pipelined/engine/plan.h"

namespace pipelined {

struct Turn {
  Turn(Instant when, std::uint32_t most) : now(when), max_map_length(most) { plan.now = when; }
  Instant now;
  std::uint32_t max_map_length;
  Plan plan;
};

}  // namespace pipelined
