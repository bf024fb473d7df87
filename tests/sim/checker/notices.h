// The invariant of notifications: who wants to be told is told of what happens to the run, once.
#pragma once

#include <string>

#include "sim/checker/ledger.h"

namespace pipelined::sim {

// Rules that name one channel for all events.
NotifyRulesPtr TellEverything();

std::string EveryEndIsToldOnce(const Ledger& ledger, const Plan& plan);

}  // namespace pipelined::sim
