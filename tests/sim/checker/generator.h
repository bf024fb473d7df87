// Random histories: DAGs with a few features each, and steps that are chosen as they are played, so that most of them
// mean something.
#pragma once

#include <cstdint>
#include <optional>

#include "sim/checker/history.h"
#include "sim/checker/world.h"

namespace pipelined::sim {

struct Played {
  History history;
  std::optional<Fault> fault;
};

Played PlayRandom(std::uint64_t seed, Coverage* coverage);

}  // namespace pipelined::sim
