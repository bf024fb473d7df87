// One call of Engine::Apply: the plan under construction.
#pragma once

#include <string>
#include <utility>

#include "pipelined/engine/plan.h"

namespace pipelined {

// Why something is changed, and who asked for it. A text alone is the scheduler's own.
struct Cause {
  Cause(const char* own) : text(own) {}
  Cause(std::string own) : text(std::move(own)) {}
  Cause(std::string why, std::string by) : text(std::move(why)), who(std::move(by)) {}
  std::string text;
  std::string who;
};

struct Turn {
  Turn(Instant when, std::uint32_t most) : now(when), max_map_length(most) { plan.now = when; }
  Instant now;
  std::uint32_t max_map_length;
  Plan plan;
};

}  // namespace pipelined
