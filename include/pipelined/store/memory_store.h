// A Store in memory, for `pipectl dags test` and for simulation: the same engine and scheduler, no server, no database.
#pragma once

#include <functional>
#include <map>
#include <unordered_map>

#include "pipelined/base/clock.h"
#include "pipelined/ports/store.h"

namespace pipelined {

// Not thread-safe. Nothing of it is durable.
class MemoryStore : public Store {
 public:
  explicit MemoryStore(const Clock& clock) : clock_(clock) {}

  // What elsewhere the loader and the API write.
  void AddDag(StoredDag dag, DagSource source, const std::vector<std::string>& task_ids);
  RunId AddRun(RunInfo run);
  CommandId AddCommand(Command command);
  void AddPool(PoolChanged pool) { pools_[pool.name] = pool.slots; }

  Result<std::optional<Lease>> Acquire(const std::string& holder, Micros ttl) override;
  Status Renew(Lease& lease) override;
  Status Release(const Lease& lease) override;
  Result<Snapshot> Load(const Lease& lease) override;
  Result<Inbox> Poll() override;
  Result<Committed> Commit(const Plan& plan, Lease& lease, const ExecutorIdentity& executor) override;
  Result<DagSource> LoadVersion(VersionId version) override;
  Result<Value> Outputs(RunId run, const std::vector<std::string>& task_ids) override;
  int NotifyFd() const override { return -1; }

  // What is stored, for tests and for showing it.
  const RunInfo* FindRun(RunId run) const;
  TaskState StateOf(RunId run, TaskNo task) const;
  const CommandDone* ResultOf(CommandId command) const;

 private:
  struct TaskRow {
    StoredTask stored;
    std::optional<Instant> end_date;
  };
  struct AttemptRow {
    RunId run;
    TaskNo task = 0;
    ExecutorIdentity executor;
    bool open = true;
  };
  struct RunRow {
    RunInfo info;
    std::map<TaskNo, TaskRow> tasks;
    std::map<TaskNo, Value> outputs;
  };

  Status Check(const Lease& lease) const;
  Status CheckPlan(const Plan& plan) const;
  void Store(const TaskChange& change, Instant now);

  const Clock& clock_;
  std::string holder_;
  std::int64_t epoch_ = 0;
  Micros expires_{0};
  Micros ttl_{0};
  std::map<std::string, StoredDag> dags_;
  std::unordered_map<VersionId, DagSource> versions_;
  std::unordered_map<VersionId, std::vector<std::string>> task_ids_;
  std::map<std::string, std::int32_t> pools_{{std::string(kDefaultPool), 128}};
  std::map<RunId, RunRow> runs_;
  std::map<AttemptId, AttemptRow> attempts_;
  AttemptId last_attempt_;
  std::vector<RunId> new_runs_;          // not handed out by Poll yet
  std::vector<Command> new_commands_;
  std::map<CommandId, CommandDone> results_;
  std::int64_t last_command_ = 0;
};

}  // namespace pipelined
