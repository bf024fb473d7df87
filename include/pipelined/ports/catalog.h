// What the API reads, and the few things that it may write: triggered runs, commands, tokens. Thread-safe: every call
// takes a connection of its own from a pool.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pipelined/engine/event.h"
#include "pipelined/engine/plan.h"
#include "pipelined/lifecycle/history.h"
#include "pipelined/ports/accounts.h"
#include "pipelined/ports/assets.h"
#include "pipelined/ports/audit_trail.h"
#include "pipelined/ports/event_reader.h"
#include "pipelined/ports/listing.h"
#include "pipelined/ports/outbox.h"
#include "pipelined/ports/vault.h"

namespace pipelined {

struct DagRow {
  std::string dag_id, description, doc_md, owner, relative_file, file;
  std::vector<std::string> tags;
  Schedule schedule;
  bool paused = false, stale = false, has_import_errors = false;
  std::int32_t max_active_runs = 16, max_active_tasks = 16, max_consecutive_failed_dag_runs = 0;
  bool fail_fast = false, is_paused_upon_creation = false;
  Micros dagrun_timeout{0};
  Value params;  // name -> {value, schema}, as stored with the version
  VersionId version;
  std::int32_t version_number = 1;  // 1, 2 … per DAG
  std::optional<Instant> version_created;
  Instant last_parsed{};
  std::optional<DataInterval> last_interval;
};

struct RunRow {
  RunInfo info;
  std::optional<Instant> end_date, last_scheduling_decision;
  std::int32_t version_number = 1;
  std::optional<Instant> version_created;
  std::string triggered_by;  // "rest_api", "timetable", "cli" …
  std::string triggering_user;
  std::string note;
  std::int32_t clear_number = 0;  // how often tasks of it were cleared
  std::string rerun_of;           // run id of the run that it repeats, of the same DAG; empty: none
};

struct TaskInstanceRow {
  RunId run;
  std::string dag_id, run_id, task_id;
  TaskNo task_no = 0;
  std::int32_t map_index = kNotMapped;
  std::int32_t map_length = 0;     // instances of its task; 0: not expanded
  std::string rendered_map_index;  // by its task's map_index_template
  std::optional<Instant> logical_date;
  Instant run_after{};
  TaskState state = TaskState::kNone;
  std::int32_t try_number = 0, max_tries = 0;
  std::optional<Instant> start_date, end_date, scheduled_when, queued_when, retry_at;
  std::string operator_name;  // "bash", "python" …
  std::string pool;
  std::int32_t pool_slots = 1, priority_weight = 1;
  std::string queue;
  std::string executor_instance;
  std::string hostname;
  std::int64_t pid = 0;
  std::string outcome;  // of the (last) attempt: "lost", "timed_out" …; empty while open
  std::string message;
  std::optional<int> exit_code;
  std::string note;  // not of tries
  AttemptId attempt;
  VersionId version;
  std::int32_t version_number = 1;
  std::optional<Instant> version_created;
};

struct ImportErrorRow {
  std::int64_t id = 0;
  Instant timestamp{};
  std::string relative_file, text, root;
};

struct PoolRow {
  std::string name;
  std::int32_t slots = 0;  // -1: no limit
  std::string description;
  bool include_deferred = false;
  std::int64_t running_slots = 0;    // of open attempts: they hold their slots until they end
  std::int64_t scheduled_slots = 0;  // wait for slots
  std::int64_t deferred_slots = 0;   // of tasks that wait without a process
};

// A deadline of a run.
struct DeadlineRow {
  StoredDeadline deadline;
  std::string what;                 // "15m after it was queued"
  std::optional<Instant> ended_at;  // when it was met or missed
};

// What happened to a DAG as a whole.
struct DagEventRow {
  Instant at{};
  std::string who;
  std::string kind;   // "dag", "backfill"
  std::string event;  // "paused", "unpaused", "slot skipped"; of a backfill "created", "completed" …
  std::string why;
};

struct BackfillRow {
  BackfillId id;
  std::string dag_id;
  BackfillRange range;
  Value conf;
  bool paused = false;
  bool cancelled = false;
  std::int32_t max_active_runs = 10;
  std::string who;
  Instant created_at{}, updated_at{};
  std::optional<Instant> completed_at;
};

// How far a backfill has come.
struct BackfillProgress {
  std::int64_t slots = 0;                                                      // of the whole range
  std::int64_t waiting = 0, queued = 0, running = 0, success = 0, failed = 0;  // waiting: its run is not made yet
  std::int64_t already_exists = 0, in_flight = 0, cancelled = 0;               // slots that are not run, by reason
  std::optional<Instant> first_start, last_end;                                // of its runs
  struct Failure {
    std::string run_id;
    std::optional<Instant> logical_date;
    std::vector<std::string> failed_tasks;
  };
  std::vector<Failure> failures;  // in the order of the range; at most as many as were asked for
};

struct DagFilter {
  TextSearch dag;
  std::vector<std::string> tags;
  std::optional<bool> paused;
  bool include_stale = false;
};

struct RunFilter {
  std::string dag_id = "~";  // that: all
  std::vector<std::string> states, types;
  std::string rerun_of;              // only those that repeat this run; empty: all
  std::vector<std::string> dag_ids;  // of `dag_id` "~" only these; empty: all
  TimeRange logical_date, start_date, run_after, end_date, updated_at;
  LengthRange duration;
  TextSearch dag, run, user;
  std::string conf_contains;           // in its JSON text, whatever the case
  std::vector<std::int32_t> versions;  // numbers; empty: all
};

struct TaskFilter {
  std::string dag_id = "~", run_id = "~";
  std::vector<std::string> states;
  std::string task_id;  // empty: all
  std::optional<std::int32_t> map_index = std::nullopt;
  std::vector<std::string> dag_ids = {}, run_ids = {}, task_ids = {};  // each empty: all
  TimeRange run_after = {}, logical_date = {}, start_date = {}, end_date = {}, updated_at = {};
  LengthRange duration = {};
  std::vector<std::string> pools = {}, operators = {};  // operators as files name them
  std::vector<std::int32_t> versions = {}, try_numbers = {};
  TextSearch dag = {}, run = {}, name = {}, pool = {}, rendered_map_index = {};
  bool nothing = false;  // asks for what no instance has
};

// What happened, as the history has it: all that is asked by people and all that schedulers decide.
struct AuditRow {
  std::int64_t id = 0;
  Instant at{};
  std::string who;
  std::string event;                    // "success", "run_failed", "dag_paused", "clear_tasks" …
  std::string dag_id, run_id, task_id;  // each empty: none
  std::optional<std::int32_t> map_index, try_number;
  std::optional<Instant> logical_date;
  std::string why;
};
struct AuditFilter {
  std::optional<std::int64_t> id;
  std::string dag_id, run_id, task_id, who, event;  // each empty: any
  std::optional<std::int32_t> map_index, try_number;
  std::vector<std::string> included, excluded;  // events
  std::optional<Instant> before, after;         // neither is included
  TextSearch dag, run, task, owner, what;
};

struct DagVersionRow {
  VersionId id;
  std::string dag_id;
  std::int32_t number = 1;
  Instant created{};
};

// How many runs of a DAG are in each state.
struct DagStatsRow {
  std::string dag_id;
  std::int64_t queued = 0, running = 0, success = 0, failed = 0;
};

// What is wrong with a DAG that could be loaded.
struct DagWarningRow {
  std::string dag_id;
  std::string type;  // Airflow's word: "non-existent pool"
  std::string message;
  Instant at{};
};

struct TriggerRequest {
  std::string dag_id, run_id;  // run_id empty: made from run_after
  std::optional<Instant> logical_date;
  std::optional<DataInterval> interval;
  Instant run_after{};
  Value conf;
  std::string note, who, triggered_by;
  std::string rerun_of = {};  // run id of the run that it repeats: then another one may have its logical date
  // Stored with the run, as a change that has its outcome; its run_id is given by the store. And the log of events
  // tells of it, too.
  std::optional<TrailEntry> entry = {};
};

// A run that a task has made, or the run whose task made one.
struct RunLink {
  std::string dag_id, run_id;
  std::string task_id;  // that made the run, of the other one
  RunState state = RunState::kQueued;
  bool sub_run = false;
};
struct RunLinks {
  std::optional<RunLink> parent;
  std::vector<RunLink> made;  // in the order in which they were made
};

// A request that a client may send again without its being carried out again.
struct OnceKey {
  std::int64_t user = 0;  // the account's id: its name may come to be another's. 0: the local token
  std::string key;
  std::string request;  // a digest of all of it: the same key with another request is a mistake
};
// What was answered to it.
struct KeptAnswer {
  int status = 0;
  std::string body;
  bool repeated = false;  // it was made for an earlier request
};

struct Health {
  bool database = false;
  std::optional<Instant> scheduler_heartbeat;  // last renewal of the lease
  bool scheduler_leading = false;              // the lease is not expired
};

// For logging in.
struct UserRow {
  std::int64_t id = 0;
  std::string name, password_hash;
  std::string role;  // granted for everything when the user is added; not read back
  bool disabled = false;
};

class UserSessions;

class Catalog {
 public:
  virtual ~Catalog() = default;

