// Backfills: list, make, try dry, pause, cancel, and how far one has come.
#include <fmt/format.h>

#include <limits>

#include "api/http/body.h"
#include "api/http/errors.h"
#include "api/handlers.h"
#include "api/vault/masking.h"
#include "api/runs/once.h"
#include "api/runs/param_faults.h"
#include "api/http/query.h"
#include "api/shapes.h"

namespace pipelined::api {
namespace {

constexpr std::int64_t kMostActiveRuns = std::numeric_limits<std::int32_t>::max();
constexpr std::int64_t kFailuresShown = 100;

Value BackfillShape(const BackfillRow& row) {
  return Value::Map{{"id", row.id.value},
                    {"dag_id", row.dag_id},
                    {"from_date", FormatInstant(row.range.from)},
                    {"to_date", FormatInstant(row.range.to)},
                    {"dag_run_conf", row.conf},
                    {"is_paused", row.paused},
                    {"reprocess_behavior", ToString(row.range.reprocess)},
                    {"max_active_runs", row.max_active_runs},
                    {"created_at", FormatInstant(row.created_at)},
                    {"completed_at", InstantOrNull(row.completed_at)},
                    {"updated_at", FormatInstant(row.updated_at)},
                    {"dag_display_name", row.dag_id}};
}

// Answers `work` of the id in the path.
template <class Work>
Response WithId(const Call& call, const Work& work) {
  BackfillId id;
  if (auto refusal = ReadPathId("backfill_id", call.Arg("backfill_id"), id.value)) return *std::move(refusal);
  return work(id);
}

// For the audit trail.
Value Facts(const BackfillRow& row) {
  return MaskSecrets(Value::Map{{"from_date", FormatInstant(row.range.from)},
                                {"to_date", FormatInstant(row.range.to)},
                                {"reprocess_behavior", ToString(row.range.reprocess)},
                                {"dag_run_conf", row.conf},
                                {"is_paused", row.paused},
                                {"cancelled", row.cancelled}});
}

Response Show(const Call& call, BackfillId id) {
  const Result<BackfillRow> row = call.catalog().Backfill(id);
  if (!row.ok()) return ErrorResponse(row.error());
  if (call.note != nullptr) call.note->entity = std::to_string(id.value);
  call.After(std::to_string(id.value), Facts(*row));
  return Json(BackfillShape(*row));
}

pipelined::CreateBackfill ReadBody(Body& body) {
  pipelined::CreateBackfill asked;
  body.RequireValue("dag_id");
  body.RequireValue("from_date");
  body.RequireValue("to_date");
  asked.dag_id = body.String("dag_id").value_or("");
  if (const auto from = body.Date("from_date")) asked.range.from = from->instant;
  if (const auto to = body.Date("to_date")) asked.range.to = to->instant;
  asked.range.run_backwards = body.Bool("run_backwards").value_or(false);
  if (const auto words = body.String("reprocess_behavior")) {
    const auto known = ReprocessFromString(*words);
    if (!known) body.RefuseEnum("reprocess_behavior", "'failed', 'completed' or 'none'");
    asked.range.reprocess = known.value_or(Reprocess::kNone);
  }
  asked.max_active_runs = static_cast<std::int32_t>(body.Int("max_active_runs", 1, kMostActiveRuns).value_or(10));
  if (const auto conf = body.Object("dag_run_conf")) asked.conf = *conf;
  // Runs of a backfill always have the DAG's newest version, as with Airflow's local bundles.
  if (body.Bool("run_on_latest_version") == false)
    body.Refuse("run_on_latest_version cannot be false: a backfill runs the newest version of its DAG");
  return asked;
}

// The DAG, when it is there and the conf fits its params.
std::variant<DagRow, Response> FindFor(const Call& call, const pipelined::CreateBackfill& asked) {
  Result<DagRow> dag = call.catalog().Dag(asked.dag_id);
  if (!dag.ok()) return ErrorResponse(dag.error());
  if (dag->stale) return Detail(409, fmt::format("the file of DAG {} is gone", dag->dag_id));
  const Value conf = asked.conf.is_null() ? Value(Value::Map{}) : asked.conf;
  if (const auto faults = ParamFaults(dag->params, conf); !faults.empty())
    return RefuseParams("the backfill was not created: ", faults);
  return std::move(*dag);
}

std::variant<BackfillPlan, Response> Planned(const Call& call, const DagRow& dag, const BackfillRange& range) {
  BackfillFacts facts;
  if (const auto schedule = BackfillSchedule(dag.schedule, range.from, range.to)) {
    facts.slots = call.service.TimetableOf(*schedule);
    if (facts.slots == nullptr) {
      return ErrorResponse(Error{ErrorCode::kUnavailable,
                                 fmt::format("when DAG {} is due cannot be told now", dag.dag_id),
                                 "its time zone or its calendar file cannot be read by the API server"});
    }
  }
  const Instant now = call.service.Now();
  if (const auto first = facts.slots == nullptr ? std::nullopt : facts.slots->Next(std::nullopt, now)) {
    auto existing = call.catalog().RunsBetween(dag.dag_id, first->logical_date, range.to);
    if (!existing.ok()) return ErrorResponse(existing.error());
    facts.existing = std::move(*existing);
  }
  const Result<DagPtr> version = call.service.LoadDag(dag.version);
  facts.depends_on_past = version.ok() && (*version)->depends_on_past;  // the scheduler looks again
  return PlanBackfill(range, facts, now);
}

Response Steer(const Call& call, decltype(Command::what) what, BackfillId id) {
  const Result<BackfillRow> row = call.catalog().Backfill(id);
  if (!row.ok()) return ErrorResponse(row.error());
  if (row->completed_at) return Detail(409, fmt::format("Backfill {} is already completed.", id.value));
  call.Before(std::to_string(id.value), Facts(*row));
  if (auto refusal = Carry(call, Command{{}, {}, std::move(what)})) return *std::move(refusal);
  return Show(call, id);
}

Response SetPaused(const Call& call, bool paused) {
  return WithId(call, [&](BackfillId id) { return Steer(call, pipelined::PauseBackfill{id, paused}, id); });
}

// At the pace of the runs that have ended, what is left takes so long; null before the first end.
Value RemainingSeconds(const BackfillProgress& progress, bool paused, Instant now) {
  const std::int64_t ended = progress.success + progress.failed;
  const std::int64_t left = progress.waiting + progress.queued + progress.running;
  if (left == 0) return 0.0;
  if (paused || ended == 0 || !progress.first_start) return {};
  // Until the last end: a paused DAG, or a server that is down, must not make the pace look slower and slower.
  const double elapsed = std::chrono::duration<double>(progress.last_end.value_or(now) - *progress.first_start).count();
  return elapsed / static_cast<double>(ended) * static_cast<double>(left);
}

Value ProgressShape(const BackfillRow& row, const BackfillProgress& progress, Instant now) {
  Value::List failures;
  for (const BackfillProgress::Failure& failure : progress.failures) {
    Value::List tasks(failure.failed_tasks.begin(), failure.failed_tasks.end());
    failures.emplace_back(Value::Map{{"dag_run_id", failure.run_id},
                                     {"logical_date", InstantOrNull(failure.logical_date)},
                                     {"failed_tasks", std::move(tasks)}});
  }
  const bool over = row.completed_at && progress.running == 0 && progress.last_end;
  const Instant until = over ? *progress.last_end : now;
  Value elapsed;
  if (progress.first_start) elapsed = std::chrono::duration<double>(until - *progress.first_start).count();
  return Value::Map{{"backfill", BackfillShape(row)},
                    {"run_backwards", row.range.run_backwards},
                    {"cancelled", row.cancelled},
                    {"triggering_user_name", row.who},
                    {"slots", progress.slots},
                    {"waiting", progress.waiting},
                    {"queued", progress.queued},
                    {"running", progress.running},
                    {"success", progress.success},
                    {"failed", progress.failed},
                    {"skipped", Value::Map{{"already_exists", progress.already_exists},
                                           {"in_flight", progress.in_flight},
                                           {"cancelled", progress.cancelled}}},
                    {"elapsed_seconds", std::move(elapsed)},
                    {"remaining_seconds", RemainingSeconds(progress, row.paused, now)},
                    {"failures", std::move(failures)}};
}

}  // namespace

Response GetBackfills(const Call& call) {
  Query query(call.request);
  const Page page = query.ReadPage();
  const std::string dag_id = query.Required("dag_id");
  if (!query.ok()) return query.Refusal();
  const Result<Listing<BackfillRow>> listing = call.catalog().Backfills(dag_id, page);
  if (!listing.ok()) return ErrorResponse(listing.error());
  Value::List rows;
  for (const BackfillRow& row : listing->rows) rows.push_back(BackfillShape(row));
  return Json(Collection("backfills", std::move(rows), listing->total));
}

Response GetBackfill(const Call& call) {
  return WithId(call, [&](BackfillId id) { return Show(call, id); });
}

Response PostBackfill(const Call& call) {
  Body body(call.request, {"dag_id", "from_date", "to_date", "run_backwards", "dag_run_conf", "reprocess_behavior",
                           "max_active_runs", "run_on_latest_version"});
  pipelined::CreateBackfill asked = ReadBody(body);
  if (!body.ok()) return body.Refusal();
  const Once once(call);
  if (std::optional<Response> earlier = once.Earlier()) return *std::move(earlier);
  const auto dag = FindFor(call, asked);
  if (const auto* refusal = std::get_if<Response>(&dag)) return *refusal;
  const auto plan = Planned(call, std::get<DagRow>(dag), asked.range);
  if (const auto* refusal = std::get_if<Response>(&plan)) return *refusal;
  if (const auto fault = std::get<BackfillPlan>(plan).fault) return Detail(422, ToText(*fault));
  return once.Carry(Command{{}, {}, std::move(asked)}, [&](const Value& result) {
    const Value* id = result.Find("backfill");
    return Show(call, BackfillId{id == nullptr ? 0 : id->integer()});
  });
}

Response PostBackfillDryRun(const Call& call) {
  Body body(call.request, {"dag_id", "from_date", "to_date", "run_backwards", "dag_run_conf", "reprocess_behavior",
                           "max_active_runs", "run_on_latest_version"});
  const pipelined::CreateBackfill asked = ReadBody(body);
  if (!body.ok()) return body.Refusal();
  const auto dag = FindFor(call, asked);
  if (const auto* refusal = std::get_if<Response>(&dag)) return *refusal;
  const auto plan = Planned(call, std::get<DagRow>(dag), asked.range);
  if (const auto* refusal = std::get_if<Response>(&plan)) return *refusal;
  const auto& [fault, slots] = std::get<BackfillPlan>(plan);
  if (fault && *fault != BackfillFault::kNothingToDo) return Detail(422, ToText(*fault));
  Value::List rows;
  for (const BackfillSlot& slot : slots) {
    if (slot.skip != SlotSkip::kNo) continue;
    rows.emplace_back(Value::Map{{"logical_date", FormatInstant(slot.due.logical_date)},
                                 {"partition_key", nullptr},
                                 {"partition_date", nullptr}});
  }
  const auto total = static_cast<std::int64_t>(rows.size());
  return Json(Value::Map{{"backfills", std::move(rows)}, {"total_entries", total}});
}

Response PauseBackfill(const Call& call) {
  return SetPaused(call, true);
}

Response UnpauseBackfill(const Call& call) {
  return SetPaused(call, false);
}

Response CancelBackfill(const Call& call) {
  return WithId(call, [&](BackfillId id) { return Steer(call, pipelined::CancelBackfill{id}, id); });
}

Response GetBackfillProgress(const Call& call) {
  return WithId(call, [&](BackfillId id) {
    const Result<BackfillRow> row = call.catalog().Backfill(id);
    if (!row.ok()) return ErrorResponse(row.error());
    const Result<BackfillProgress> progress = call.catalog().ProgressOf(id, kFailuresShown);
    if (!progress.ok()) return ErrorResponse(progress.error());
    return Json(ProgressShape(*row, *progress, call.service.Now()));
  });
}

}  // namespace pipelined::api
