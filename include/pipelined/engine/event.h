// What the engine is told. Everything that it may not read for itself (clock, database, files) arrives here.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "pipelined/base/ids.h"
#include "pipelined/base/result.h"
#include "pipelined/base/time.h"
#include "pipelined/base/value.h"
#include "pipelined/engine/backfill.h"
#include "pipelined/engine/clear.h"
#include "pipelined/engine/deadline.h"
#include "pipelined/engine/past.h"
#include "pipelined/engine/recent_run.h"
#include "pipelined/engine/sub_run.h"
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
  Overlap overlap = Overlap::kQueue;
  // The latest runs, as many as max_consecutive_failed_dag_runs says; read when the DAG is loaded, kept from then on.
  std::vector<RecentRun> recent = {};
};

// A DAG was loaded, changed or (stale) lost its file.
struct DagUpdated {
  DagHead head;
};

// What a sensor waits for: rendered when its attempt started, and since when.
struct StoredWait {
  Value job;
  Instant since{};
};

struct StoredTask {
  TaskNo task = 0;
  TaskState state = TaskState::kNone;  // kNone: cleared
  std::int32_t try_number = 0;
  std::optional<Instant> retry_at;                       // when state is up_for_retry
  AttemptId attempt;                                     // the open one, when state is running, deferred or restarting
  std::optional<std::int32_t> max_tries = std::nullopt;  // nothing: the task's retries
  std::int32_t map_index = kNotMapped;
  std::optional<StoredChild> child = std::nullopt;  // of a deferred one that has made a run
  std::optional<StoredWait> wait = std::nullopt;    // of a deferred sensor
};

// How many instances a mapped task of a run has.
struct StoredLength {
  TaskNo task = 0;
  std::uint32_t length = 0;
  bool stale = false;  // to be expanded again
};

// The limits that a task of a run shares with others, by the names that its templates give: rendered by whoever may
// read templates. Empty: none, or one that cannot be told, which fails the task's start.
struct TaskKeys {
  TaskNo task = 0;
  std::string concurrency, rate;
};

