// What a simulation came to: its summary, and its runs as rows and as JSON or YAML.
#pragma once

#include <string>

#include "cli/output/output.h"
#include "pipelined/simulation/report.h"

namespace pipelined::cli {

// SimulationSummary() for people.
std::string SummaryText(const Value& summary);

// Writes to stdout, run by run, however many there are. With `runs` off only the summary (kPlain: its text).
// kTable and kPlain: one line for each run; the summary goes below the table.
// kJson and kYaml: {"summary", "runs": [… with "tasks"], "missed_slots": […]}.
void PrintSimulation(Layout format, const SimulationView& view, bool runs);

}  // namespace pipelined::cli
