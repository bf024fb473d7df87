#include "unit/api/fake_catalog.h"

#include <algorithm>

#include "pipelined/base/hash.h"

namespace pipelined::testing {
namespace {

Error NotFound(const std::string& what) {
  return {ErrorCode::kNotFound, what + " was not found", ""};
}

template <class Row>
Listing<Row> Cut(std::vector<Row> rows, const Page& page) {
  Listing<Row> listing;
  listing.total = static_cast<std::int64_t>(rows.size());
  for (std::int64_t i = page.offset; i < std::min(listing.total, page.offset + page.limit); ++i) {
    listing.rows.push_back(rows[static_cast<std::size_t>(i)]);
  }
  return listing;
}

// The rows in the order asked for; false: a key that is not in `keys`.
template <class Row>
bool Order(std::vector<Row>& rows, const Page& page,
           const std::map<std::string, std::function<std::string(const Row&)>>& keys) {
  for (auto asked = page.order_by.rbegin(); asked != page.order_by.rend(); ++asked) {
    const bool down = asked->starts_with('-');
    const auto key = keys.find(down ? asked->substr(1) : *asked);
    if (key == keys.end()) return false;
    std::stable_sort(rows.begin(), rows.end(), [&](const Row& a, const Row& b) {
      return down ? key->second(b) < key->second(a) : key->second(a) < key->second(b);
    });
  }
  return true;
}

const Error kBadOrder{ErrorCode::kInvalid, "unknown order_by", ""};

std::string Lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

// "%" and "_" as in SQL, anywhere in `text`.
bool Like(std::string_view text, std::string_view pattern) {
  if (pattern.empty()) return text.empty();
  if (pattern.front() == '%') {
    for (std::size_t i = 0; i <= text.size(); ++i) {
      if (Like(text.substr(i), pattern.substr(1))) return true;
    }
    return false;
  }
  return !text.empty() && (pattern.front() == '_' || pattern.front() == text.front()) &&
         Like(text.substr(1), pattern.substr(1));
}

bool Matches(const std::string& text, std::string pattern) {
  if (pattern.empty()) return true;
  for (;;) {
    const std::size_t bar = pattern.find('|');
    if (Like(Lower(text), "%" + Lower(pattern.substr(0, bar)) + "%")) return true;
    if (bar == std::string::npos) return false;
    pattern.erase(0, bar + 1);
  }
}

bool Has(const std::vector<std::string>& wanted, std::string_view word) {
  return wanted.empty() || std::find(wanted.begin(), wanted.end(), word) != wanted.end();
}

bool IsFor(const Page& page, const std::string& dag_id) {
  return !page.dag_ids || std::find(page.dag_ids->begin(), page.dag_ids->end(), dag_id) != page.dag_ids->end();
}

std::string Sortable(const std::optional<Instant>& instant) {
  return instant ? FormatInstant(*instant) : std::string("~");
}

}  // namespace

FakeCatalog::FakeCatalog() {
  memory_accounts.of_token = [this](const std::string& sha256) -> Result<std::optional<MemoryAccounts::Known>> {
    const std::scoped_lock lock(mutex_);
    if (broken) return *broken;
    const auto token = tokens.find(sha256);
    if (token == tokens.end()) return std::optional<MemoryAccounts::Known>();
    for (const UserRow& user : users) {
      if (user.name == token->second) return std::optional(MemoryAccounts::Known{user.name, user.role, user.id});
    }
    return std::optional<MemoryAccounts::Known>();
  };
  memory_accounts.of_account = [this](const std::string& name) -> Result<std::optional<MemoryAccounts::Known>> {
    const std::scoped_lock lock(mutex_);
    if (broken) return *broken;
    for (const UserRow& user : users) {
      if (user.name == name) return std::optional(MemoryAccounts::Known{user.name, user.role, user.id});
    }
    return std::optional<MemoryAccounts::Known>();
  };
}
FakeCatalog::~FakeCatalog() = default;

void FakeCatalog::AddDag(const std::string& id, std::function<void(DagRow&)> change) {
  DagRow row;
  row.dag_id = id;
  row.file = "/dags/" + id + ".yaml";
  row.relative_file = id + ".yaml";
  row.owner = "airflow";
  row.version = VersionId{static_cast<std::int64_t>(dags.size()) + 1};
  row.params = Value::Map{};
  if (change) change(row);
  dags.push_back(std::move(row));
}

void FakeCatalog::AddRun(const std::string& dag_id, const std::string& run_id, RunState state,
                         std::function<void(RunRow&)> change) {
  RunRow row;
  row.info.id = RunId{static_cast<std::int64_t>(runs.size()) + 1};
  row.info.dag_id = dag_id;
  row.info.run_id = run_id;
  row.info.state = state;
  row.info.version = VersionId{1};
  row.triggered_by = "rest_api";
  if (change) change(row);
  runs.push_back(std::move(row));
}

void FakeCatalog::AddTask(const std::string& dag_id, const std::string& run_id, const std::string& task_id,
                          TaskState state, std::function<void(TaskInstanceRow&)> change) {
  TaskInstanceRow row;
  row.dag_id = dag_id;
  row.run_id = run_id;
  row.task_id = task_id;
  row.task_no = static_cast<TaskNo>(instances.size());
  row.state = state;
  row.operator_name = "bash";
  row.pool = "default_pool";
  if (change) change(row);
  instances.push_back(std::move(row));
}

void FakeCatalog::AddUser(const std::string& name, const std::string& role, const std::string& token) {
  UserRow user;
  user.id = static_cast<std::int64_t>(users.size()) + 1;
  user.name = name;
  user.role = role;
  users.push_back(user);
  tokens[Sha256Hex(token)] = name;
}

Result<Listing<DagRow>> FakeCatalog::Dags(const DagFilter& filter, const Page& page) {
  const std::scoped_lock lock(mutex_);
  if (broken) return *broken;
  std::vector<DagRow> rows;
  for (const DagRow& row : dags) {
    const bool tagged =
        filter.tags.empty() ||
        std::any_of(row.tags.begin(), row.tags.end(), [&](const std::string& tag) { return Has(filter.tags, tag); });
    if (tagged && IsFor(page, row.dag_id) && Matches(row.dag_id, filter.dag.pattern) &&
        (!filter.paused || *filter.paused == row.paused) && (filter.include_stale || !row.stale)) {
      rows.push_back(row);
    }
  }
  std::sort(rows.begin(), rows.end(), [](const DagRow& a, const DagRow& b) { return a.dag_id < b.dag_id; });
  if (!Order<DagRow>(rows, page, {{"dag_id", [](const DagRow& row) { return row.dag_id; }}})) return kBadOrder;
  return Cut(std::move(rows), page);
}

Result<DagRow> FakeCatalog::Dag(const std::string& dag_id) {
  const std::scoped_lock lock(mutex_);
  if (broken) return *broken;
  for (const DagRow& row : dags) {
    if (row.dag_id == dag_id) return row;
  }
  return NotFound("Dag with ID: '" + dag_id + "'");
}

Result<Listing<RunRow>> FakeCatalog::Runs(const RunFilter& filter, const Page& page) {
  const std::scoped_lock lock(mutex_);
  if (broken) return *broken;
  runs_asked = filter;
  std::vector<RunRow> rows;
  for (const RunRow& row : runs) {
    const std::optional<Instant>& date = row.info.logical_date;
    const TimeRange& wanted = filter.logical_date;
    const bool dated =
        (!wanted.gte || (date && *date >= *wanted.gte)) && (!wanted.lte || (date && *date <= *wanted.lte));
    if (IsFor(page, row.info.dag_id) && (filter.dag_id == "~" || filter.dag_id == row.info.dag_id) &&
        Has(filter.states, ToString(row.info.state)) && Has(filter.types, ToString(row.info.type)) &&
        Matches(row.info.run_id, filter.run.pattern) && dated && Has(filter.dag_ids, row.info.dag_id) &&
        (filter.rerun_of.empty() || filter.rerun_of == row.rerun_of)) {
      rows.push_back(row);
    }
  }
  const bool ordered =
      Order<RunRow>(rows, page,
                    {{"dag_id", [](const RunRow& row) { return row.info.dag_id; }},
                     {"dag_run_id", [](const RunRow& row) { return row.info.run_id; }},
                     {"conf", [](const RunRow& row) { return std::string(row.info.conf.is_map() ? "0" : "1"); }},
                     {"logical_date", [](const RunRow& row) { return Sortable(row.info.logical_date); }},
                     {"run_after", [](const RunRow& row) { return Sortable(row.info.run_after); }},
                     {"start_date", [](const RunRow& row) { return Sortable(row.info.start_date); }}});
  if (!ordered) return kBadOrder;
  return Cut(std::move(rows), page);
}

Result<RunRow> FakeCatalog::Run(const std::string& dag_id, const std::string& run_id) {
  const std::scoped_lock lock(mutex_);
  if (broken) return *broken;
  for (const RunRow& row : runs) {
    if (row.info.dag_id == dag_id && row.info.run_id == run_id) return row;
  }
  return NotFound("The DagRun with dag_id: `" + dag_id + "` and run_id: `" + run_id + "`");
}

Result<Listing<TaskInstanceRow>> FakeCatalog::TaskInstances(const TaskFilter& filter, const Page& page) {
  const std::scoped_lock lock(mutex_);
  if (broken) return *broken;
  tasks_asked = filter;
  std::vector<TaskInstanceRow> rows;
  for (const TaskInstanceRow& row : instances) {
    if (IsFor(page, row.dag_id) && (filter.dag_id == "~" || filter.dag_id == row.dag_id) &&
        (filter.run_id == "~" || filter.run_id == row.run_id) &&
        (filter.task_id.empty() || filter.task_id == row.task_id) && Has(filter.dag_ids, row.dag_id) &&
        Has(filter.run_ids, row.run_id) && Has(filter.task_ids, row.task_id) && !filter.nothing &&
        (!filter.map_index || *filter.map_index == row.map_index) && Has(filter.states, ToString(row.state))) {
      rows.push_back(row);
    }
  }
  const auto begun = [](const TaskInstanceRow& row) { return row.start_date ? FormatInstant(*row.start_date) : ""; };
  if (!Order<TaskInstanceRow>(
          rows, page, {{"map_index", [](const TaskInstanceRow&) { return std::string(); }}, {"start_date", begun}}))
    return kBadOrder;
  return Cut(std::move(rows), page);
}

Result<std::vector<TaskInstanceRow>> FakeCatalog::Tries(const std::string&, const std::string&,
                                                        const std::string& task_id, std::int32_t) {
  const std::scoped_lock lock(mutex_);
  if (broken) return *broken;
  return tries[task_id];
}

Result<Listing<ImportErrorRow>> FakeCatalog::ImportErrors(const Page& page) {
  const std::scoped_lock lock(mutex_);
  if (broken) return *broken;
  return Cut(import_errors, page);
}

Result<RunLinks> FakeCatalog::Links(const RunInfo& run) {
  const std::scoped_lock lock(mutex_);
  if (broken) return *broken;
  return links[run.run_id];
}

Result<RunHistory> FakeCatalog::History(const std::string& dag_id, const std::string& run_id) {
  if (const Result<RunRow> run = Run(dag_id, run_id); !run.ok()) return run.error();
  const std::scoped_lock lock(mutex_);
  return histories[run_id];
}

Result<DagSource> FakeCatalog::Source(VersionId) {
  if (broken) return *broken;
  DagSource source;
  source.document = "dag_id: sales\n";
  return source;
}

Result<Value> FakeCatalog::Outputs(RunId, const std::string& task_id, std::int32_t) {
  const std::scoped_lock lock(mutex_);
  if (broken) return *broken;
  return outputs[task_id];
}

Result<RunRow> FakeCatalog::Trigger(const TriggerRequest& request) {
  if (broken) return *broken;
  if (Result<DagRow> dag = Dag(request.dag_id); !dag.ok()) return dag.error();
  {
    const std::scoped_lock lock(mutex_);
    for (const RunRow& row : runs) {
      if (row.info.dag_id != request.dag_id) continue;
      const bool same_date =
          request.rerun_of.empty() && request.logical_date && row.info.logical_date == request.logical_date;
      if (row.info.run_id == request.run_id || same_date)
        return Error{ErrorCode::kConflict, "there is such a run already", ""};
    }
    triggers.push_back(request);
  }
  const std::string run_id = request.run_id.empty() ? "manual__" + FormatIso(request.run_after) : request.run_id;
  AddRun(request.dag_id, run_id, RunState::kQueued, [&](RunRow& row) {
    row.info.logical_date = request.logical_date;
    row.info.interval = request.interval;
    row.info.run_after = request.run_after;
    row.info.queued_at = request.run_after;
    row.info.conf = request.conf;
    row.note = request.note;
    row.triggering_user = request.who;
    row.triggered_by = request.triggered_by;
    row.rerun_of = request.rerun_of;
  });
  if (request.entry) {
    TrailEntry entry = *request.entry;
    entry.run_id = run_id;
    if (const Status added = memory_trail.Add({entry}); !added.ok()) return added.error();
  }
  return runs.back();
}

Result<Listing<PoolRow>> FakeCatalog::Pools(const TextSearch& name, const Page& page) {
  if (broken) return *broken;
  std::vector<PoolRow> found;
  for (const PoolRow& row : pools) {
    if (Matches(row.name, name.pattern) && row.name.starts_with(name.prefix)) found.push_back(row);
  }
  return Cut(std::move(found), page);
}

Result<PoolRow> FakeCatalog::Pool(const std::string& name) {
  if (broken) return *broken;
  for (const PoolRow& row : pools) {
    if (row.name == name) return row;
  }
  return Error{ErrorCode::kNotFound, "The Pool with name: `" + name + "` was not found", ""};
}

Result<Listing<BackfillRow>> FakeCatalog::Backfills(const std::string& dag_id, const Page& page) {
  if (broken) return *broken;
  std::vector<BackfillRow> found;
  for (const BackfillRow& row : backfills) {
    if (dag_id == "~" || row.dag_id == dag_id) found.push_back(row);
  }
  return Cut(found, page);
}

Result<BackfillRow> FakeCatalog::Backfill(BackfillId id) {
  if (broken) return *broken;
  for (const BackfillRow& row : backfills) {
    if (row.id == id) return row;
  }
  return Error{ErrorCode::kNotFound, "Backfill was not found", ""};
}

Result<BackfillProgress> FakeCatalog::ProgressOf(BackfillId, std::int64_t) {
  if (broken) return *broken;
  return progress;
}

Result<std::vector<DeadlineRow>> FakeCatalog::Deadlines(RunId) {
  if (broken) return *broken;
  return deadlines;
}

Result<Listing<DagEventRow>> FakeCatalog::DagHistory(const std::string&, const Page&) {
  if (broken) return *broken;
  return Listing<DagEventRow>{dag_events, static_cast<std::int64_t>(dag_events.size())};
}

Result<std::vector<ExistingRun>> FakeCatalog::RunsBetween(const std::string& dag_id, Instant from, Instant to) {
  if (broken) return *broken;
  std::vector<ExistingRun> found;
  for (const RunRow& row : runs) {
    const auto& date = row.info.logical_date;
    if (row.info.dag_id == dag_id && date && *date >= from && *date <= to)
      found.push_back(ExistingRun{row.info.id, *date, row.info.state});
  }
  return found;
}

Result<CommandDone> FakeCatalog::Execute(const Command& command, Micros) {
  if (broken) return *broken;
  commands.push_back(command);
  if (!leader) return Error{ErrorCode::kUnavailable, "no scheduler is leading", ""};
  return leader(command);
}

Result<Health> FakeCatalog::CheckHealth() {
  if (broken) return *broken;
  return health;
}

Result<std::optional<UserRow>> FakeCatalog::FindUser(const std::string& name) {
  const std::scoped_lock lock(mutex_);
  if (broken) return *broken;
  for (UserRow& user : users) {
    if (user.name != name) continue;
    std::optional<UserRow> found(user);
    if (after_lookup) after_lookup(user);
    return found;
  }
  return std::optional<UserRow>();
}

Status FakeCatalog::AddUser(const UserRow& user) {
  const std::scoped_lock lock(mutex_);
  if (broken) return *broken;
  users.push_back(user);
  users.back().id = static_cast<std::int64_t>(users.size());
  return Ok();
}

Status FakeCatalog::AddToken(const std::string& token_sha256, const UserRow& user, Instant) {
  const std::scoped_lock lock(mutex_);
  if (broken) return *broken;
  for (const UserRow& row : users) {
    if (row.id != user.id || row.disabled || row.password_hash != user.password_hash) continue;
    tokens[token_sha256] = row.name;
    return Ok();
  }
  return Error{ErrorCode::kNotAllowed, "not any more", ""};
}

}  // namespace pipelined::testing
