// The run before another one, as the tasks of that one see it: itself while it is in memory, and what was last known
// of it otherwise. One thread, the engine's.
#pragma once

#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "pipelined/engine/past.h"

namespace pipelined {

class ActiveRun;

class RunBefore {
 public:
  explicit RunBefore(PastRun known);
  // A run that is in memory.
  explicit RunBefore(const ActiveRun& live);

  RunId run() const { return known_.run; }
  Instant logical_date() const { return known_.logical_date; }

  // It has entered memory: `live` is asked until Remember().
  void Meet(const ActiveRun& live) { live_ = &live; }
  // It leaves memory: what matters of it to `later` is kept.
  void Remember(const ActiveRun& leaving, const Dag& later);

  // Whether `task` of `dag`, which depends on the past, may run.
  bool Allows(const Dag& dag, TaskNo task) const { return !Obstacle(dag, task); }
  // What it waits for, in words: "load is failed in the run before, scheduled__…"; nothing when it may run.
  // Whether it may hold back anything, now or later.
  bool MayHold() const { return live_ != nullptr || !known_.finished || !unmet_.empty(); }
  std::optional<std::string> WhyNot(const Dag& dag, TaskNo task) const;

 private:
  // A task of the run before that is not as it should be.
  std::optional<PastTask> Obstacle(const Dag& dag, TaskNo task) const;
  std::optional<PastTask> Unmet(const std::string& task_id) const;

  PastRun known_;
  std::unordered_map<std::string, PastTask> unmet_;  // known_.unmet
  const ActiveRun* live_ = nullptr;
};

}  // namespace pipelined
