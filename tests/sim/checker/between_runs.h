// Invariants of what runs have to do with each other: the run before, runs that tasks make, and what is said of a run
// as a whole.
#pragma once

#include <string>

#include "sim/checker/host.h"
#include "sim/checker/ledger.h"

namespace pipelined::sim {

// A task that depends on its past begins after its success, or skip, in the run before.
std::string ThePastIsWaitedFor(const Ledger& ledger, const Plan& plan);
// A task that waits for the run that it has made ends as that does.
std::string SubRunsDecideTheirTasks(const Ledger& ledger, const Plan& plan);
// A sensor ends by itself when its instant has come, and not before, or at its timeout.
std::string SensorsEndInTime(const Ledger& ledger, const Plan& plan);
// Each try makes one run at most.
std::string ATryMakesOneRun(const Ledger& ledger, const Plan& plan);
// They are met in time or missed late, once.
std::string DeadlinesAreJust(const Ledger& ledger, const Plan& plan);
std::string DagsArePausedByTheirFailures(const Ledger& ledger, const Plan& plan);

// At the end: a deadline of a run that is over is met or missed.
std::string NoDeadlineIsForgotten(const Ledger& ledger, const Host& host, Instant now);

// The run is a part of a task's run, and that task has ended in this plan.
bool IsDropped(const Plan& plan, const RunRow& run);
// A slot of its schedule took its place.
bool GaveWayToASlot(const Plan& plan, const RunRow& run);

}  // namespace pipelined::sim
