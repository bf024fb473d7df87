// Starting a run by hand: the options of the commands that do, and what they show.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cli/commands.h"

namespace pipelined::cli {

struct RunOptions {
  std::string conf, run_id, logical_date, note;
  std::vector<std::string> params;
  bool wait = false, watch = false;
};

void AddRunOptions(CLI::App& command, const std::shared_ptr<RunOptions>& options);

// Asks `path` for the run, waits for it if that is wanted, and shows it; its exit code says how it ended. `see`: the
// command that shows what may be asked, as a hint.
Status StartRun(const Session& session, Program& program, const std::string& path, const RunOptions& options,
                const std::string& see);

}  // namespace pipelined::cli
