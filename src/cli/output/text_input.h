// Texts that do not come from the command line, where every user of the machine could read them.
#pragma once

#include <string>

#include "pipelined/base/result.h"

namespace pipelined::cli {

// A line from the terminal that is not shown while it is typed.
std::string AskSecret(const std::string& question);

// The whole file; "-": standard input.
Result<std::string> ReadInput(const std::string& path);

// A secret from `path`, without the end of its last line; with an empty path from the terminal, asked for with
// `question`, or from standard input when that is no terminal.
Result<std::string> ReadSecretInput(const std::string& path, const std::string& question);

// Writes the whole file, mode 0600; "-": standard output.
Status WriteOutput(const std::string& path, const std::string& text);

}  // namespace pipelined::cli