  virtual Result<Listing<DagRow>> Dags(const DagFilter& filter, const Page& page) = 0;
  virtual Result<DagRow> Dag(const std::string& dag_id) = 0;  // kNotFound
  virtual Result<Listing<RunRow>> Runs(const RunFilter& filter, const Page& page) = 0;
  virtual Result<RunRow> Run(const std::string& dag_id, const std::string& run_id) = 0;  // kNotFound
  // Untouched tasks of a run appear with state none: they have no row, the pinned version's task list fills the gap.
  virtual Result<Listing<TaskInstanceRow>> TaskInstances(const TaskFilter& filter, const Page& page) = 0;
  virtual Result<std::vector<TaskInstanceRow>> Tries(const std::string& dag_id, const std::string& run_id,
                                                     const std::string& task_id, std::int32_t map_index) = 0;
  virtual Result<Listing<ImportErrorRow>> ImportErrors(const Page& page) = 0;
  virtual Result<Listing<PoolRow>> Pools(const TextSearch& name, const Page& page) = 0;
  virtual Result<PoolRow> Pool(const std::string& name) = 0;  // kNotFound
  // All that happened to a run, as of one instant. kNotFound
  virtual Result<RunHistory> History(const std::string& dag_id, const std::string& run_id) = 0;
  virtual Result<std::vector<DeadlineRow>> Deadlines(RunId run) = 0;                                 // by number
  virtual Result<Listing<DagEventRow>> DagHistory(const std::string& dag_id, const Page& page) = 0;  // the latest first
  virtual Result<RunLinks> Links(const RunInfo& run) = 0;
  virtual Result<DagSource> Source(VersionId version) = 0;
  // Without `filter.id` the latest are the cheapest: ordered by -id.
  virtual Result<Listing<AuditRow>> Audit(const AuditFilter& filter, const Page& page) = 0;
  virtual Result<Listing<DagVersionRow>> Versions(const std::string& dag_id, std::optional<std::int32_t> number,
                                                  const Page& page) = 0;
  virtual Result<Listing<std::string>> Tags(const TextSearch& search, const Page& page) = 0;
  // Of these DAGs, or of all that are not stale; a DAG without runs comes with noughts.
  virtual Result<std::vector<DagStatsRow>> Stats(const std::vector<std::string>& dag_ids) = 0;
  virtual Result<Listing<DagWarningRow>> Warnings(const std::string& dag_id, const Page& page) = 0;  // empty: of all
  // Whom a DAG pleases. Whether anything was changed.
  virtual Result<bool> SetFavorite(const std::string& user, const std::string& dag_id, bool favorite) = 0;
  virtual Result<std::vector<std::string>> Favorites(const std::string& user) = 0;  // ids of DAGs
  // A map of XCom entries.
  virtual Result<Value> Outputs(RunId run, const std::string& task_id, std::int32_t map_index) = 0;

