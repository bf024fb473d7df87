// The store of a history: a MemoryStore whose commits may be left in doubt, and of which every commit is told to the
// ledger.
#pragma once

#include <functional>
#include <optional>

#include "pipelined/store/memory_store.h"
#include "sim/checker/ledger.h"

namespace pipelined::sim {

class WatchedStore : public Store {
 public:
  // `on_commit` after each plan that was stored.
  WatchedStore(MemoryStore& store, Ledger& ledger, std::function<void(const Plan&)> on_commit)
      : store_(store), ledger_(ledger), on_commit_(std::move(on_commit)) {}

  // The next commit answers nothing; whether it was stored.
  void Doubt(bool stored) { doubt_ = stored; }
  void TakeDoubtBack() { doubt_.reset(); }
  // What was handed out and is not what was stored; empty: nothing.
  const std::string& fault() const { return fault_; }

  Result<Committed> Commit(const Plan& plan, Lease& lease, const ExecutorIdentity& executor) override;
  Result<Snapshot> Load(const Lease& lease) override;

  Result<std::optional<Lease>> Acquire(const std::string& holder, Micros ttl) override {
    return store_.Acquire(holder, ttl);
  }
  Status Renew(Lease& lease) override { return store_.Renew(lease); }
  Status Release(const Lease& lease) override { return store_.Release(lease); }
  Result<Inbox> Poll() override { return store_.Poll(); }
  Result<DagSource> LoadVersion(VersionId version) override { return store_.LoadVersion(version); }
  Result<Value> Outputs(RunId run, const std::vector<std::string>& ids, const OwnInstance& own) override {
    return store_.Outputs(run, ids, own);
  }
  Result<std::optional<PreviousRun>> PreviousSuccess(const RunInfo& run) override {
    return store_.PreviousSuccess(run);
  }
  Result<std::optional<StoredDag>> FindDag(const std::string& dag_id) override { return store_.FindDag(dag_id); }
  Result<std::vector<ExistingRun>> RunsBetween(const std::string& dag_id, Instant from, Instant to) override {
    return store_.RunsBetween(dag_id, from, to);
  }
  Result<std::vector<std::optional<RunSeen>>> LookAtRuns(const std::vector<RunQuestion>& questions) override {
    return store_.LookAtRuns(questions);
  }
  Result<std::vector<RestoredRun>> RunsChosen(const RunChoice& choice, std::size_t most) override {
    auto chosen = store_.RunsChosen(choice, most);
    if (chosen) CompareEnded(*chosen);
    return chosen;
  }
  Result<std::optional<FoundRun>> FindRun(const std::string& dag_id, const std::string& run_id,
                                          const std::optional<Instant>& logical_date) override {
    return store_.FindRun(dag_id, run_id, logical_date);
  }
  Result<std::optional<PastRun>> RunBefore(const RunInfo& run, bool passing_by_hand,
                                           const std::vector<std::string>& task_ids) override {
    return store_.RunBefore(run, passing_by_hand, task_ids);
  }
  Result<std::vector<RecentRun>> LatestRuns(const std::string& dag_id, std::int32_t most) override {
    return store_.LatestRuns(dag_id, most);
  }
  Result<std::optional<Micros>> AverageRuntime(const std::string& dag_id, std::int32_t least, std::int32_t most,
                                               Instant ended_by) override {
    return store_.AverageRuntime(dag_id, least, most, ended_by);
  }
  Result<std::vector<OpenAttempt>> OpenAttempts(const std::string& instance) override {
    return store_.OpenAttempts(instance);
  }
  Status Report(const std::string& who, const std::vector<AttemptFinished>& ends) override {
    return store_.Report(who, ends);
  }
  int NotifyFd() const override { return -1; }

 private:
  void CompareEnded(const std::vector<RestoredRun>& runs);  // of others no tasks are handed out
  void Compare(const RestoredRun& restored);

  MemoryStore& store_;
  Ledger& ledger_;
  std::function<void(const Plan&)> on_commit_;
  std::optional<bool> doubt_;
  std::size_t told_ = 0;  // events of assets, by all plans
  std::string fault_;
};

}  // namespace pipelined::sim
