// What the engine decided: first stored in one transaction, then carried out.
//
// `who` is who asked for a change, for the history. Empty: nobody, the scheduler itself decided it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pipelined/engine/event.h"

namespace pipelined {

// A run that a schedule, a backfill or a task asks for. The store gives it its id; it comes back as RunRequested. One
// per (dag, logical date), (dag, run id) and attempt that asks: where that exists already, nothing is inserted, and a
// backfill's slot is in flight.
struct NewRun {
  std::string dag_id;
  VersionId version;
  RunType type = RunType::kScheduled;
  std::string run_id;
  DueRun due;
  BackfillId backfill = {};
  std::int32_t ordinal = 0;  // in its backfill
  Value conf = {};
  std::string triggered_by = "timetable";
  std::string who = {};  // of a backfill: who made it
  bool undated = false;  // of `due` only run_after counts
  RunParent parent = {};
};

// A finished run that is to run again from the start: queued, all tasks cleared (tries counted on, outputs gone),
// pinned to `version`. It comes back as RunRequested; one that is not finished, or of which a process is still to be
// stopped, does not, and the backfill's slot is in flight.
struct RunReset {
  RunId run;  // 0: known to be under way
  VersionId version;
  BackfillId backfill;
  std::int32_t ordinal = 0;
  Value conf = {};  // null: the run keeps its own
  std::string why;
  RunParent parent = {};  // a task that asks for it; the run then stays of the type that it was
  std::string who = {};
};

struct BackfillMade {
  BackfillId id;
  std::string dag_id;
  BackfillRange range;
  std::int32_t max_active_runs = 10;
  Value conf;
  std::string who;
  std::vector<BackfillSlot> slots;  // all of the range, also what is skipped
};

struct BackfillChange {
  BackfillId id;
  std::string dag_id;
  std::optional<bool> paused;
  bool completed = false;
  bool cancelled = false;  // what it has not come to is skipped
  std::string why;
  std::string who = {};
};

// An ended run goes on with another version of its DAG. Stored before everything else of the plan: the numbers of its
// tasks in the rest of it are those of `version`.
struct RunRebased {
  RunId run;
  VersionId version;
  std::string why;
  std::string who = {};
};

// Tasks of it were cleared.
struct RunCleared {
  RunId run;
};

struct NoteChange {
  RunId run;
  std::string task_id;  // empty: of the run
  std::string note;
  std::string who;
  std::int32_t map_index = kNotMapped;
};

// Stored last: nothing of an ended run is left but what its DAG's history says of it.
struct RunDeleted {
  RunId run;
  std::string dag_id;
  std::string why;
  std::string who = {};
};

struct OutputChange {
  RunId run;
  std::string task_id;
  std::int32_t map_index = kNotMapped;
  std::string key;
  std::optional<Value> value = std::nullopt;  // nothing: it goes
};

struct RunChange {
  RunId run;
  std::string dag_id;
  RunState from = RunState::kQueued;
  RunState to = RunState::kRunning;
  std::string why;  // "all tasks succeeded", "cancelled by admin"
  std::string who = {};
  std::string run_id = {};
  std::optional<Instant> logical_date = std::nullopt;
};

// One task's way through this turn: `from` is what the store holds, `to` what it shall hold.
struct TaskChange {
  RunId run;
  TaskNo task = 0;
  TaskState from = TaskState::kNone;
  TaskState to = TaskState::kNone;
  std::int32_t try_number = 0;
  std::int32_t max_tries = 0;         // retries, as Airflow counts them
  AttemptId attempt;                  // of the last try; 0 before the first
  std::optional<Instant> start_date;  // nothing: keep what is stored
  std::optional<Instant> end_date;  // set exactly when `to` is finished; of a mark nothing: keep what is stored, or now
  std::optional<Instant> retry_at;  // set exactly when `to` is up_for_retry
  std::string why;                  // for the history; empty when the states say it all
  std::int32_t map_index = kNotMapped;
  std::uint32_t who = 0;  // 1 + its place in Plan::authors; a number, as a turn may have thousands of changes
};

// A mapped task of a run has so many instances from now on; its own row is no longer looked at.
struct TaskExpanded {
  RunId run;
  TaskNo task = 0;
  std::uint32_t length = 0;
  std::vector<std::string> names = {};  // of the instances; empty: by their index
  // It was cleared with what it is mapped over: the length, and the names as they are stored, hold until it is expanded
  // again.
  bool stale = false;
};

// Asks for a MappingLength: the values are made of outputs, which the engine cannot read.
struct LengthWanted {
  RunId run;
  std::uint64_t life = 0;  // tells the run from one that was set back since
  std::uint32_t mapping = 0;
};

// An attempt that is stored now and started after the commit.
struct AttemptOpened {
  AttemptId attempt;
  RunId run;
  TaskNo task = 0;
  std::int32_t try_number = 1;
  VersionId version = {};  // that the run is pinned to now: says which task `task` is
  std::int32_t max_tries = 0;
  std::int32_t map_index = kNotMapped;
};

// A sensor begins to wait: stored with its attempt, then looked for.
struct WaitBegun {
  AttemptId attempt;
  Value job;
  Instant since = {};  // when the attempt was opened
};

// What an attempt that is opened now takes of the limits that are shared by keys: known to the store as long as it
// counts, so that no crash makes room.
struct KeysTaken {
  AttemptId attempt;
  std::string concurrency;  // empty: none
  std::int32_t max = 0;
  std::string rate;  // empty: none
  Micros window{0};  // how long the start counts for the rate
};

struct AttemptClosed {
  RunId run;
  TaskNo task = 0;
  AttemptFinished end;
  std::int32_t map_index = kNotMapped;
};

// A task has succeeded and with it one of its outlets has changed. By the names that last: it outlives its run.
struct AssetEvent {
  std::string uri;
  Value extra;  // a map, what the task said of it; null: nothing
  std::string dag_id, run_id, task_id;
  std::int32_t map_index = kNotMapped;
};

struct DagChange {
  std::string dag_id;
  std::optional<bool> paused = std::nullopt;
  std::optional<DataInterval> last_interval = std::nullopt;
  bool deleted = false;
  std::string why = {};
  bool by_failures = false;  // paused by the engine itself
  std::string who = {};
};

// Something has happened that somebody wants to be told of. Stored with the change itself, delivered later by the
// notifier; nothing of a run waits for it.
struct Notice {
  NotifyOn on = NotifyOn::kFailure;
  RunId run;
  std::string dag_id, run_id;
  std::string task_id = {};   // empty: of the run
  std::int32_t task_no = -1;  // likewise
  std::int32_t map_index = kNotMapped;
  std::int32_t try_number = 0, max_tries = 0;  // of a task
  std::string state;                           // the word of where it went
  std::string why = {};                        // of a failure: in words
  std::string outcome = {};                    // of the try that ended it: "failed", "timed_out", "lost" …
  std::string deadline = {};                   // "15m after it was queued"
  std::string failed_tasks = {};               // of a run that has failed: "extract, load[3] and 2 more"
  std::optional<Instant> logical_date, start_date, end_date;
  std::optional<Micros> duration;
  Instant run_after{};
  std::vector<NotifyUse> uses = {};  // of kRecovered: none; whoever was told of a failure is told
};

// A slot of the schedule for which no run is made, because too many are under way (overlap: skip).
struct SlotSkipped {
  std::string dag_id;
  DueRun due;
  std::string why;
};

struct CommandDone {
  CommandId id;
  std::string error;  // empty: done
  ErrorCode error_code = ErrorCode::kInvalid;
  Value result;
};

struct PoolChange {
  std::string name;
  std::int32_t slots = 0;
  std::optional<std::string> description = std::nullopt;  // nothing: as it is
  std::optional<bool> include_deferred = std::nullopt;
  bool deleted = false;
  std::string who = {};
};

struct Plan {
  Instant now{};  // when it was decided; every date of the changes that is not given is this
  std::vector<BackfillMade> made;
  std::vector<NewRun> new_runs;
  std::vector<RunReset> resets;
  std::vector<BackfillChange> backfills;
  std::vector<RunRebased> rebased;
  std::vector<TaskChange> steered;  // by hand, in order, before `tasks`: a task may be in it several times
  std::vector<RunCleared> cleared;
  std::vector<NoteChange> notes;
  std::vector<OutputChange> outputs;
  std::vector<RunChange> runs;
  std::vector<TaskExpanded> expanded;
  std::vector<TaskChange> tasks;
  std::vector<AttemptOpened> opened;  // carried out: started
  std::vector<AttemptClosed> closed;
  std::vector<WaitBegun> waits;          // carried out: looked for
  std::vector<KeysTaken> keys_taken;     // by attempts of `opened`
  std::vector<AttemptId> keys_given;     // by attempts of `closed` that held a concurrency key
  std::vector<AssetEvent> asset_events;  // each of a success in `tasks` or `steered`
  std::vector<DagChange> dags;
  std::vector<DeadlineChange> deadlines;
  std::vector<SlotSkipped> skipped;
  std::vector<Notice> notices;
  std::vector<PoolChange> pools;
  std::vector<RunDeleted> deleted;
  std::vector<CommandDone> commands;
  std::vector<std::string> authors;  // of `steered` and `tasks`
  std::vector<AttemptId> stops;      // carried out only: TERM, grace, KILL
  std::vector<LengthWanted> wanted;  // carried out only: evaluated

  std::string_view WhoOf(const TaskChange& change) const {
    return change.who == 0 ? std::string_view() : authors[change.who - 1];
  }

  // Nothing to store and nothing to do.
  bool empty() const {
    return made.empty() && new_runs.empty() && resets.empty() && backfills.empty() && runs.empty() &&
           expanded.empty() && tasks.empty() && opened.empty() && closed.empty() && dags.empty() && deadlines.empty() &&
           skipped.empty() && pools.empty() && commands.empty() && stops.empty() && wanted.empty() && rebased.empty() &&
           steered.empty() && cleared.empty() && notes.empty() && deleted.empty() && outputs.empty() &&
           asset_events.empty() && notices.empty() && waits.empty();
  }
};

}  // namespace pipelined
