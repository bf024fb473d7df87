// `pipelined man`: manual pages of the server and of its settings.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace pipelined::apps {

// Prints the page `name` (pipelined, pipelined.yaml), or writes both below `folder` when that is given.
int Man(const CLI::App& program, const std::string& name, const std::string& folder);

}  // namespace pipelined::apps
