// What people decide about runs and tasks: clear, mark, note, rerun, and the history that says who did.
#pragma once

#include "cli/commands.h"

namespace pipelined::cli {

void AddRunSteering(CLI::App& runs, Program& program);
void AddTaskSteering(CLI::App& tasks, Program& program);

}  // namespace pipelined::cli
