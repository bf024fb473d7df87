// The verb "delete" of things that have a name: pools, variables, connections.
#pragma once

#include <string>

#include "cli/commands.h"

namespace pipelined::cli {

struct Deletable {
  std::string plural;    // "pools": the noun, and its path under /api/v2
  std::string what;      // "POOL", as its positional is called
  std::string examples;  // below its options
};

// delete NAME... [--dry-run] [-y]: asks once for all; the first that is not there is kNotFound.
void AddDelete(CLI::App& noun, Program& program, const Deletable& deletable);

}  // namespace pipelined::cli
