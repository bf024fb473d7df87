// One history: some DAGs, the limits around them, and what happens to them step by step. Plain data, so that it can be
// generated, shrunk and printed. How it is played is the World's.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "pipelined/model/dag.h"
#include "pipelined/model/trigger.h"
#include "pipelined/ports/executor.h"

namespace pipelined::sim {

// Tasks that are mapped together, over a list that stands in the file, is evaluated when they are reached, or is the
// output of a task (Host::ItemsOf).
struct MappedSpec {
  std::vector<std::string> tasks;
  int length = 0;
  bool evaluated = false;
  std::string source = {};
};

// A DAG that is not linked yet. At most kMostTasks tasks.
struct DagSpec {
  Dag dag;
  std::vector<MappedSpec> mapped;
  std::vector<std::pair<std::string, std::string>> edges;  // (upstream, downstream)

  // A task that runs a command, below those that are named.
  Task& Add(const std::string& id, const std::vector<std::string>& depends_on = {});
  std::vector<std::string> Below(const std::string& id) const;  // directly
  // nullptr: it cannot be linked.
  DagPtr Link() const;
};
inline constexpr std::size_t kMostTasks = 32;

enum class StepKind : std::uint8_t {
  kTurn,           // `amount` seconds go by, then the scheduler takes a turn
  kEnd,            // the process of a task ends
  kCrash,          // the scheduler dies; processes go on; a new one starts from the store
  kHostLost,       // … and every process is gone without a record
  kDoubt,          // the next commit answers nothing; it was stored when `amount` is 1
  kTrigger,        // of `name`; with `amount`: its logical date is so many hours after kStart, and a half
  kPause,          // the DAG `name`
  kUnpause,        //
  kCancel,         // a run
  kPool,           // `name` gets `amount` slots
  kPoolDeferred,   // … and from now on counts what waits without a process
  kDropPool,       // `name` is deleted
  kBackfill,       // of the DAG `name`: `amount` hours back, one run each
  kBackfillBack,   // the same, the latest first
  kBackfillAgain,  // the same, finished runs once more
  kPauseBackfill,  // number `run`
  kUnpauseBackfill,
  kCancelBackfill,
  kClear,  // the task `name` of a run (empty: all), or one instance, with what Steering flags in `amount` add
  kMarkSuccess,
  kMarkFailed,
  kMarkSkipped,
  kRunSuccess,  // the run is marked
  kRunFailed,   //
  kRunQueued,   // it is to go on
  kDeleteRun,   //
};
inline constexpr std::size_t kStepKinds = static_cast<std::size_t>(StepKind::kDeleteRun) + 1;
std::string_view ToString(StepKind kind);  // "Turn" …

// Flags of clears and marks, in their `amount`.
enum Steering {
  kUpstream = 1,
  kDownstream = 2,
  kOnlyFailed = 4,
  kOnlyRunning = 8,
  kPast = 16,
  kFuture = 32,
  kKeepRuns = 64,
  kRefuseRunning = 128,
};
inline constexpr int kAllSteering = 255;

// One that makes no sense when it comes (no such run, nothing runs) is passed over.
struct Step {
  StepKind kind = StepKind::kTurn;
  int run = 0;            // its number in the order of creation, from 1
  std::string name = {};  // of a task, a DAG or a pool
  int amount = 0;
  AttemptOutcome outcome = AttemptOutcome::kSucceeded;
  int exit_code = 0;
  int map_index = kNotMapped;
};

// As the printer writes them.
inline Step Turn(int seconds) {
  return {StepKind::kTurn, 0, "", seconds};
}
inline Step End(int run, std::string task, AttemptOutcome outcome, int exit_code = 0, int map_index = kNotMapped) {
  return {StepKind::kEnd, run, std::move(task), 0, outcome, exit_code, map_index};
}
inline Step Do(StepKind kind, int run = 0) {
  return {kind, run};
}
inline Step Do(StepKind kind, std::string name, int amount = 0) {
  return {kind, 0, std::move(name), amount};
}
inline Step Steer(StepKind kind, int run, std::string name = "", int amount = 0, int map_index = kNotMapped) {
  return {kind, run, std::move(name), amount, AttemptOutcome::kSucceeded, 0, map_index};
}

// What a task asks for that makes a run.
struct AsksFor {
  std::string dag_id;
  bool sub_run = false, waits = false;
  std::string run_id = {};  // empty: a new one each time
  bool reset = false, skip = false;
};
std::shared_ptr<const TriggerSpec> ToSpec(const AsksFor& asks);

// Waits so many seconds after its run was due, but only so long.
std::shared_ptr<const SensorSpec> Waits(int delta, int timeout, bool soft_fail);

// When every history begins. A schedule with an hourly slot, the first a few minutes later, for a few hours.
extern const Instant kStart;
Schedule Hourly();

struct History {
  std::vector<DagSpec> dags;
  std::map<std::string, int> pools;  // with their slots; default_pool is there anyway
  int parallelism = 32;
  std::vector<Step> steps;

  DagSpec& AddDag(const std::string& id);
};

}  // namespace pipelined::sim
