#pragma once

#include "pipelined/store/pg_store.h"
#include "store/listing.h"
#include "store/new_run.h"
#include "store/pg_accounts.h"
#include "store/pg_assets.h"
#include "store/pg_user_sessions.h"
#include "store/pg_trail.h"
#include "store/pg_vault.h"
#include "store/session_pool.h"
#include "store/together.h"

namespace pipelined {

// Listings are in pg_listings.cc and pg_backfills.cc, histories in pg_history.cc and
// pg_run_rules.cc, the audit log in pg_audit.cc, versions, tags and counts in pg_overview.cc, events as they come in
// pg_events.cc, requests that are carried out once in pg_once.cc, what writes in
// pg_catalog.cc.
class PgCatalog : public Catalog {
 public:
  explicit PgCatalog(const StoreOptions& options)
      : options_(options),
        pool_(options),
        vault_(pool_),
        assets_(pool_),
        accounts_(pool_),
        user_sessions_(pool_),
        trail_(pool_) {}

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
  std::unique_ptr<EventReader> Events() override;
  Result<Health> CheckHealth() override;
  Vault& vault() override { return vault_; }
  Assets& assets() override { return assets_; }
  Accounts& accounts() override { return accounts_; }
  UserSessions& user_sessions() override { return user_sessions_; }
  AuditTrail& trail() override { return trail_; }
  Result<std::optional<UserRow>> FindUser(const std::string& name) override;
  Status AddUser(const UserRow& user) override;
  Status AddToken(const std::string& token_sha256, const UserRow& user, Instant expires) override;

 private:
  std::vector<Result<DagRow>> ReadDags(const std::vector<std::string>& dag_ids);
  std::vector<Result<RunRow>> MakeRuns(const std::vector<WantedRun>& wanted);
  // `only_started`: of those that the filter lets through only those that have begun; the total is that of all.
  Result<Listing<TaskInstanceRow>> TasksOf(const TaskFilter& filter, const Page& page, bool only_started);

  StoreOptions options_;
  SessionPool pool_;
  Together<std::string, Result<DagRow>> dags_{[this](const auto& ids) { return ReadDags(ids); }};
  Together<WantedRun, Result<RunRow>> triggers_{[this](const auto& wanted) { return MakeRuns(wanted); }, Millis(5)};
  PgVault vault_;
  PgAssets assets_;
  PgAccounts accounts_;
  PgUserSessions user_sessions_;
  PgTrail trail_;
};

}  // namespace pipelined
