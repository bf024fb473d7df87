#include "store/new_run.h"

#include <fmt/format.h>

#include "pipelined/base/clock.h"
#include "pipelined/base/run_id.h"
#include "pipelined/schema/json.h"
#include "store/arrays.h"
#include "store/codec.h"
#include "store/pg_catalog.h"
#include "store/rows.h"

namespace pipelined {
namespace {

std::optional<CommandDone> ResultOf(Session& session, std::int64_t id) {
  const pqxx::result found =
      session.Run("command_result",
                  "select error, error_code, result::text from command where id = $1 and done_at is not null", id);
  if (found.empty()) return std::nullopt;
  CommandDone done;
  done.id = CommandId{id};
  done.error = found[0][0].c_str();
  done.error_code = static_cast<ErrorCode>(found[0][1].as<int>());
  done.result = ReadJson(found[0][2]);
  return done;
}

// One row each, whose `told` is null when the trail is not to be told. DAGs and versions are looked up row by row, by
// their keys: the planner takes such a list for a long one.
constexpr const char* kNewRuns =
    "with a as materialized (select * from json_to_recordset($1::json) as t (n integer, dag_id text, run_id text, "
    "logical_date bigint, interval_start bigint, interval_end bigint, run_after bigint, conf json, note text, who "
    "text, "
    "triggered_by text, rerun_of text, told json)), "
    "r as (insert into dag_run (dag_id, version_id, run_id, type, state, logical_date, interval_start, interval_end, "
    "run_after, queued_at, conf, note, triggering_user, triggered_by, rerun_of) "
    "select d.dag_id, d.version_id, a.run_id, 'manual', 'queued', at_micros(a.logical_date), "
    "at_micros(a.interval_start), at_micros(a.interval_end), at_micros(a.run_after), clock_timestamp(), a.conf, "
    "a.note, "
    "a.who, a.triggered_by, nullif(a.rerun_of, '') from a cross join lateral (select d.dag_id, d.version_id from dag d "
    "where d.dag_id = a.dag_id offset 0) d returning *), "
    // What the audit trail and the log of events say of it.
    "t as (select r.id, r.dag_id, r.run_id, t.* from a join r using (dag_id, run_id) cross join lateral "
    "json_to_record(a.told) as t (who text, via text, address text, request_id text, agent text, operation text, "
    "method "
    "text, path text, status integer, after json) where a.told is not null), "
    "trail as (insert into audit (kind, who, via, address, request_id, agent, operation, method, path, dag_id, run_id, "
    "status, after) select 'change', t.who, t.via, t.address, t.request_id, t.agent, t.operation, t.method, t.path, "
    "t.dag_id, t.run_id, t.status, t.after from t), "
    "history as (insert into event (at, who, kind, run_id, new_state, why) select clock_timestamp(), t.who, 'command', "
    "t.id, t.operation, '{}' from t) "
    "select " PIPELINED_RUN_COLUMNS
    ", v.number, r.triggered_by, r.triggering_user, r.note, micros(v.created_at), coalesce(r.rerun_of, ''), a.n, "
    "(select pg_notify(current_schema(), 'r' || string_agg(r.id::text, ',')) from r) "
    "from r join a using (dag_id, run_id) cross join lateral (select v.number, "
    "v.created_at from dag_version v where v.id = r.version_id offset 0) v";

Value Micro(const std::optional<Instant>& instant) {
  return instant ? Value(ToMicros(*instant)) : Value();
}

Value Told(const TrailEntry& entry) {
  const TrailOutcome none;
  const TrailOutcome& outcome = entry.outcome ? *entry.outcome : none;
  return Value::Map{{"who", CleanText(entry.who)},
                    {"via", CleanText(entry.via)},
                    {"address", CleanText(entry.address)},
                    {"request_id", CleanText(entry.request_id)},
                    {"agent", CleanText(entry.agent)},
                    {"operation", entry.operation},
                    {"method", entry.method},
                    {"path", CleanText(entry.path)},
                    {"status", outcome.status},
                    {"after", outcome.after}};
}

Value RowOf(const TriggerRequest& request, const std::string& run_id, std::size_t n) {
  return Value::Map{{"n", static_cast<std::int64_t>(n)},
                    {"dag_id", CleanText(request.dag_id)},
                    {"run_id", run_id},
                    {"logical_date", Micro(request.logical_date)},
                    {"interval_start", request.interval ? Value(ToMicros(request.interval->start)) : Value()},
                    {"interval_end", request.interval ? Value(ToMicros(request.interval->end)) : Value()},
                    {"run_after", ToMicros(request.run_after)},
                    {"conf", request.conf},
                    {"note", CleanText(request.note)},
                    {"who", CleanText(request.who)},
                    {"triggered_by", CleanText(request.triggered_by)},
                    {"rerun_of", CleanText(request.rerun_of)},
                    {"told", request.entry ? Told(*request.entry) : Value()}};
}

RunRow ReadMade(const pqxx::row& row) {
  RunRow run;
  run.info = ReadRun(row);
  run.version_number = row[kRunColumns].as<std::int32_t>();
  run.triggered_by = row[kRunColumns + 1].c_str();
  run.triggering_user = row[kRunColumns + 2].c_str();
  run.note = row[kRunColumns + 3].c_str();
  run.version_created = ReadInstant(row[kRunColumns + 4]);
  run.rerun_of = row[kRunColumns + 5].c_str();
  return run;
}

}  // namespace

Error ExistsAlready(const TriggerRequest& request, const std::string& run_id, std::string_view detail) {
  const bool date = detail.find("dag_run_logical_date") != std::string_view::npos;
  return Error{ErrorCode::kConflict,
               date ? fmt::format("DAG {} has a run of the logical date {} already", request.dag_id,
                                  FormatInstant(*request.logical_date))
                    : fmt::format("DAG {} has a run {} already", request.dag_id, run_id),
               ""};
}

Result<std::string> RunIdOf(const TriggerRequest& request) {
  const std::string run_id = !request.run_id.empty()
                                 ? request.run_id
                                 : "manual__" + FormatIso(request.logical_date.value_or(request.run_after));
  if (IsRunId(run_id)) return run_id;
  return Error{
      ErrorCode::kInvalid,
      fmt::format("the run id \"{}\" has characters that a run id may not have, or is too long", CleanText(run_id)),
      "use up to 250 letters, digits and _ . ~ : + -"};
}

std::vector<Result<RunRow>> InsertRuns(Session& session, pqxx::transaction_base& transaction,
                                       const std::vector<WantedRun>& wanted) {
  Value::List rows;
  std::vector<Result<RunRow>> made;
  for (const WantedRun& run : wanted) {
    rows.push_back(RowOf(run.request, run.run_id, made.size()));
    made.emplace_back(
        Error{ErrorCode::kNotFound, fmt::format("The Dag with ID: `{}` was not found", run.request.dag_id), ""});
  }
  for (const pqxx::row& row : session.In(transaction, "trigger", kNewRuns, ToJson(Value(std::move(rows)))))
    made[row[kRunColumns + 6].as<std::size_t>()] = ReadMade(row);
  return made;
}

std::int64_t FileCommand(Session& session, pqxx::transaction_base& transaction, const Command& command) {
  const CommandText text = EncodeCommand(command);
  const pqxx::result filed =
      session.In(transaction, "file_command",
                 "with c as (insert into command (who, what, payload) values ($1, $2, $3::json) returning id) "
                 "select id, pg_notify(current_schema(), 'c' || id) from c",
                 CleanText(command.who), text.what, text.payload);
  return filed[0][0].as<std::int64_t>();
}

Result<CommandDone> AwaitCommand(Session& session, std::int64_t id, Micros patience) {
  const Micros give_up = SystemClock().Monotonic() + patience;
  for (;;) {
    if (auto done = ResultOf(session, id)) return std::move(*done);
    const Micros left = give_up - SystemClock().Monotonic();
    if (left <= Micros(0)) break;
    session.raw().await_notification(left.count() / 1'000'000, left.count() % 1'000'000);
  }
  return Error{ErrorCode::kUnavailable,
               fmt::format("command {} waits: no scheduler took it within {}", id, FormatDuration(patience)),
               "it stays filed and is carried out once a scheduler leads"};
}

Result<RunRow> PgCatalog::Trigger(const TriggerRequest& request) {
  const Result<std::string> run_id = RunIdOf(request);
  if (!run_id.ok()) return run_id.error();
  return triggers_.Ask(WantedRun{request, *run_id});
}

// Where one of them stands in the way of all, each is made alone: the answer is then about that one.
std::vector<Result<RunRow>> PgCatalog::MakeRuns(const std::vector<WantedRun>& wanted) {
  using Made = std::vector<Result<RunRow>>;
  const Result<Made> made = pool_.With("trigger a run", [&](Session& session) -> Result<Made> {
    try {
      pqxx::nontransaction transaction(session.raw());
      return InsertRuns(session, transaction, wanted);
    } catch (const pqxx::unique_violation& e) {
      if (wanted.size() > 1) return Made{};
      return ExistsAlready(wanted.front().request, wanted.front().run_id, e.what());
    }
  });
  if (!made.ok()) return Made(wanted.size(), made.error());
  if (!made->empty()) return *made;
  Made apart;
  for (const WantedRun& one : wanted) apart.push_back(MakeRuns({one}).front());
  return apart;
}

// Listens first, files then: the answer cannot be missed.
Result<CommandDone> PgCatalog::Execute(const Command& command, Micros patience) {
  return pool_.With("carry out a command", [&](Session& session) -> Result<CommandDone> {
    const DoneListener listener(session, options_.schema);
    std::int64_t id = 0;
    {
      pqxx::nontransaction transaction(session.raw());
      id = FileCommand(session, transaction, command);
    }
    return AwaitCommand(session, id, patience);
  });
}

}  // namespace pipelined
