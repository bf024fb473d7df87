#include "store/new_run.h"

#include <fmt/format.h>

#include <algorithm>

#include "pipelined/base/clock.h"
#include "pipelined/schema/json.h"
#include "store/arrays.h"
#include "store/codec.h"
#include "store/pg_catalog.h"
#include "store/rows.h"

namespace pipelined {
namespace {

// What may stand in paths, URLs and log folders, as Airflow's default pattern.
bool IsRunId(std::string_view id) {
  return !id.empty() && id.size() <= 250 &&
         std::all_of(id.begin(), id.end(),
                     [](unsigned char c) {
                       return std::isalnum(c) != 0 ||
                              std::string_view("_.~:+-").find(static_cast<char>(c)) != std::string_view::npos;
                     }) &&
         id != "." && id != "..";
}

std::optional<std::int64_t> MicrosOf(const std::optional<Instant>& instant) {
  return instant ? std::optional<std::int64_t>(ToMicros(*instant)) : std::nullopt;
}

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

constexpr const char* kNewRun =
    "with r as (insert into dag_run (dag_id, version_id, run_id, type, state, logical_date, "
    "interval_start, interval_end, run_after, queued_at, conf, "
    "note, triggering_user, triggered_by, rerun_of) select d.dag_id, d.version_id, $2, 'manual', 'queued', "
    "at_micros($3::bigint), at_micros($4::bigint), "
    "at_micros($5::bigint), at_micros($6::bigint), clock_timestamp(), $7::json, $8, $9, $10, nullif($11, '') "
    "from dag d where d.dag_id = $1 returning *)";

constexpr const char* kMadeRun =
    " select " PIPELINED_RUN_COLUMNS
    ", v.number, r.triggered_by, r.triggering_user, r.note, micros(v.created_at), "
    "pg_notify(current_schema(), 'r' || r.id), coalesce(r.rerun_of, '') from r join dag_version v on v.id = "
    "r.version_id";

// What the audit trail and the log of events say of it, in the one statement that makes the run.
constexpr const char* kTold =
    ", told as (insert into audit (kind, who, via, address, request_id, agent, operation, method, path, dag_id, "
    "run_id, status, after) select 'change', $12, $13, $14, $15, $16, $17, $18, $19, r.dag_id, r.run_id, $20::integer, "
    "$21::json from r), seen as (insert into event (at, who, kind, run_id, new_state, why) select clock_timestamp(), "
    "$12, 'command', r.id, $17, '{}' from r)";

// `insert(name, text, more...)` runs the statement with the values of the run and these behind them.
template <class Insert>
pqxx::result InsertTold(const Insert& insert, const TrailEntry& entry) {
  const TrailOutcome none;
  const TrailOutcome& outcome = entry.outcome ? *entry.outcome : none;
  const auto after =
      outcome.after.is_null() ? std::nullopt : std::optional<std::string>(CleanText(ToJson(outcome.after)));
  return insert("trigger_told", std::string(kNewRun) + kTold + kMadeRun, CleanText(entry.who), CleanText(entry.via),
                CleanText(entry.address), CleanText(entry.request_id), CleanText(entry.agent),
                CleanText(entry.operation), CleanText(entry.method), CleanText(entry.path), outcome.status, after);
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

Result<RunRow> InsertRun(Session& session, pqxx::transaction_base& transaction, const TriggerRequest& request,
                         const std::string& run_id) {
  const auto start = request.interval ? std::optional(request.interval->start) : std::nullopt;
  const auto end = request.interval ? std::optional(request.interval->end) : std::nullopt;
  const std::optional<std::string> conf = request.conf.is_null() ? std::nullopt : std::optional(ToJson(request.conf));
  const auto insert = [&](const std::string& name, const std::string& text, const auto&... more) {
    return session.In(transaction, name, text, CleanText(request.dag_id), run_id, MicrosOf(request.logical_date),
                      MicrosOf(start), MicrosOf(end), ToMicros(request.run_after), conf, CleanText(request.note),
                      CleanText(request.who), CleanText(request.triggered_by), CleanText(request.rerun_of), more...);
  };
  const pqxx::result made =
      request.entry ? InsertTold(insert, *request.entry) : insert("trigger", std::string(kNewRun) + kMadeRun);
  if (made.empty())
    return Error{ErrorCode::kNotFound, fmt::format("The Dag with ID: `{}` was not found", request.dag_id), ""};
  RunRow run;
  run.info = ReadRun(made[0]);
  run.version_number = made[0][kRunColumns].as<std::int32_t>();
  run.triggered_by = made[0][kRunColumns + 1].c_str();
  run.triggering_user = made[0][kRunColumns + 2].c_str();
  run.note = made[0][kRunColumns + 3].c_str();
  run.version_created = ReadInstant(made[0][kRunColumns + 4]);
  run.rerun_of = made[0][kRunColumns + 6].c_str();
  return run;
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
  return pool_.With("trigger a run", [&](Session& session) -> Result<RunRow> {
    try {
      pqxx::nontransaction transaction(session.raw());
      return InsertRun(session, transaction, request, *run_id);
    } catch (const pqxx::unique_violation& e) {
      return ExistsAlready(request, *run_id, e.what());
    }
  });
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
