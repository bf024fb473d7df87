// A simulation as a chart of text: time from left to right, a line for each run, or for each DAG when there are many.
#pragma once

#include <cstddef>
#include <string>

#include "cli/offline/simulation_report.h"

namespace pipelined::cli {

// Lines of at most `width` characters (at least 40).
std::string Timeline(const SimulationView& view, std::size_t width);

// Columns of the terminal at stdout; $COLUMNS or 100 when there is none.
std::size_t OutputColumns();

}  // namespace pipelined::cli
