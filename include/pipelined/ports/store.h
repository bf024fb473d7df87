// Where runs are kept: what the leading scheduler reads and writes. Implementations: store/ (PostgreSQL) and an
// in-memory one for `dags test` and the simulation; both pass tests/contract/store. All calls from one thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "pipelined/engine/engine.h"
#include "pipelined/ports/executor.h"
#include "pipelined/ports/past_runs.h"

namespace pipelined {

// The right to write. Judged by the database's clock; trusted locally until `trusted_until`.
struct Lease {
  std::int64_t epoch = 0;
  Micros trusted_until{0};  // Clock::Monotonic(): start of the last renewing request + ttl - margin
};

// Who runs the attempts that a commit opens.
struct ExecutorIdentity {
  std::string instance;
  std::string boot_id;
};

// An open attempt of any executor instance, with what it takes of the limits.
struct StoredAttempt : OpenAttempt {
  Holding holding;
};

struct RestoredRun {
  RunInfo run;
  std::vector<StoredTask> tasks;  // of a queued run: those that were cleared
  std::vector<StoredLength> lengths = {};
  std::vector<StoredDeadline> deadlines = {};  // by number
};

// An instance of a mapped task: of the tasks that are mapped together with it, it sees the outputs of its own index.
struct OwnInstance {
  std::int32_t map_index = kNotMapped;
  std::vector<std::string> tasks;
};

// A DAG as stored, without its tasks.
struct StoredDag {
  DagHead head;  // timetable is nullptr: made from `schedule`
  Schedule schedule;
};

// Everything a new leader needs.
struct Snapshot {
  std::vector<StoredDag> dags;
  std::vector<PoolChanged> pools;
  std::vector<StoredBackfill> backfills;  // active ones
  std::vector<RestoredRun> runs;          // queued and running, by id
  std::vector<StoredAttempt> attempts;    // open, of every executor instance
  std::vector<RateStarted> rates;         // that still count, in the order of time
  LastIds last;                           // greatest ids ever given out
};

// What others wrote for the leader since it last looked.
struct Inbox {
  std::vector<RunInfo> runs;      // queued runs not yet seen, by id
  std::vector<Command> commands;  // not yet applied, by id
};

struct PreviousRun {
  std::optional<DataInterval> interval;
  std::optional<Instant> start_date, end_date;
};

struct Committed {
  // What became of Plan::new_runs and Plan::resets, with their ids; one that existed already, or could not be set back,
  // is absent.
  std::vector<RestoredRun> runs;
};

// A run that somebody looks for, and tasks of it. By its id, or (empty) by its date.
struct RunQuestion {
  std::string dag_id, run_id;
  std::optional<Instant> logical_date;
  std::vector<std::string> task_ids;
};

struct RunSeen {
  std::string run_id;
  RunState state = RunState::kQueued;
  // Of each task that was asked for: its own, or those of its instances. Empty: the run's DAG has no such task.
  std::vector<std::vector<TaskState>> tasks;
};

// Errors of every method: kUnavailable (no connection: reconnect, then Load again), kStale (another leader took over:
// step down), kInDoubt (COMMIT without answer: Load again), kBug. After an error of Commit nothing may be assumed.
class Store : public PastRuns {
 public:
  // Takes the lease when it is free, expired, or already `holder`'s; each taking raises the epoch. Nothing: another
  // leads.
  virtual Result<std::optional<Lease>> Acquire(const std::string& holder, Micros ttl) = 0;
  virtual Status Renew(Lease& lease) = 0;
  virtual Status Release(const Lease& lease) = 0;

  virtual Result<Snapshot> Load(const Lease& lease) = 0;
  // Also answers what was written while nobody listened. Cheap when there is nothing.
  virtual Result<Inbox> Poll() = 0;
  // One transaction, fenced by the lease, which it renews. Every change carries its expected old state.
  virtual Result<Committed> Commit(const Plan& plan, Lease& lease, const ExecutorIdentity& executor) = 0;

  // The text that a version was made from.
  virtual Result<DagSource> LoadVersion(VersionId version) = 0;
  // Outputs of a run's tasks: {"extract": {"rows": 42}}. Only for the tasks named. Of a mapped task each key is the
  // list of what its instances gave.
  virtual Result<Value> Outputs(RunId run, const std::vector<std::string>& task_ids, const OwnInstance& own = {}) = 0;

  // The last run before `run` of its DAG (by logical date) that succeeded; nothing when there is none, or when `run`
  // has no date.
  virtual Result<std::optional<PreviousRun>> PreviousSuccess(const RunInfo& run) = 0;

  // What a backfill meets. Nothing: there is no such DAG.
  virtual Result<std::optional<StoredDag>> FindDag(const std::string& dag_id) = 0;
  // The DAG's runs with a logical date from `from` to `to`, both included.
  virtual Result<std::vector<ExistingRun>> RunsBetween(const std::string& dag_id, Instant from, Instant to) = 0;
  // The runs that a clear or a mark concerns, by logical date, at most so many; with their tasks when they have ended.
  virtual Result<std::vector<RestoredRun>> RunsChosen(const RunChoice& choice, std::size_t most) = 0;

  // The DAG's run with this id, or else the one with this date. Nothing: there is none.
  virtual Result<std::optional<FoundRun>> FindRun(const std::string& dag_id, const std::string& run_id,
                                                  const std::optional<Instant>& logical_date) = 0;

  // For each question the run as it is now; nothing: there is none.
  virtual Result<std::vector<std::optional<RunSeen>>> LookAtRuns(const std::vector<RunQuestion>& questions) = 0;

  // For a scheduler that stands by: needs no lease.
  virtual Result<std::vector<OpenAttempt>> OpenAttempts(const std::string& instance) = 0;
  // Files each end as the command ReportEnd, for the leader.
  virtual Status Report(const std::string& who, const std::vector<AttemptFinished>& ends) = 0;

  // Readable when somebody notified; -1 when there is no such thing. Changes after a reconnect.
  virtual int NotifyFd() const = 0;
};

}  // namespace pipelined
