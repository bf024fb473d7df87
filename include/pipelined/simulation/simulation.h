// What would run when: the real engine under a simulated clock. Decides nothing itself: it tells the engine of DAGs,
// pools and ends of tries, as a scheduler does, and writes down what the engine makes of them.
//
// The clock starts at `from` with no earlier runs and stops at `to`. Pure: the same input gives the same result.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "pipelined/engine/event.h"

namespace pipelined {

// Which tries of a task fail: the first `first_tries` of each run, and `per_mille` of all others (which ones is fixed
// by DAG, task, run and try).
struct FailureRule {
  std::int32_t first_tries = 0;
  std::int32_t per_mille = 0;
};

struct SimulatedTask {
  Micros duration{0};  // of one try; cut at the task's execution_timeout, as an executor does
  FailureRule fails;
};

struct SimulatedDag {
  DagPtr dag;
  std::shared_ptr<const Timetable> timetable;  // nullptr: no schedule, never runs
  std::vector<SimulatedTask> tasks;            // one for each of the DAG's, in its order
};

struct SimulationOptions {
  Instant from{}, to{};  // [from, to)
  std::int32_t parallelism = 32;
  std::vector<PoolChanged> pools;            // every pool that a task names
  std::function<void(Instant)> on_progress;  // now and then, with the simulated time; may be empty
  std::size_t most_tasks = std::numeric_limits<std::size_t>::max();  // of all runs together
};

struct TaskRecord {
  TaskState state = TaskState::kNone;
  std::int32_t tries = 0;
  Instant ready{};         // when its last try could start, had there been a slot
  Instant start{}, end{};  // of its first try and of its last; Instant() while there is none
  Micros waited{0};        // for slots, all tries together
  bool started() const { return start != Instant(); }
};

struct RunRecord {
  std::uint32_t dag = 0;  // its place among the DAGs
  std::string run_id;
  RunState state = RunState::kQueued;
  DueRun due;
  Instant created{}, start{}, end{};  // start, end: Instant() while there is none
  std::size_t first_task = 0;         // its tasks are tasks[first_task …], in the DAG's order
  bool started() const { return start != Instant(); }
};

struct PoolPeak {
  std::string name;
  std::int32_t slots = 0;  // -1: no limit
  std::int32_t used = 0, peak = 0;
  Instant at{};  // when the peak was first reached
};

// A slot of a schedule for which no run was made, because max_active_runs of its DAG were under way.
struct MissedSlot {
  std::uint32_t dag = 0;
  DueRun due;
};

struct PausedDag {
  std::uint32_t dag = 0;
  Instant at{};
  std::string why;
};

struct LoadChange {
  Instant at{};
  std::int32_t running = 0;  // tries, from then on
};

struct SimulationResult {
  std::vector<RunRecord> runs;  // in the order in which they were made
  std::vector<TaskRecord> tasks;
  std::vector<PoolPeak> pools;
  std::vector<MissedSlot> missed;
  std::vector<PausedDag> paused;  // by the engine
  std::vector<LoadChange> load;   // in the order of time
  std::int64_t tries = 0;
  std::int32_t most_running = 0;
  Instant busiest{};  // when most_running was first reached
};

// From when on `run` can be held to be late: when it was due, or `from` when that was before.
Instant DueWithin(const RunRecord& run, Instant from);

// kInvalid when the clock cannot go on, because a DAG makes runs that take no time one after the other, or when there
// would be more than most_tasks.
Result<SimulationResult> Simulate(const std::vector<SimulatedDag>& dags, const SimulationOptions& options);

}  // namespace pipelined
