// What must hold whatever happens, each as a predicate of its own.
#pragma once

#include <span>
#include <string>

#include "sim/checker/host.h"
#include "sim/checker/ledger.h"

namespace pipelined::sim {

struct Fault {
  std::string invariant;
  std::string text;  // which task of which run, and what was seen
};

// Asked after each commit. An empty answer: it holds.
struct CommitInvariant {
  std::string_view name;
  std::string (*broken)(const Ledger& ledger, const Plan& plan);
};
std::span<const CommitInvariant> CommitInvariants();

// Asked when everything is over.
struct EndInvariant {
  std::string_view name;
  std::string (*broken)(const Ledger& ledger, const Host& host, Instant now);
};
std::span<const EndInvariant> EndInvariants();

// Asked of each process that was started.
std::string OneProcessPerTask(const Ledger& ledger, const Host& host, AttemptId started);

// "task t3 of run 2", "task t3[0] of run 2"
std::string Where(const RunRow& run, UnitNo unit);

}  // namespace pipelined::sim
