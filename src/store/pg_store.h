#pragma once

#include <optional>
#include <unordered_set>
#include <utility>
#include <vector>

#include "pipelined/base/clock.h"
#include "pipelined/store/pg_store.h"
#include "store/session.h"

namespace pipelined {

class PgStore : public Store {
 public:
  PgStore(StoreOptions options, const Clock& clock) : options_(std::move(options)), clock_(clock) {}

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
  int NotifyFd() const override;

 private:
  // What was notified: "r17" a queued run, "c4" a command.
  class Listener : public pqxx::notification_receiver {
   public:
    Listener(pqxx::connection& connection, const std::string& channel) : notification_receiver(connection, channel) {}
    void operator()(const std::string& payload, int) override { payloads.push_back(payload); }
    std::vector<std::string> payloads;
  };
  struct Wanted;  // ids to read

  // Runs `work` with a connection; a broken one is dropped, so that the next call begins anew.
  template <class Work>
  auto With(const char* what, Work&& work) -> std::invoke_result_t<Work>;
  void Connect();
  void Disconnect();
  Micros TrustedUntil(Micros asked) const;
  void RunTurn(pqxx::transaction_base& transaction, const Plan& plan, const Lease& lease,
               const ExecutorIdentity& executor);
  void LoadRuns(pqxx::transaction_base& transaction, Snapshot& snapshot);
  void Settle(const Plan& plan, const Committed& committed);
  Inbox Read(Wanted wanted);
  std::vector<PastTask> UnmetOf(const PastRun& run, VersionId version, const std::string& dag_id,
                                const std::vector<std::string>& task_ids);
  bool ScanDue() const;

  StoreOptions options_;
  const Clock& clock_;
  std::unique_ptr<Session> session_;
  std::unique_ptr<Session> listening_;
  std::unique_ptr<Listener> listener_;  // of listening_
  std::string holder_;
  Micros ttl_{0};
  // Answered by Load, Commit or Poll and still waiting in their tables: a scan passes over them.
  std::unordered_set<std::int64_t> runs_out_, commands_out_;
  std::optional<Micros> scanned_;  // when everything that waits was last read; nothing: not yet
};

}  // namespace pipelined
