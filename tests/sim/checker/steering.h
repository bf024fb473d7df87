// What clears and marks should do, told from their words by the plainest means: which runs, which tasks of them, and
// that nothing else is touched by hand.
#pragma once

#include <string>

#include "sim/checker/ledger.h"

namespace pipelined::sim {

// The command that a step stands for: a clear, or a mark of tasks or of a run.
decltype(Command::what) CommandOf(const Step& step, const std::string& dag_id);

// Whether the run was marked by a command that is done with this plan.
bool IsMarked(const Ledger& ledger, const Plan& plan, RunId run);

// Invariants. What a command names is cleared or marked, and it says so.
std::string ClearsAndMarksDoWhatTheySay(const Ledger& ledger, const Plan& plan);
// A run that is set to an outcome has it, unless a teardown is still to come.
std::string RunMarksHold(const Ledger& ledger, const Plan& plan);
// Whatever was changed by hand was named by a command, or failed below what was marked.
std::string OnlyWhatIsNamedIsSteered(const Ledger& ledger, const Plan& plan);

}  // namespace pipelined::sim
