// pipectl runs show --at: a run and its tasks as they were at an instant.
#pragma once

#include <string>

#include "cli/commands.h"
#include "cli/runs/run_name.h"

namespace pipelined::cli {

// `at` goes to the server as it is: "-90s" is meant by its clock.
Status ShowRunAt(const Session& session, Program& program, const RunName& run, const std::string& at);

}  // namespace pipelined::cli
