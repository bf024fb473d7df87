// One call of Engine::Apply: the plan under construction.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

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
  // What stands for `who` in the changes of tasks.
  std::uint32_t AuthorOf(const Cause& why) {
    if (why.who.empty()) return 0;
    std::vector<std::string>& authors = plan.authors;
    if (authors.empty() || authors.back() != why.who) authors.push_back(why.who);
    return static_cast<std::uint32_t>(authors.size());
  }
  Instant now;
  std::uint32_t max_map_length;
  Plan plan;
};

}  // namespace pipelined
