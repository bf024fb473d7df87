// The engine: every decision about runs and tasks, and nothing else. No I/O, no clock, no locks: it is told what
// happened and answers what is to be stored and done. The same events in the same order always give the same plans.
//
// A finished task costs work in proportion to its direct downstreams; choosing the next of n waiting tasks costs O(log
// n).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pipelined/engine/event.h"
#include "pipelined/engine/plan.h"

namespace pipelined {

// So that no task waits for ever behind others of higher priority.
struct AgingRule {
  Micros after = std::chrono::minutes(10);  // what has waited so long …
  std::int32_t every = 10;                  // … gets one of so many starts; 0: never
};

struct EngineLimits {
  std::int32_t parallelism = 32;        // running attempts over all runs
  std::uint32_t max_map_length = 1024;  // instances of one mapped task, as Airflow's core.max_map_length
  AgingRule aging = {};
};

// The greatest ids ever given out.
struct LastIds {
  AttemptId attempt;
  BackfillId backfill;
};

// Not thread-safe; lives in the scheduler's thread.
class Engine {
 public:
  explicit Engine(EngineLimits limits, LastIds last = {});
  ~Engine();
  Engine(Engine&&) noexcept;
  Engine& operator=(Engine&&) noexcept;

  // Takes in events in their order, fires the timers that are due at `now`, and starts what fits. Must be called again
  // (with no events) when NextTimer() comes. The plan must be stored before the next call.
  Plan Apply(std::vector<Event> events, Instant now);

  // When there is something to do without any event; nothing: only events matter.
  std::optional<Instant> NextTimer() const;

  // For those who carry out a plan: the run that an opened attempt belongs to. nullptr when it has left memory.
  const RunInfo* FindRun(RunId run) const;
  DagPtr DagOf(RunId run) const;
  // Of an attempt that is open and changes its task when it ends.
  std::optional<AttemptOpened> FindAttempt(AttemptId attempt) const;
  // The open attempt of a task that waits without a process; nothing: it does not.
  std::optional<AttemptId> ParkedOf(RunId run, const std::string& task_id, std::int32_t map_index) const;
  std::size_t active_runs() const;

  AttemptId last_attempt() const;
  // Limits beyond pools that are remembered: those that something waits for or holds, and rates that were used lately.
  std::size_t shared_limits() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace pipelined
