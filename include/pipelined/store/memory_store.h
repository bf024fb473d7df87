// The store without a database: for `dags test` and simulations. Forgets everything at its end; nobody else can lead,
// and nothing is in doubt. One thread.
#pragma once

#include <map>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "pipelined/base/clock.h"
#include "pipelined/ports/catalog.h"
#include "pipelined/ports/dag_publisher.h"
#include "pipelined/ports/store.h"

namespace pipelined {

class MemoryStore : public Store {
 public:
  explicit MemoryStore(const Clock& clock) : clock_(clock) {}

  Result<std::optional<Lease>> Acquire(const std::string& holder, Micros ttl) override;
  Status Renew(Lease& lease) override;
  Status Release(const Lease& lease) override;
  Result<Snapshot> Load(const Lease& lease) override;
  Result<Inbox> Poll() override;
  Result<Committed> Commit(const Plan& plan, Lease& lease, const ExecutorIdentity& executor) override;
  Result<DagSource> LoadVersion(VersionId version) override;
  Result<Value> Outputs(RunId run, const std::vector<std::string>& task_ids, const OwnInstance& own) override;
  Result<std::optional<PreviousRun>> PreviousSuccess(const RunInfo& run) override;
  Result<std::optional<PastRun>> RunBefore(const RunInfo& run, bool passing_by_hand,
                                           const std::vector<std::string>& task_ids) override;
  Result<std::vector<RecentRun>> LatestRuns(const std::string& dag_id, std::int32_t most) override;
  Result<std::optional<Micros>> AverageRuntime(const std::string& dag_id, std::int32_t least, std::int32_t most,
                                               Instant ended_by) override;
  Result<std::optional<StoredDag>> FindDag(const std::string& dag_id) override;
  Result<std::optional<FoundRun>> FindRun(const std::string& dag_id, const std::string& run_id,
                                          const std::optional<Instant>& logical_date) override;
  Result<std::vector<std::optional<RunSeen>>> LookAtRuns(const std::vector<RunQuestion>& questions) override;
  Result<std::vector<ExistingRun>> RunsBetween(const std::string& dag_id, Instant from, Instant to) override;
  Result<std::vector<RestoredRun>> RunsChosen(const RunChoice& choice, std::size_t most) override;
  Result<std::vector<OpenAttempt>> OpenAttempts(const std::string& instance) override;
  Status Report(const std::string& who, const std::vector<AttemptFinished>& ends) override;
  int NotifyFd() const override { return -1; }

  // What a publisher, the API and people do elsewhere; found by the next Load or Poll.
  StoredDag Publish(const PublishedDag& published);
  Result<RunInfo> Trigger(const TriggerRequest& request);  // kNotFound, kConflict
  CommandId File(Command command);
  std::optional<CommandDone> ResultOf(CommandId id) const;
  std::optional<RunState> StateOf(RunId run) const;  // nothing: no such run
  // What the history says of people: the changes of runs and tasks that somebody asked for, in order. Of all others
  // nothing is kept.
  struct Authored {
    RunId run;
    std::optional<TaskNo> task;  // nothing: of the run
    std::string_view to;         // the word of its state
    std::string who;
  };
  const std::vector<Authored>& authored() const { return authored_; }
  const std::vector<AssetEvent>& asset_events() const { return asset_events_; }  // all, in order
  std::size_t active_backfills() const { return backfills_.size(); }

 private:
  using InstanceKey = std::pair<TaskNo, std::int32_t>;  // task, map index
  struct StoredRun {
    RunInfo info;
    std::map<InstanceKey, TaskChange> tasks;  // as last changed
    std::map<InstanceKey, Value> outputs;
    std::map<TaskNo, StoredLength> lengths;            // of mapped tasks
    std::map<std::int32_t, StoredDeadline> deadlines;  // by number
    std::optional<Instant> end_date;
    std::map<std::pair<std::string, std::int32_t>, std::string> notes;  // by task id and map index; "": of the run
    int clear_number = 0;
    bool handed_out = false;
  };
  struct OpenRow {
    OpenAttempt open;
    RunId run;
    TaskNo task = 0;
    VersionId version;
    Instant since{};
    Value waits_for = {};  // of a sensor; null: it does not wait
  };
  struct Version {
    DagPtr dag;
    DagSource source;
  };
  Status Check(const Plan& plan, const Lease& lease) const;
  Status CheckTasks(const Plan& plan) const;
  void ApplySteering(const Plan& plan);
  void NoteAuthor(RunId run, std::optional<TaskNo> task, std::string_view to, std::string_view who);
  void NoteTasks(const StoredRun& run, bool cleared, const std::string& who);
  void Rebase(StoredRun& run, VersionId version);
  std::map<InstanceKey, TaskChange> Renumbered(const StoredRun& run, VersionId version) const;
  void Apply(const Plan& plan, const ExecutorIdentity& executor, Committed& committed);
  void EditOutput(const OutputChange& output);
  void ApplyDags(const Plan& plan);
  void InsertRuns(const Plan& plan, Committed& committed);
  void ResetRuns(const Plan& plan, Committed& committed);
  void ApplyBackfills(const Plan& plan);
  void ApplyKeys(const Plan& plan);
  Holding HoldingOf(AttemptId id, const OpenRow& row) const;
  void ApplyDeadlines(const Plan& plan);
  void Settled(BackfillId backfill, std::int32_t ordinal);  // a slot of it has come to its turn
  RestoredRun Restored(const StoredRun& run) const;
  std::optional<StoredChild> ChildOf(AttemptId attempt) const;
  std::optional<StoredWait> WaitOf(AttemptId attempt) const;
  std::vector<PastTask> UnmetOf(const StoredRun& run, const std::vector<std::string>& task_ids) const;
  bool Exists(const std::string& dag_id, const std::string& run_id, const std::optional<Instant>& logical_date) const;

  const Clock& clock_;
  std::string holder_;
  std::int64_t epoch_ = 0;
  Micros ttl_{0};
  Micros expires_{0};
  std::map<std::string, StoredDag> dags_;
  std::map<std::int64_t, Version> versions_;
  std::map<std::string, PoolChanged> pools_{{"default_pool", {"default_pool", 128}}};
  std::map<RunId, StoredRun> runs_;
  std::map<BackfillId, StoredBackfill> backfills_;  // active ones
  BackfillId last_backfill_;
  std::map<AttemptId, OpenRow> open_;
  std::map<AttemptId, KeysTaken> keys_;                     // concurrency keys of open attempts
  std::vector<RateStarted> rates_;                          // that may still count
  std::map<CommandId, std::pair<Command, bool>> commands_;  // with whether it was handed out
  std::map<CommandId, CommandDone> done_;
  std::vector<Authored> authored_;
  std::vector<AssetEvent> asset_events_;
  std::int64_t last_run_ = 0, last_command_ = 0, last_attempt_ = 0;
};

}  // namespace pipelined
