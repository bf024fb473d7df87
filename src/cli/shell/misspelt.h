// "did you mean": commands and options that do not exist.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <vector>

#include "pipelined/base/result.h"

namespace pipelined::cli {

// The first of `words` (without the program's name) that is no command where one is needed, or no option that is known
// there, with the nearest one as the remedy. Nothing when all are known: the fault is another one.
std::optional<Error> FindMisspelt(const CLI::App& app, const std::vector<std::string>& words);

}  // namespace pipelined::cli
