#include "api/access/scoped_catalog.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace pipelined::api {
namespace {

Error NotForSomeDags() {
  return Error{ErrorCode::kNotAllowed, "Forbidden: it is not for some DAGs alone", ""};
}

// Those about other DAGs, and about none, are as if they did not exist.
class ScopedNotifications : public Notifications {
 public:
  ScopedNotifications(Notifications& all, const access::DagScope& scope) : all_(all), scope_(scope) {}

  Result<std::vector<Notification>> List(const NotificationFilter& filter, std::int64_t most) override {
    NotificationFilter mine = filter;
    if (!scope_.all()) mine.dags = scope_.dag_ids();
    return all_.List(mine, most);
  }
  Result<std::optional<Notification>> Find(std::int64_t id) override {
    Result<std::optional<Notification>> row = all_.Find(id);
    if (row.ok() && *row && !scope_.all() && ((*row)->dag_id.empty() || !scope_.Has((*row)->dag_id))) row->reset();
    return row;
  }
  Result<std::vector<NotificationAttempt>> Attempts(std::int64_t id) override { return all_.Attempts(id); }
  // Takes the right for everything.
  Status Retry(std::int64_t id, std::int32_t tries) override { return all_.Retry(id, tries); }
  Result<OutboxCounts> Counts() override {
    return scope_.all() ? all_.Counts() : Result<OutboxCounts>(NotForSomeDags());
  }
  Result<std::int64_t> Test(const std::string& channel, const std::string& message) override {
    return all_.Test(channel, message);
  }

 private:
  Notifications& all_;
  const access::DagScope& scope_;
};

class ScopedAssets : public Assets {
 public:
  ScopedAssets(Assets& assets, std::vector<std::string> dag_ids) : all_(assets), dag_ids_(std::move(dag_ids)) {}

  Result<Listing<AssetRow>> List(const AssetFilter& filter, const Page& page) override {
    return all_.List(filter, Mine(page));
  }
  Result<Listing<AssetEventRow>> Events(const AssetEventFilter& filter, const Page& page) override {
    return all_.Events(filter, Mine(page));
  }
  // An asset is not of one DAG: whoever waits for it would be told.
  Result<AssetEventRow> Add(const NewAssetEvent&) override { return NotForSomeDags(); }

 private:
  Page Mine(Page page) const {
    page.dag_ids = dag_ids_;
    return page;
  }
  Assets& all_;
  const std::vector<std::string> dag_ids_;
};

class ScopedCatalog : public Catalog {
 public:
  ScopedCatalog(Catalog& catalog, access::DagScope scope)
      : all_(catalog),
        scope_(std::move(scope)),
        assets_(all_.assets(), scope_.dag_ids()),
        notifications_(all_.notifications(), scope_) {}

