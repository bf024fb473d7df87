// Removes logs of tasks: those of runs that ended too long ago or are too many, and those of runs that are no more.
//
// What a run has written lies in logs/dag_id=…/run_id=…. That folder is moved into logs/.removed by one rename(), while
// the run's row is held: nobody can begin it anew meanwhile, and a try that is begun later makes new folders. What lies
// in .removed belongs to nobody and is then deleted at leisure; after a crash the next sweep finishes that. So at every
// instant the logs of a run are either there as a whole or gone as a whole, and those of a try that runs are never
// gone.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "pipelined/base/clock.h"
#include "pipelined/base/rollout.h"
#include "pipelined/base/result.h"
#include "pipelined/base/time.h"
#include "pipelined/ports/run_logs.h"

namespace pipelined {

struct SweepRules {
  Micros age{0};          // logs of runs that ended longer ago go; 0: none for their age
  std::int64_t runs = 0;  // of each DAG those of so many finished runs stay; 0: of all
  Rollout dags = {"log_retention"};

  bool any() const { return age > Micros(0) || runs > 0; }
  // Logs of a run that is no more go when nothing was written to them for so long.
  Micros OrphanAge() const { return age > Micros(0) ? age : std::chrono::duration_cast<Micros>(std::chrono::days(1)); }
};

struct SweepCounts {
  std::int64_t runs = 0, orphans = 0;  // whose logs went; orphans: of runs that are no more
  std::int64_t files = 0, bytes = 0;
  std::int64_t kept = 0;  // runs whose logs stay
};

struct Sweep {
  std::string logs_dir;  // absolute
  SweepRules rules;
  bool dry_run = false;  // only count
  // Between two steps, each some milliseconds long: false ends the sweep early. A daemon waits in it.
  std::function<bool(const SweepCounts& so_far)> go_on = {};
};

// Without any rule it only finishes what an earlier sweep began. kUnavailable: the database cannot be asked; what was
// done stays done. A file that cannot be removed is left, and said in the log.
Result<SweepCounts> SweepLogs(const Sweep& sweep, RunLogs& runs, const Clock& clock);

}  // namespace pipelined
