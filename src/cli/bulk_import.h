// Importing many variables or connections with one request.
#pragma once

#include <string>

#include "cli/session.h"

namespace pipelined::cli {

struct Import {
  std::string plural;          // "variables": path and field of the listing
  std::string name_field;      // "key"
  std::string when_it_exists;  // overwrite, fail, skip
  Value::List entities;        // bodies, each with its name
  bool dry_run = false, quiet = false;
};

// Says what was done, or with `dry_run` what would be. kConflict: some exist and that was not allowed; nothing is done.
Status RunImport(const Session& session, const Import& import);

}  // namespace pipelined::cli