  Result<Listing<DagRow>> Dags(const DagFilter& filter, const Page& page) override {
    return all_.Dags(filter, Mine(page));
  }
  Result<DagRow> Dag(const std::string& dag_id) override {
    if (!scope_.Has(dag_id)) return Refusal(dag_id);
    return all_.Dag(dag_id);
  }
  Result<Listing<RunRow>> Runs(const RunFilter& filter, const Page& page) override {
    return all_.Runs(filter, Mine(page));
  }
  Result<RunRow> Run(const std::string& dag_id, const std::string& run_id) override {
    if (!scope_.Has(dag_id)) return Refusal(dag_id);
    return all_.Run(dag_id, run_id);
  }
  Result<Listing<TaskInstanceRow>> TaskInstances(const TaskFilter& filter, const Page& page) override {
    return all_.TaskInstances(filter, Mine(page));
  }
  Result<std::vector<TaskInstanceRow>> Tries(const std::string& dag_id, const std::string& run_id,
                                             const std::string& task_id, std::int32_t map_index) override {
    if (!scope_.Has(dag_id)) return Refusal(dag_id);
    return all_.Tries(dag_id, run_id, task_id, map_index);
  }
  Result<Listing<ImportErrorRow>> ImportErrors(const Page& page) override { return all_.ImportErrors(Mine(page)); }
  Result<Listing<PoolRow>> Pools(const TextSearch& name, const Page& page) override { return all_.Pools(name, page); }
  Result<PoolRow> Pool(const std::string& name) override { return all_.Pool(name); }
  Result<RunHistory> History(const std::string& dag_id, const std::string& run_id) override {
    if (!scope_.Has(dag_id)) return Refusal(dag_id);
    return all_.History(dag_id, run_id);
  }
  Result<std::vector<DeadlineRow>> Deadlines(RunId run) override { return all_.Deadlines(run); }
  Result<Listing<DagEventRow>> DagHistory(const std::string& dag_id, const Page& page) override {
    if (!scope_.Has(dag_id)) return Refusal(dag_id);
    return all_.DagHistory(dag_id, page);
  }
  Result<RunLinks> Links(const RunInfo& run) override {
    Result<RunLinks> links = all_.Links(run);
    if (!links.ok()) return links;
    if (links->parent && !scope_.Has(links->parent->dag_id)) links->parent.reset();
    std::erase_if(links->made, [&](const RunLink& link) { return !scope_.Has(link.dag_id); });
    return links;
  }
  Result<DagSource> Source(VersionId version) override { return all_.Source(version); }
  Result<Listing<AuditRow>> Audit(const AuditFilter& filter, const Page& page) override {
    return all_.Audit(filter, Mine(page));
  }
  Result<Listing<DagVersionRow>> Versions(const std::string& dag_id, std::optional<std::int32_t> number,
                                          const Page& page) override {
    return all_.Versions(dag_id, number, Mine(page));
  }
  Result<Listing<std::string>> Tags(const TextSearch& search, const Page& page) override {
    return all_.Tags(search, Mine(page));
  }
  Result<std::vector<DagStatsRow>> Stats(const std::vector<std::string>& dag_ids) override {
    Result<std::vector<DagStatsRow>> stats = all_.Stats(dag_ids);
    if (stats.ok()) std::erase_if(*stats, [&](const DagStatsRow& row) { return !scope_.Has(row.dag_id); });
    return stats;
  }
  Result<Listing<DagWarningRow>> Warnings(const std::string& dag_id, const Page& page) override {
    return all_.Warnings(dag_id, Mine(page));
  }
  Result<bool> SetFavorite(const std::string& user, const std::string& dag_id, bool favorite) override {
    if (!scope_.Has(dag_id)) return Refusal(dag_id);
    return all_.SetFavorite(user, dag_id, favorite);
  }
  Result<std::vector<std::string>> Favorites(const std::string& user) override { return all_.Favorites(user); }
  Result<Value> Outputs(RunId run, const std::string& task_id, std::int32_t map_index) override {
    return all_.Outputs(run, task_id, map_index);
  }
  Result<Listing<BackfillRow>> Backfills(const std::string& dag_id, const Page& page) override {
    return all_.Backfills(dag_id, Mine(page));
  }
  Result<BackfillRow> Backfill(BackfillId id) override {
    Result<BackfillRow> row = all_.Backfill(id);
    // As one that does not exist: the number must not tell which DAG it is of.
    if (row.ok() && !scope_.Has(row->dag_id))
      return Error{ErrorCode::kNotFound, fmt::format("Backfill with id {} was not found", id.value), ""};
    return row;
  }
  Result<BackfillProgress> ProgressOf(BackfillId id, std::int64_t most_failures) override {
    if (const Result<BackfillRow> row = Backfill(id); !row.ok()) return row.error();
    return all_.ProgressOf(id, most_failures);
  }
  Result<std::vector<ExistingRun>> RunsBetween(const std::string& dag_id, Instant from, Instant to) override {
    if (!scope_.Has(dag_id)) return Refusal(dag_id);
    return all_.RunsBetween(dag_id, from, to);
  }
  Result<RunRow> Trigger(const TriggerRequest& request) override {
    if (!scope_.Has(request.dag_id)) return Refusal(request.dag_id);
    return all_.Trigger(request);
  }
  Result<CommandDone> Execute(const Command& command, Micros patience) override {
    if (const auto* list = std::get_if<ListQueue>(&command.what)) return QueueOf(command, *list, patience);
    if (const Status allowed = std::visit([&](const auto& what) { return Allow(what); }, command.what); !allowed.ok())
      return allowed.error();
    return all_.Execute(command, patience);
  }
  // Of the caller's own requests.
  Result<std::optional<KeptAnswer>> Kept(const OnceKey& key) override { return all_.Kept(key); }
  Result<KeptAnswer> TriggerOnce(const TriggerRequest& request, const OnceKey& key,
                                 const std::function<KeptAnswer(const RunRow&)>& answer) override {
    if (!scope_.Has(request.dag_id)) return Refusal(request.dag_id);
    return all_.TriggerOnce(request, key, answer);
  }
  Result<KeptAnswer> ExecuteOnce(const Command& command, Micros patience, const OnceKey& key,
                                 const std::function<KeptAnswer(const CommandDone&)>& answer) override {
    if (const Status allowed = std::visit([&](const auto& what) { return Allow(what); }, command.what); !allowed.ok())
      return allowed.error();
    return all_.ExecuteOnce(command, patience, key, answer);
  }
  // The hub of a server reads for all; what of it a caller is sent is for its stream to choose.
  std::unique_ptr<EventReader> Events() override { return scope_.all() ? all_.Events() : nullptr; }
  Result<Health> CheckHealth() override { return all_.CheckHealth(); }
  Vault& vault() override { return all_.vault(); }
  Assets& assets() override { return assets_; }
  AuditTrail& trail() override { return all_.trail(); }
  Notifications& notifications() override { return notifications_; }
  UserSessions& user_sessions() override { return all_.user_sessions(); }
  Accounts& accounts() override { return all_.accounts(); }
  Result<std::optional<UserRow>> FindUser(const std::string& name) override { return all_.FindUser(name); }
  Status AddUser(const UserRow& user) override { return all_.AddUser(user); }
  Status AddToken(const std::string& token_sha256, const UserRow& user, Instant expires) override {
    return all_.AddToken(token_sha256, user, expires);
  }

