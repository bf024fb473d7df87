// A Catalog in memory, small enough to read: what the API's tests are run against. Not thread-safe beyond one lock.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "pipelined/ports/catalog.h"
#include "support/memory_accounts.h"
#include "support/memory_assets.h"
#include "support/memory_user_sessions.h"
#include "support/memory_trail.h"
#include "support/memory_vault.h"

namespace pipelined::testing {

class FakeCatalog : public Catalog {
 public:
  // In the .cc: g++ 12 believes that the optional members are read uninitialised where both are inlined.
  FakeCatalog();
  ~FakeCatalog() override;

  std::vector<DagRow> dags;
  std::vector<RunRow> runs;
  std::vector<TaskInstanceRow> instances;
  std::map<std::string, std::vector<TaskInstanceRow>> tries;  // by task id
  std::map<std::string, RunLinks> links;                      // by run id
  std::map<std::string, RunHistory> histories;                // by run id
  std::vector<DeadlineRow> deadlines;                         // of any run
  std::vector<DagEventRow> dag_events;                        // of any DAG
  std::vector<ImportErrorRow> import_errors;
  std::vector<PoolRow> pools;
  MemoryVault memory_vault;
  MemoryAssets memory_assets;
  MemoryAccounts memory_accounts;
  MemoryTrail memory_trail;
  std::vector<BackfillRow> backfills;
  BackfillProgress progress;             // of any backfill
  std::map<std::string, Value> outputs;  // by task id
  std::vector<AuditRow> audit;
  std::vector<DagVersionRow> versions;
  std::vector<DagWarningRow> warnings;
  AuditFilter audit_asked;  // the last ones
  RunFilter runs_asked;
  TaskFilter tasks_asked;
  std::set<std::pair<std::string, std::string>> favorites;  // user, DAG
  std::vector<UserRow> users;
  std::map<std::string, std::string> tokens;  // hash -> user's name
  MemoryUserSessions memory_sessions{users};
  std::vector<Command> commands;
  std::vector<TriggerRequest> triggers;
  Health health{true, std::nullopt, true};
  std::map<std::pair<std::int64_t, std::string>, std::pair<OnceKey, KeptAnswer>> kept;  // by user and key
  std::vector<EventRow> events;                               // what Events() reads; add with AddEvent
  std::int64_t latest_number = 0;                             // that was given; 0: the last event's
  std::optional<Error> broken;                                // what every call answers
  std::function<Result<CommandDone>(const Command&)> leader;  // empty: nobody leads
  std::function<void(UserRow&)> after_lookup;  // what happens to a user right after FindUser() gave him

  void AddDag(const std::string& id, std::function<void(DagRow&)> change = {});
  void AddRun(const std::string& dag_id, const std::string& run_id, RunState state,
              std::function<void(RunRow&)> change = {});
  void AddTask(const std::string& dag_id, const std::string& run_id, const std::string& task_id, TaskState state,
               std::function<void(TaskInstanceRow&)> change = {});
  void AddUser(const std::string& name, const std::string& role, const std::string& token);
  // As the database has it: with the state of the task, if it is one of `instances`.
  void End(const std::string& task, EventRow event);
  void AddEvent(EventRow event);  // from any thread

  Result<Listing<DagRow>> Dags(const DagFilter& filter, const Page& page) override;
  Result<DagRow> Dag(const std::string& dag_id) override;
  Result<Listing<RunRow>> Runs(const RunFilter& filter, const Page& page) override;
  Result<RunRow> Run(const std::string& dag_id, const std::string& run_id) override;
  Result<Listing<TaskInstanceRow>> TaskInstances(const TaskFilter& filter, const Page& page) override;
  Result<std::vector<TaskInstanceRow>> Tries(const std::string& dag_id, const std::string& run_id,
                                             const std::string& task_id, std::int32_t map_index) override;
  Result<Listing<ImportErrorRow>> ImportErrors(const Page& page) override;
  Result<Listing<PoolRow>> Pools(const TextSearch& name, const Page& page) override;
  Result<PoolRow> Pool(const std::string& name) override;
  Result<RunLinks> Links(const RunInfo& run) override;
  Result<RunHistory> History(const std::string& dag_id, const std::string& run_id) override;
  Result<std::vector<DeadlineRow>> Deadlines(RunId run) override;
  Result<Listing<DagEventRow>> DagHistory(const std::string& dag_id, const Page& page) override;
  Result<DagSource> Source(VersionId version) override;
  Result<Listing<AuditRow>> Audit(const AuditFilter& filter, const Page& page) override;
  Result<Listing<DagVersionRow>> Versions(const std::string& dag_id, std::optional<std::int32_t> number,
                                          const Page& page) override;
  Result<Listing<std::string>> Tags(const TextSearch& search, const Page& page) override;
  Result<std::vector<DagStatsRow>> Stats(const std::vector<std::string>& dag_ids) override;
  Result<Listing<DagWarningRow>> Warnings(const std::string& dag_id, const Page& page) override;
  Result<bool> SetFavorite(const std::string& user, const std::string& dag_id, bool favorite) override;
  Result<std::vector<std::string>> Favorites(const std::string& user) override;
  Result<Value> Outputs(RunId run, const std::string& task_id, std::int32_t map_index) override;
  Result<Listing<BackfillRow>> Backfills(const std::string& dag_id, const Page& page) override;
  Result<BackfillRow> Backfill(BackfillId id) override;
  Result<BackfillProgress> ProgressOf(BackfillId id, std::int64_t most_failures) override;
  Result<std::vector<ExistingRun>> RunsBetween(const std::string& dag_id, Instant from, Instant to) override;
  Result<RunRow> Trigger(const TriggerRequest& request) override;
  Result<CommandDone> Execute(const Command& command, Micros patience) override;
  Result<std::optional<KeptAnswer>> Kept(const OnceKey& key) override;
  Result<KeptAnswer> TriggerOnce(const TriggerRequest& request, const OnceKey& key,
                                 const std::function<KeptAnswer(const RunRow&)>& answer) override;
  Result<KeptAnswer> ExecuteOnce(const Command& command, Micros patience, const OnceKey& key,
                                 const std::function<KeptAnswer(const CommandDone&)>& answer) override;
  std::unique_ptr<EventReader> Events() override { return std::make_unique<FakeEvents>(*this); }
  Result<Health> CheckHealth() override;
  Vault& vault() override { return memory_vault; }
  Assets& assets() override { return memory_assets; }
  Accounts& accounts() override { return memory_accounts; }
  UserSessions& user_sessions() override { return memory_sessions; }
  AuditTrail& trail() override { return memory_trail; }
  Result<std::optional<UserRow>> FindUser(const std::string& name) override;
  Status AddUser(const UserRow& user) override;
  Status AddToken(const std::string& token_sha256, const UserRow& user, Instant expires) override;

 private:
  // Everything is settled at once.
  class FakeEvents : public EventReader {
   public:
    explicit FakeEvents(FakeCatalog& catalog) : catalog_(catalog) {}
    Result<std::int64_t> Start() override;
    void Rest() override {}
    Result<Settled> Next(std::int64_t after, int most) override;
    Result<std::vector<EventRow>> Between(std::int64_t after, std::int64_t until, int most) override;
    Result<Extent> Numbers() override;
    void Wait(Micros at_most) override;
    void Interrupt() override;

   private:
    FakeCatalog& catalog_;
    bool interrupted_ = false;
  };

  std::mutex mutex_;
  std::condition_variable told_;
  int news_ = 0;
};

}  // namespace pipelined::testing
