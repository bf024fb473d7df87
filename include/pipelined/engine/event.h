// What the engine is told. Everything that it may not read for itself (clock, database, files) arrives here.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "pipelined/base/ids.h"
#include "pipelined/base/time.h"
#include "pipelined/base/value.h"
#include "pipelined/engine/backfill.h"
#include "pipelined/lifecycle/run_state.h"
#include "pipelined/lifecycle/task_state.h"
#include "pipelined/model/dag.h"
#include "pipelined/timetable/timetable.h"

namespace pipelined {

// What the engine keeps of every DAG, whether or not it runs: small, so that 10,000 of them cost little.
struct DagHead {
  std::string dag_id;
  VersionId version;                           // the current one: what new scheduled runs are pinned to
  std::shared_ptr<const Timetable> timetable;  // nullptr: no schedule
  bool paused = false;
  bool stale = false;  // its file is gone: no new scheduled runs
  std::int32_t max_active_runs = 16;
  std::int32_t max_consecutive_failed_dag_runs = 0;
  std::optional<DataInterval> last_interval;  // of its last scheduled run
};

// A DAG was loaded, changed or (stale) lost its file.
struct DagUpdated {
  DagHead head;
};

// A stored run as it enters the engine.
struct RunInfo {
  RunId id;
  std::string dag_id;
  std::string run_id;  // "manual__2026-01-01T06:00:00+00:00"
  RunType type = RunType::kManual;
  RunState state = RunState::kQueued;
  std::optional<Instant> logical_date;
  std::optional<DataInterval> interval;
  Instant run_after{};
  Instant queued_at{};
  std::optional<Instant> start_date;
  Value conf;
  VersionId version;
  BackfillId backfill;                // that made it, or ran it again last
  std::int32_t backfill_ordinal = 0;  // its place in that backfill
};

struct StoredTask {
  TaskNo task = 0;
  TaskState state = TaskState::kNone;  // kNone: cleared
  std::int32_t try_number = 0;
  std::optional<Instant> retry_at;                       // when state is up_for_retry
  AttemptId attempt;                                     // the open one, when state is running
  std::optional<std::int32_t> max_tries = std::nullopt;  // nothing: the task's retries
  std::int32_t map_index = kNotMapped;
};

// How many instances a mapped task of a run has.
struct StoredLength {
  TaskNo task = 0;
  std::uint32_t length = 0;
};

// A queued run: new, set back, or met again after a restart.
struct RunRequested {
  RunInfo run;
  DagPtr dag;                          // the version that it is pinned to
  std::vector<StoredTask> tasks = {};  // of a run that was set back: their tries
  std::vector<StoredLength> lengths = {};
};

// A backfill as it is stored while it is under way.
struct StoredBackfill {
  BackfillId id;
  std::string dag_id;
  std::int32_t max_active_runs = 10;
  bool paused = false;
  Value conf;                      // of the runs that it makes
  std::string who;                 // made it
  std::vector<BackfillSlot> todo;  // runs that are not made yet, in order
};

// A backfill that is under way, after a restart. Comes before the runs.
struct BackfillRestored {
  StoredBackfill backfill;
};

// A running run, rebuilt from the store after a restart. Tasks without a row have not been touched.
struct RunRestored {
  RunInfo run;
  DagPtr dag;
  std::vector<StoredTask> tasks;
  std::vector<StoredLength> lengths = {};
};

// The answer to Plan::wanted: how many instances there are to be, or why that cannot be told.
struct MappingLength {
  RunId run;
  std::uint64_t life = 0;  // of LengthWanted
  std::uint32_t mapping = 0;
  std::uint64_t length = 0;
  std::vector<std::pair<TaskNo, std::vector<std::string>>> names = {};  // of instances, by index
  std::string error = {};                                               // not empty: its tasks fail
};

enum class TryOutcome : std::uint8_t {
  kSucceeded,
  kFailed,
  kTimedOut,
  kStopped,
  kLaunchFailed,
  kBadOutput,
  kLost,
  kSkipped,
};
// "success", "failed", "timed_out", "stopped", "launch_failed", "bad_output", "lost", "skipped"
std::string_view ToString(TryOutcome outcome);
std::optional<TryOutcome> TryOutcomeFromString(std::string_view text);

// What a task that decides (a branch, a short circuit) has decided.
struct Decision {
  bool pass = true;            // kShortCircuit, kLatestOnly: false skips what is below
  std::vector<TaskNo> follow;  // kBranch: the tasks to go on with
};

// An attempt's process ended, or what became of it can no longer be known.
struct AttemptFinished {
  AttemptId attempt;
  TryOutcome outcome = TryOutcome::kFailed;
  int exit_code = 0;  // valid for a command that exited by itself
  int signal = 0;
  std::optional<Instant> start;  // nothing when no process ran
  Instant end{};
  Micros duration{0}, cpu_user{0}, cpu_system{0};
  std::int64_t max_rss_kib = 0;
  std::int64_t pid = 0;
  std::string message;                              // why, in words; empty for a success
  Value outputs;                                    // map or null
  std::optional<Decision> decision = std::nullopt;  // of a task that decides, when it succeeded
};

// An attempt that the store holds open although its task has moved on (its run was cancelled): it is stopped, and
// counts against the limits until it ends.
struct AttemptOrphaned {
  AttemptId attempt;
};

struct PoolChanged {
  std::string name;
  std::int32_t slots = 0;  // -1: no limit
};

// What people ask of the engine; rows of the command table.
struct PauseDag {
  std::string dag_id;
  bool paused = true;
};
struct DeleteDag {
  std::string dag_id;
};
// Ends a run as failed: running tasks are stopped, waiting ones skipped.
struct CancelRun {
  RunId run;
};
// Asks what a task waits for.
struct WhyTask {
  RunId run;
  std::string task_id;
  std::int32_t map_index = kNotMapped;
};
// Makes a pool or changes it.
struct SetPool {
  std::string name;
  std::int32_t slots = 0;
  std::optional<std::string> description = std::nullopt;  // nothing: as it is
  std::optional<bool> include_deferred = std::nullopt;  // kept for clients of Airflow's; nothing is ever deferred here
};
// Tasks that name it wait until it is made again. kNotAllowed for default_pool.
struct DeletePool {
  std::string name;
};
// Makes a backfill; its id is the result. One at a time per DAG.
struct CreateBackfill {
  std::string dag_id;
  BackfillRange range;
  std::int32_t max_active_runs = 10;
  Value conf;
  std::shared_ptr<const BackfillFacts> facts = nullptr;  // read by the scheduler when the command arrives, not stored
};
// While paused no further run of it starts.
struct PauseBackfill {
  BackfillId backfill;
  bool paused = true;
};
// Makes no further run and fails those that wait; what runs goes on, as in Airflow.
struct CancelBackfill {
  BackfillId backfill;
};
// An end as seen by a scheduler that does not lead, of an attempt that runs where only it can see it. Ignored when
// known.
struct ReportEnd {
  AttemptFinished end;
};

struct Command {
  CommandId id;
  std::string who;
  std::variant<PauseDag, DeleteDag, CancelRun, WhyTask, SetPool, DeletePool, ReportEnd, CreateBackfill, PauseBackfill,
               CancelBackfill>
      what;
};

using Event = std::variant<DagUpdated, BackfillRestored, RunRequested, RunRestored, MappingLength, AttemptFinished,
                           AttemptOrphaned, PoolChanged, Command>;

}  // namespace pipelined