 private:
  // The same whether there is such a DAG or not.
  static Error Refusal(const std::string& dag_id) {
    return Error{ErrorCode::kNotAllowed, fmt::format("Forbidden: you may not do this with the DAG {}", dag_id), ""};
  }

  Page Mine(Page page) const {
    page.dag_ids = scope_.dag_ids();
    return page;
  }

  Status AllowDag(const std::string& dag_id) const { return scope_.Has(dag_id) ? Ok() : Status(Refusal(dag_id)); }
  Status Allow(const PauseDag& what) const { return AllowDag(what.dag_id); }
  Status Allow(const DeleteDag& what) const { return AllowDag(what.dag_id); }
  Status Allow(const CreateBackfill& what) const { return AllowDag(what.dag_id); }
  Status Allow(const ClearTasks& what) const { return AllowDag(what.runs.dag_id); }
  Status Allow(const MarkTasks& what) const { return AllowDag(what.runs.dag_id); }
  Status Allow(const MarkRun& what) const { return AllowDag(what.dag_id); }
  Status Allow(const DeleteRun& what) const { return AllowDag(what.dag_id); }
  Status Allow(const PauseBackfill& what) { return AllowBackfill(what.backfill); }
  Status Allow(const CancelBackfill& what) { return AllowBackfill(what.backfill); }
  Status AllowBackfill(BackfillId id) {
    const Result<BackfillRow> row = Backfill(id);
    return row.ok() ? Ok() : Status(row.error());
  }
  // Of a run by its number.
  Status Allow(const CancelRun&) const { return Ok(); }
  Status Allow(const WhyTask&) const { return Ok(); }
  Status Allow(const SetNote&) const { return Ok(); }
  Status Allow(const EditOutput&) const { return Ok(); }
  // What is not of a DAG.
  static Status Allow(const SetPool&) { return NotOfDags(); }
  static Status Allow(const DeletePool&) { return NotOfDags(); }
  static Status Allow(const ReportEnd&) { return NotOfDags(); }
  static Status Allow(const ListQueue&) { return NotOfDags(); }
  static Status NotOfDags() { return NotForSomeDags(); }

  // The whole queue, of which what is another's is left out.
  Result<CommandDone> QueueOf(Command command, const ListQueue& list, Micros patience) {
    ListQueue whole = list;
    whole.limit = std::numeric_limits<std::int32_t>::max();
    command.what = whole;
    Result<CommandDone> done = all_.Execute(command, patience);
    if (!done.ok() || !done->error.empty()) return done;
    const Value* tasks = done->result.Find("tasks");
    Value::List mine = tasks != nullptr && tasks->is_list() ? tasks->list() : Value::List{};
    std::erase_if(mine, [&](const Value& entry) {
      const Value* dag_id = entry.Find("dag_id");
      return dag_id == nullptr || !dag_id->is_string() || !scope_.Has(dag_id->string());
    });
    const auto total = static_cast<std::int64_t>(mine.size());
    if (total > list.limit) mine.resize(static_cast<std::size_t>(std::max(list.limit, 0)));
    done->result = Value::Map{{"tasks", std::move(mine)}, {"total_entries", total}};
    return done;
  }

  Catalog& all_;
  const access::DagScope scope_;
  ScopedAssets assets_;
  ScopedNotifications notifications_;
};

}  // namespace

std::shared_ptr<Catalog> Scoped(Catalog& catalog, access::DagScope scope) {
  if (scope.all()) return {std::shared_ptr<void>(), &catalog};
  return std::make_shared<ScopedCatalog>(catalog, std::move(scope));
}

}  // namespace pipelined::api
