// Leadership, loading and looking for news. Committing is in pg_commit.cc.
#include "store/pg_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "pipelined/base/log.h"
#include "store/arrays.h"
#include "store/outputs.h"
#include "store/backfill_rows.h"
#include "store/deadline_rows.h"
#include "store/codec.h"
#include "store/limit_rows.h"
#include "store/pg_with.h"
#include "store/rows.h"
#include "store/steering_rows.h"
#include "store/wait_rows.h"

namespace pipelined {
namespace {

// A notification can only be missed through a bug or a server's crash: the scan behind it is a net, not a poll.
constexpr Micros kScanInterval = std::chrono::minutes(1);

// Of "r12,13": 12 and 13.
std::vector<std::int64_t> IdsIn(const std::string& payload) {
  std::vector<std::int64_t> ids;
  for (const char* at = payload.c_str(); *at != '\0';) {
    char* end = nullptr;
    const std::int64_t id = std::strtoll(at + 1, &end, 10);  // behind the letter, and behind each comma
    if (id <= 0) break;
    ids.push_back(id);
    at = end;
  }
  return ids;
}

void CheckLease(pqxx::transaction_base& transaction, Session& session, const Lease& lease, const std::string& holder) {
  const pqxx::result held = session.In(
      transaction, "held", "select from lease where shard = 0 and epoch = $1 and holder = $2", lease.epoch, holder);
  if (held.empty()) throw StaleRow(fmt::format("epoch {} no longer leads", lease.epoch));
}

}  // namespace

void PgStore::Connect() {
  if (session_ != nullptr && !session_->HungUp()) return;
  Disconnect();
  listening_ = std::make_unique<Session>(options_, "pipelined listener");
  listener_ = std::make_unique<Listener>(listening_->raw(), options_.schema);
  listening_->raw().activate();
  session_ = std::make_unique<Session>(options_, "pipelined scheduler");
  // The plans of a turn are made once and hold for every size of the tables: index lookups for each row of unnest().
  // What the planner would choose on an empty table is a disaster on a full one.
  pqxx::nontransaction(session_->raw())
      .exec(
          "set plan_cache_mode to force_generic_plan; set enable_seqscan to off; set enable_hashjoin to off; set "
          "enable_mergejoin to off; "
          "set enable_bitmapscan to off; set enable_material to off");
}

void PgStore::Disconnect() {
  listener_.reset();
  listening_.reset();
  session_.reset();
  runs_out_.clear();
  commands_out_.clear();
  scanned_.reset();
}

Micros PgStore::TrustedUntil(Micros asked) const {
  return asked + ttl_ - std::min<Micros>(ttl_ / 5, std::chrono::seconds(2));
}

Result<std::optional<Lease>> PgStore::Acquire(const std::string& holder, Micros ttl) {
  return Guard("take the lease", [&]() -> Result<std::optional<Lease>> {
    try {
      Connect();
      const Micros asked = clock_.Monotonic();
      const pqxx::result taken =
          session_->Run("acquire",
                        "update lease set holder = $1, epoch = epoch + 1, renewed_at = clock_timestamp(), "
                        "expires_at = clock_timestamp() + $2 * interval '1 microsecond' "
                        "where shard = 0 and (expires_at < clock_timestamp() or holder = $1) returning epoch",
                        holder, static_cast<std::int64_t>(ttl.count()));
      if (taken.empty()) return std::optional<Lease>();
      holder_ = holder;
      ttl_ = ttl;
      session_->Run("partitions", "select ensure_event_partitions(), ensure_audit_partitions()");
      return std::optional<Lease>(Lease{taken[0][0].as<std::int64_t>(), TrustedUntil(asked)});
    } catch (const pqxx::broken_connection&) {
      Disconnect();
      throw;
    }
  });
}

Status PgStore::Renew(Lease& lease) {
  return With("renew the lease", [&]() -> Status {
    const Micros asked = clock_.Monotonic();
    const pqxx::result kept = session_->Run("renew",
                                            "update lease set renewed_at = clock_timestamp(), expires_at = "
                                            "clock_timestamp() + $3 * interval '1 microsecond' "
                                            "where shard = 0 and epoch = $1 and holder = $2",
                                            lease.epoch, holder_, static_cast<std::int64_t>(ttl_.count()));
    if (kept.affected_rows() == 0) throw StaleRow(fmt::format("epoch {} no longer leads", lease.epoch));
    lease.trusted_until = TrustedUntil(asked);
    return Ok();
  });
}

Status PgStore::Release(const Lease& lease) {
  return With("give the lease back", [&]() -> Status {
    const pqxx::result given = session_->Run(
        "release", "update lease set expires_at = '-infinity' where shard = 0 and epoch = $1 and holder = $2",
        lease.epoch, holder_);
    if (given.affected_rows() == 0) throw StaleRow(fmt::format("epoch {} no longer leads", lease.epoch));
    return Ok();
  });
}

Result<Snapshot> PgStore::Load(const Lease& lease) {
  return Guard("load what is stored", [&]() -> Result<Snapshot> {
    try {
      Connect();
      runs_out_.clear();
      commands_out_.clear();
      scanned_.reset();
      Snapshot snapshot;
      pqxx::transaction<pqxx::repeatable_read> transaction(session_->raw());
      transaction.exec(
          "set local enable_seqscan to on; set local enable_hashjoin to on; set local enable_mergejoin to on; set "
          "local enable_bitmapscan to on");
      CheckLease(transaction, *session_, lease, holder_);
      for (const pqxx::row& row : transaction.exec("select " PIPELINED_DAG_COLUMNS " from dag d order by d.dag_id"))
        snapshot.dags.push_back(ReadDag(row));
      for (const pqxx::row& row : transaction.exec("select name, slots, include_deferred from pool order by name")) {
        snapshot.pools.push_back(PoolChanged{row[0].c_str(), row[1].as<std::int32_t>(), row[2].as<bool>()});
      }
      snapshot.backfills = LoadBackfills(transaction);
      LoadRuns(transaction, snapshot);
      snapshot.attempts = LoadAttempts(transaction);
      snapshot.rates = LoadRates(transaction);
      const pqxx::row last = transaction.exec1(
          "select greatest(last_attempt_id, (select max(id) from attempt)), greatest(last_backfill_id, (select max(id) "
          "from backfill)) from lease where shard = 0");
      snapshot.last = LastIds{AttemptId{last[0].as<std::int64_t>()}, BackfillId{last[1].as<std::int64_t>()}};
      transaction.commit();
      return snapshot;
    } catch (const pqxx::broken_connection&) {
      Disconnect();
      throw;
    }
  });
}

void PgStore::LoadRuns(pqxx::transaction_base& transaction, Snapshot& snapshot) {
  std::unordered_map<std::int64_t, std::size_t> places;
  ArrayText ids;
  for (const pqxx::row& row :
       transaction.exec("select " PIPELINED_RUN_COLUMNS
                        " from dag_run r where r.state = 'queued' or r.state = 'running' order by r.id")) {
    snapshot.runs.push_back(RestoredRun{ReadRun(row), {}, {}});
    const RunInfo& run = snapshot.runs.back().run;
    if (run.state == RunState::kQueued) runs_out_.insert(run.id.value);
    places[run.id.value] = snapshot.runs.size() - 1;
    ids.Add(run.id.value);
  }
  if (places.empty()) return;
  for (const pqxx::row& row :
       transaction.exec_params("select run_id, " PIPELINED_TASK_COLUMNS
                               " from task_instance i where run_id = any ($1) order by run_id, task_no, map_index",
                               ids.text())) {
    snapshot.runs[places.at(row[0].as<std::int64_t>())].tasks.push_back(ReadTask(row, 1));
  }
  for (const pqxx::row& row : transaction.exec_params(
           "select run_id, task_no, length, stale from task_map where run_id = any ($1) order by run_id, task_no",
           ids.text())) {
    snapshot.runs[places.at(row[0].as<std::int64_t>())].lengths.push_back(
        StoredLength{row[1].as<TaskNo>(), row[2].as<std::uint32_t>(), row[3].as<bool>()});
  }
  ReadDeadlines(transaction, *session_, snapshot.runs);
  ReadWaits(transaction, snapshot.runs);
}

// --- news
// -------------------------------------------------------------------------------------------------------------------

struct PgStore::Wanted {
  ArrayText runs, commands;
};

bool PgStore::ScanDue() const {
  return !scanned_ || clock_.Monotonic() - *scanned_ >= kScanInterval;
}

// What was notified is read by its id. Everything that waits is looked through only after (re)connecting and once a
// minute: ids become visible out of order, so that no high-water mark would do, and the backlog may be long.
Result<Inbox> PgStore::Poll() {
  return With("look for news", [&]() -> Result<Inbox> {
    if (listening_->HungUp()) throw pqxx::broken_connection("the listening connection broke");
    Wanted wanted;
    for (const std::string& payload : std::exchange(listener_->payloads, {})) {
      for (const std::int64_t id : IdsIn(payload)) {
        if (payload[0] == 'r' && !runs_out_.contains(id)) wanted.runs.Add(id);
        if (payload[0] == 'c' && !commands_out_.contains(id)) wanted.commands.Add(id);
      }
    }
    if (ScanDue()) {
      wanted = Wanted{};
      for (const pqxx::row& row : session_->Run("queued", "select id from dag_run where state = 'queued'")) {
        if (const auto id = row[0].as<std::int64_t>(); !runs_out_.contains(id)) wanted.runs.Add(id);
      }
      for (const pqxx::row& row : session_->Run("waiting", "select id from command where done_at is null")) {
        if (const auto id = row[0].as<std::int64_t>(); !commands_out_.contains(id)) wanted.commands.Add(id);
      }
      scanned_ = clock_.Monotonic();
    }
    return Read(std::move(wanted));
  });
}

Inbox PgStore::Read(Wanted wanted) {
  Inbox inbox;
  if (!wanted.runs.empty()) {
    for (const pqxx::row& row :
         session_->Run("new_runs",
                       "select " PIPELINED_RUN_COLUMNS
                       " from dag_run r where r.id = any ($1) and r.state = 'queued' order by r.id",
                       wanted.runs.text())) {
      inbox.runs.push_back(ReadRun(row));
      runs_out_.insert(inbox.runs.back().id.value);
    }
  }
  if (!wanted.commands.empty()) {
    for (const pqxx::row& row : session_->Run(
             "new_commands",
             "select id, who, what, payload::text from command where id = any ($1) and done_at is null order by id",
             wanted.commands.text())) {
      auto command =
          DecodeCommand(CommandId{row[0].as<std::int64_t>()}, row[1].c_str(), row[2].c_str(), row[3].c_str());
      if (!command) {  // written by another version: it stays filed, and holds up nobody
        log::Error("command {} cannot be read: {}", row[0].c_str(), command.error().message);
        commands_out_.insert(row[0].as<std::int64_t>());
        continue;
      }
      commands_out_.insert(command->id.value);
      inbox.commands.push_back(std::move(*command));
    }
  }
  return inbox;
}

Result<DagSource> PgStore::LoadVersion(VersionId version) {
  return With("read a DAG version", [&]() -> Result<DagSource> {
    const pqxx::result found =
        session_->Run("version", "select source::text from dag_version where id = $1", version.value);
    if (found.empty()) return Error{ErrorCode::kNotFound, fmt::format("there is no DAG version {}", version.value), ""};
    return DecodeSource(found[0][0].c_str());
  });
}

Result<Value> PgStore::Outputs(RunId run, const std::vector<std::string>& task_ids, const OwnInstance& own) {
  return With("read outputs", [&]() -> Result<Value> {
    Value outputs{Value::Map{}};
    const pqxx::result found =
        session_->Run("outputs",
                      "select t.task_id, x.key, x.value::text, x.map_index >= 0 and t.task_id <> all ($4) "
                      "from dag_run r "
                      "join dag_version_task t on t.version_id = r.version_id and t.task_id = any ($2) "
                      "join xcom x on x.run_id = r.id and x.task_no = t.task_no "
                      "where r.id = $1 and (x.map_index = -1 or x.map_index = $3 or t.task_id <> all ($4)) "
                      "order by t.task_id collate \"C\", x.key collate \"C\", x.map_index",
                      run.value, TextArray(task_ids), own.map_index, TextArray(own.tasks));
    for (const pqxx::row& row : found) {
      Value::Map& all = outputs.map();
      if (all.empty() || all.back().first != row[0].c_str()) all.emplace_back(row[0].c_str(), Value(Value::Map{}));
      AddOutput(all.back().second.map(), row[1].c_str(), ReadJson(row[2]), row[3].as<bool>());
    }
    return outputs;
  });
}

Result<std::optional<PreviousRun>> PgStore::PreviousSuccess(const RunInfo& run) {
  if (!run.logical_date) return std::optional<PreviousRun>();
  return With("read the run before", [&]() -> Result<std::optional<PreviousRun>> {
    const pqxx::result found = session_->Run(
        "previous_success",
        "select micros(interval_start), micros(interval_end), micros(start_date), micros(end_date) from dag_run "
        "where dag_id = $1 and logical_date < at_micros($2) and state = 'success' and rerun_of is null order by "
        "logical_date desc limit 1",
        CleanText(run.dag_id), ToMicros(*run.logical_date));
    if (found.empty()) return std::optional<PreviousRun>();
    return std::optional(
        PreviousRun{ReadInterval(found[0][0], found[0][1]), ReadInstant(found[0][2]), ReadInstant(found[0][3])});
  });
}

// --- backfills
// ---------------------------------------------------------------------------------------------------------------

Result<std::optional<StoredDag>> PgStore::FindDag(const std::string& dag_id) {
  return With("read a DAG", [&]() -> Result<std::optional<StoredDag>> {
    const pqxx::result found =
        session_->Run("find_dag", "select " PIPELINED_DAG_COLUMNS " from dag d where d.dag_id = $1", CleanText(dag_id));
    return found.empty() ? std::optional<StoredDag>() : std::optional(ReadDag(found[0]));
  });
}

Result<std::vector<ExistingRun>> PgStore::RunsBetween(const std::string& dag_id, Instant from, Instant to) {
  return With("read the runs of a range",
              [&]() -> Result<std::vector<ExistingRun>> { return ReadRunsBetween(*session_, dag_id, from, to); });
}

Result<std::vector<RestoredRun>> PgStore::RunsChosen(const RunChoice& choice, std::size_t most) {
  return With("read the runs that were chosen",
              [&]() -> Result<std::vector<RestoredRun>> { return ReadRunsChosen(*session_, choice, most); });
}

Result<std::vector<std::optional<RunSeen>>> PgStore::LookAtRuns(const std::vector<RunQuestion>& questions) {
  return With("look at runs",
              [&]() -> Result<std::vector<std::optional<RunSeen>>> { return ReadRunsSeen(*session_, questions); });
}

Result<std::optional<FoundRun>> PgStore::FindRun(const std::string& dag_id, const std::string& run_id,
                                                 const std::optional<Instant>& logical_date) {
  return With("look for a run", [&]() -> Result<std::optional<FoundRun>> {
    // Two looks into an index each: an `or` would walk through all runs of the DAG.
    const pqxx::result rows = session_->Run(
        "find_run",
        "(select " PIPELINED_RUN_COLUMNS
        ", 0 as place from dag_run r where r.dag_id = $1 and r.run_id = $2) union all "
        "(select " PIPELINED_RUN_COLUMNS
        ", 1 from dag_run r where r.dag_id = $1 and r.logical_date = at_micros($3::bigint) and r.rerun_of is null) "
        "order by place limit 1",
        CleanText(dag_id), CleanText(run_id), logical_date ? std::optional(ToMicros(*logical_date)) : std::nullopt);
    if (rows.empty()) return std::optional<FoundRun>();
    const RunInfo run = ReadRun(rows[0]);
    return std::optional(FoundRun{run.id, run.run_id, run.state, run.parent});
  });
}

// --- standing by
// ------------------------------------------------------------------------------------------------------------

Result<std::vector<OpenAttempt>> PgStore::OpenAttempts(const std::string& instance) {
  return With("read the open attempts", [&]() -> Result<std::vector<OpenAttempt>> {
    std::vector<OpenAttempt> open;
    for (const pqxx::row& row : session_->Run(
             "open_attempts", "select id, boot_id from attempt where outcome is null and instance = $1 order by id",
             CleanText(instance))) {
      open.push_back(OpenAttempt{AttemptId{row[0].as<std::int64_t>()}, instance, row[1].c_str()});
    }
    return open;
  });
}

Status PgStore::Report(const std::string& who, const std::vector<AttemptFinished>& ends) {
  return With("report ends", [&]() -> Status {
    for (const AttemptFinished& end : ends) {
      const CommandText text = EncodeCommand(Command{{}, who, ReportEnd{end}});
      session_->Run("report_end",
                    "with c as (insert into command (who, what, payload) values ($1, $2, $3::json) returning id) "
                    "select pg_notify(current_schema(), 'c' || id) from c",
                    CleanText(who), text.what, text.payload);
    }
    return Ok();
  });
}

int PgStore::NotifyFd() const {
  return listening_ == nullptr ? -1 : listening_->fd();
}

std::unique_ptr<Store> MakePgStore(const StoreOptions& options, const Clock& clock) {
  return std::make_unique<PgStore>(options, clock);
}

}  // namespace pipelined
