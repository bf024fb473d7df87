// Invariants of all limits: what may be under way at once, or start within a stretch of time.
#pragma once

#include <string>

#include "sim/checker/ledger.h"

namespace pipelined::sim {

// Whether the attempt is still that of its task: not one that is being stopped.
bool IsOf(const Ledger& ledger, const OpenRow& open, AttemptId attempt);

std::string ParallelismHolds(const Ledger& ledger, const Plan& plan);
std::string PoolsHold(const Ledger& ledger, const Plan& plan);
std::string RunsKeepTheirMaxActiveTasks(const Ledger& ledger, const Plan& plan);
std::string DagsKeepTheirMaxActiveRuns(const Ledger& ledger, const Plan& plan);
std::string ScheduledRunsWaitForRoom(const Ledger& ledger, const Plan& plan);
std::string TasksKeepTheirMaxActiveTis(const Ledger& ledger, const Plan& plan);
std::string ConcurrencyKeysHold(const Ledger& ledger, const Plan& plan);
std::string RatesHold(const Ledger& ledger, const Plan& plan);
// Where no limit but parallelism and a roomy pool is in the way, what may run runs: no wake-up is lost.
std::string WhatMayRunRuns(const Ledger& ledger, const Plan& plan);
std::string SlotsAreSkippedForARun(const Ledger& ledger, const Plan& plan);

}  // namespace pipelined::sim
