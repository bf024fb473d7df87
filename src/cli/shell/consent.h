// Asking before something is destroyed.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "pipelined/base/result.h"

namespace pipelined::cli {

// -y, --yes
void AddYesOption(CLI::App& command, bool& yes);

// Both standard input and standard error are a terminal: somebody can be asked.
bool CanAsk();

// Ok when `yes`, or when it is agreed to on a terminal. kInvalid otherwise: without a terminal nobody can be asked, and
// nothing is destroyed on a guess. `question` ends with a question mark.
Status Confirm(bool yes, const std::string& question);

}  // namespace pipelined::cli