// A queued run: new, set back, or met again after a restart.
struct RunRequested {
  RunInfo run;
  DagPtr dag;                          // the version that it is pinned to
  std::vector<StoredTask> tasks = {};  // of a run that was set back or cleared: all that were touched
  std::vector<StoredLength> lengths = {};
  std::vector<TaskKeys> keys = {};             // of Dag::keyed, in that order
  std::optional<PastRun> past = std::nullopt;  // of one that looks back
  std::vector<StoredDeadline> deadlines = {};
  // For each of the DAG's deadlines that counts from it: how long the last runs took. Nothing: too few have run.
  std::vector<std::optional<Micros>> averages = {};
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
  std::vector<TaskKeys> keys = {};             // as of RunRequested
  std::optional<PastRun> past = std::nullopt;  // of one that looks back
  std::vector<StoredDeadline> deadlines = {};
  std::vector<std::optional<Micros>> averages = {};  // as of RunRequested; of a run that is to be steered
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

// What a task with `repeat` has come to: its iteration succeeded.
struct Repetition {
  std::int32_t iteration = 1;  // the one that has ended
  bool again = false;          // `until` is false
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
  std::optional<Repetition> repetition = std::nullopt;
  bool is_final = false;  // a failure that no further try follows, whatever `retries` says
};

// A sensor is to be parked: what it waits for, its templates rendered.
struct SensorAsked {
  AttemptId attempt;
  Value job;
};

// What an open attempt takes of the limits, as the store knows it. Empty texts: nothing, or unknown.
struct Holding {
  std::string pool;
  std::int32_t pool_slots = 0;
  std::string dag_id, task_id;
  RunId run;
  std::string key;  // of its concurrency limit
  std::int32_t key_max = 0;
};

// An attempt that the store holds open although its task has moved on (its run was cancelled, the task marked): it is
// stopped, and counts against the limits until it ends. Comes before the runs: its task does not start again meanwhile.
struct AttemptOrphaned {
  AttemptId attempt;
  Holding holding = {};
  RunId run = {};
  TaskNo task = 0;
  std::int32_t map_index = kNotMapped;
};

// A start that counts for a rate, made before a restart. Those of one key come in the order of time, before the runs.
struct RateStarted {
  std::string key;
  Instant at{};
  Micros window{0};
};

struct PoolChanged {
  std::string name;
  std::int32_t slots = 0;  // -1: no limit
  bool include_deferred = false;
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
  std::string told = {};  // of a sensor: what it waits for; by the scheduler when the command arrives, not stored
};
// Asks what waits for a slot, in the order of the queue.
struct ListQueue {
  std::string pool, dag_id;  // empty: all
  std::int32_t limit = 100;
};
// Makes a pool or changes it.
struct SetPool {
  std::string name;
  std::int32_t slots = 0;
  std::optional<std::string> description = std::nullopt;  // nothing: as it is
  std::optional<bool> include_deferred = std::nullopt;    // whether tasks that wait without a process count
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
// The runs that a clear or a mark concerns: one, and with it those of its DAG that have an earlier (past) or a later
// (future) logical date; or, without `run`, all of the DAG whose logical date lies from `from` to `to`.
struct RunChoice {
  std::string dag_id;
  RunId run = {};
  bool past = false, future = false;
  std::optional<Instant> from = std::nullopt, to = std::nullopt;  // both included; nothing: unbounded
};
inline constexpr std::size_t kMostRunsSteered = 10'000;

// What such a command meets: read by the scheduler when the command arrives, not stored.
struct SteeringFacts {
  std::string fault;  // why it cannot be carried out; empty: it can
  ErrorCode fault_code = ErrorCode::kUnavailable;
  std::vector<RunRestored> runs;  // all that were chosen, by logical date; of those that have not ended only the run
  DagPtr latest = nullptr;        // the current version, when asked for
  VersionId latest_version = {};
  std::vector<std::vector<TaskKeys>> latest_keys = {};  // of `runs` with that version; empty: it has none
};
using SteeringFactsPtr = std::shared_ptr<const SteeringFacts>;

// Makes tasks run again. The runs that had ended are queued. Result: {"tasks": [[run_id, task_id,
// map_index], …]}
struct ClearTasks {
  RunChoice runs;
  TaskSelection tasks;
  bool reset_runs = true;       // false: an ended run stays as it is, its tasks only lose their states
  bool latest_version = false;  // ended runs go on with the DAG as it is now
  bool refuse_running = false;  // kConflict when one of the tasks runs
  std::optional<std::string> note = std::nullopt;  // for each of the tasks, or of the runs when all tasks are selected
  SteeringFactsPtr facts = nullptr;
};
// Says how tasks ended, whatever they did. What had failed below them is cleared. kConflict when all of them are in
// that state already. Result as above: what was marked.
struct MarkTasks {
  RunChoice runs;
  TaskSelection tasks;
  TaskState state = TaskState::kSuccess;  // success, failed or skipped
  std::optional<std::string> note = std::nullopt;
  SteeringFactsPtr facts = nullptr;
};
// Says how a run ended, or (queued) lets it go on. Tasks that run take the state, waiting ones are skipped, ended ones
// stay; an unfinished teardown is left to run, and the run then goes on until it has.
struct MarkRun {
  std::string dag_id;
  RunId run;
  RunState state = RunState::kSuccess;  // queued, success or failed
  SteeringFactsPtr facts = nullptr;
};
// Words of people about a run, or (task_id not empty) about one of its tasks; empty: takes them back.
struct SetNote {
  RunId run;
  std::string task_id;
  std::string note;
  std::int32_t map_index = kNotMapped;
};
// Forgets a run that is not under way, with its tasks, tries and outputs. kConflict when it runs.
struct DeleteRun {
  std::string dag_id, run_id;
  RunId run;
};
// Sets an output of a task by hand, or (no value) takes it away.
struct EditOutput {
  RunId run;
  std::string task_id;
  std::int32_t map_index = kNotMapped;
  std::string key;
  std::optional<Value> value = std::nullopt;
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
               CancelBackfill, ListQueue, ClearTasks, MarkTasks, MarkRun, SetNote, DeleteRun, EditOutput>
      what;
};

using Event = std::variant<DagUpdated, BackfillRestored, RunRequested, RunRestored, MappingLength, AttemptFinished,
                           AttemptOrphaned, RunAsked, SensorAsked, PoolChanged, RateStarted, Command>;

}  // namespace pipelined
