// Importing many variables, connections or pools with one request.
#pragma once

#include <string>

#include "cli/commands.h"
#include "cli/session/session.h"

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

// What a file holds, as bodies; or what is wrong with it.
using ReadEntities = Result<Value::List> (*)(const std::string& file);

// "import FILE", with -a for what exists already and --dry-run. `import` is what the command line does not say.
void AddImport(CLI::App& noun, Program& program, const Import& import, const char* about, const char* example,
               ReadEntities read);

}  // namespace pipelined::cli