  virtual Result<Listing<BackfillRow>> Backfills(const std::string& dag_id, const Page& page) = 0;  // "~": of all DAGs
  virtual Result<BackfillRow> Backfill(BackfillId id) = 0;                                          // kNotFound
  virtual Result<BackfillProgress> ProgressOf(BackfillId id, std::int64_t most_failures) = 0;
  // As Store::RunsBetween.
  virtual Result<std::vector<ExistingRun>> RunsBetween(const std::string& dag_id, Instant from, Instant to) = 0;

  // Inserts a queued run pinned to the DAG's current version and wakes the leader. kNotFound, kConflict (run id or
  // logical date exists), kInvalid (run id's form).
  virtual Result<RunRow> Trigger(const TriggerRequest& request) = 0;
  // Files a command and waits for its result. kUnavailable after `patience` without one: it stays filed and is applied
  // once.
  virtual Result<CommandDone> Execute(const Command& command, Micros patience) = 0;

  // The answer that is kept for a key; nothing: none is. kInvalid: the key was used for another request.
  virtual Result<std::optional<KeptAnswer>> Kept(const OnceKey& key) = 0;
  // As Trigger, once for a key: the run, its key and what `answer` makes of it are stored together. Who comes while
  // another is at it waits, and gets the same answer. Nothing is kept of what fails. kInvalid also as Kept().
  virtual Result<KeptAnswer> TriggerOnce(const TriggerRequest& request, const OnceKey& key,
                                         const std::function<KeptAnswer(const RunRow&)>& answer) = 0;
  // As Execute, once for a key: the command is filed together with the key, whoever asks again waits for that one.
  virtual Result<KeptAnswer> ExecuteOnce(const Command& command, Micros patience, const OnceKey& key,
                                         const std::function<KeptAnswer(const CommandDone&)>& answer) = 0;

  // Opens nothing yet.
  virtual std::unique_ptr<EventReader> Events() = 0;

  virtual Result<Health> CheckHealth() = 0;

  virtual Vault& vault() = 0;        // lives as long as this
  virtual Assets& assets() = 0;      // likewise
  virtual Accounts& accounts() = 0;  // likewise
  virtual UserSessions& user_sessions() = 0;
  virtual AuditTrail& trail() = 0;
  virtual Notifications& notifications() = 0;

  virtual Result<std::optional<UserRow>> FindUser(const std::string& name) = 0;
  virtual Status AddUser(const UserRow& user) = 0;  // kConflict
  // Of a log-in. Tokens are kept as SHA-256. kNotAllowed: `user` is disabled by now, or has another password than the
  // row says.
  virtual Status AddToken(const std::string& token_sha256, const UserRow& user, Instant expires) = 0;
};

}  // namespace pipelined
