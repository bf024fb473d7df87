// What Airflow does not have: why a task waits, and how each try really ended.
#include <fmt/format.h>

#include <array>

#include "api/http/errors.h"
#include "api/handlers.h"
#include "api/http/query.h"
#include "api/shapes.h"

namespace pipelined::api {
namespace {

Value WithOutcome(Value shape, const TaskInstanceRow& row) {
  shape.Set("outcome", TextOrNull(row.outcome));
  shape.Set("message", TextOrNull(row.message));
  const bool exited = row.exit_code && row.outcome != "lost" && row.outcome != "launch_failed";
  shape.Set("exit_code", exited ? Value(*row.exit_code) : Value());
  shape.Set("attempt", row.attempt ? Value(row.attempt.value) : Value());
  shape.Set("executor_instance", TextOrNull(row.executor_instance));
  shape.Set("retry_at", InstantOrNull(row.retry_at));
  return shape;
}

// A task that runs or has ended waits for nothing; then the row says why it is as it is.
Value WhyOfRow(const TaskInstanceRow& row) {
  Value::List reasons;
  if (row.state == TaskState::kRunning) {
    reasons.emplace_back(Value::Map{{"code", "running"}, {"text", fmt::format("try {} runs", row.try_number)}});
  } else if (!row.outcome.empty() && row.outcome != "success") {
    reasons.emplace_back(Value::Map{
        {"code", row.outcome},
        {"text", fmt::format("try {}: {}", row.try_number, row.message.empty() ? row.outcome : row.message)}});
  } else if (row.state == TaskState::kFailed && !row.message.empty()) {
    reasons.emplace_back(Value::Map{{"code", "mapping"}, {"text", row.message}});
  } else if (row.state == TaskState::kSkipped || row.state == TaskState::kUpstreamFailed) {
    reasons.emplace_back(
        Value::Map{{"code", "trigger_rule"}, {"text", "decided by its trigger rule, or by the end of its run"}});
  } else if (row.state == TaskState::kNone) {
    reasons.emplace_back(Value::Map{{"code", "run_ended"}, {"text", "the run ended before its turn came"}});
  }
  return Value::Map{{"state", ToString(row.state)}, {"try_number", row.try_number}, {"reasons", std::move(reasons)}};
}

bool WaitsForNothing(TaskState state) {
  return IsFinished(state) || state == TaskState::kRunning;
}

}  // namespace

namespace {

// What the instance waits for, or how it came to be as it is; else `refusal` is filled in.
std::optional<Value> Why(const Call& call, std::optional<Response>& refusal) {
  Query query(call.request);
  const std::int64_t map_index = query.Int("map_index", kNotMapped, kNotMapped);
  const auto refused = [&](Response response) {
    refusal = std::move(response);
    return std::nullopt;
  };
  if (!query.ok()) return refused(query.Refusal());
  const Result<TaskInstanceRow> instance =
      call.Arg("map_index").empty() ? FindInstance(call, map_index) : FindInstance(call);
  if (!instance.ok()) return refused(ErrorResponse(instance.error()));
  const Result<RunRow> run = call.catalog().Run(instance->dag_id, instance->run_id);
  if (!run.ok()) return refused(ErrorResponse(run.error()));
  if (WaitsForNothing(instance->state) || IsFinished(run->info.state)) return WhyOfRow(*instance);
  Value result;
  refusal = Carry(call, Command{{}, {}, WhyTask{instance->run, instance->task_id, instance->map_index}}, &result);
  if (refusal) return std::nullopt;
  return result;
}

// What Airflow calls that which a code of ours says.
std::string_view DependencyName(const std::string& code) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 14> kNames{{
      {"trigger_rule", "Trigger Rule"},
      {"depends_on_past", "Previous Dagrun State"},
      {"paused", "Dag Not Paused"},
      {"max_active_runs", "Dagrun Running"},
      {"backfill_paused", "Dagrun Running"},
      {"backfill_max_active_runs", "Dagrun Running"},
      {"run_ended", "Dagrun Running"},
      {"max_active_tis_per_dag", "Task Concurrency"},
      {"max_active_tis_per_dagrun", "Task Concurrency"},
      {"max_active_tasks", "Max Active Tasks"},
      {"pool_missing", "Pool Slots Available"},
      {"pool_too_small", "Pool Slots Available"},
      {"pool_full", "Pool Slots Available"},
      {"retry_delay", "Not In Retry Period"},
  }};
  for (const auto& [ours, name] : kNames) {
    if (ours == code) return name;
  }
  return "Task Instance State";
}

}  // namespace

Response GetWhy(const Call& call) {
  std::optional<Response> refusal;
  const std::optional<Value> why = Why(call, refusal);
  return why ? Json(*why) : *std::move(refusal);
}

// The same answer, in Airflow's shape.
Response GetDependencies(const Call& call) {
  std::optional<Response> refusal;
  const std::optional<Value> why = Why(call, refusal);
  if (!why) return *std::move(refusal);
  Value::List dependencies;
  for (const Value& reason : why->Find("reasons")->list()) {
    dependencies.emplace_back(
        Value::Map{{"name", DependencyName(reason.Find("code")->string())}, {"reason", reason.Find("text")->string()}});
  }
  const Value* state = why->Find("state");
  if (dependencies.empty() && state->string() == "success")
    dependencies.emplace_back(
        Value::Map{{"name", "Task Instance State"}, {"reason", "Task is in the 'success' state."}});
  return Json(Value::Map{{"dependencies", std::move(dependencies)}});
}

Response GetInstancesWithOutcomes(const Call& call) {
  Query query(call.request);
  TaskFilter filter;
  filter.dag_id = call.Arg("dag_id");
  filter.run_id = call.Arg("dag_run_id");
  const Page page = query.ReadPage();
  if (!query.ok()) return query.Refusal();
  const Result<RunRow> run = call.catalog().Run(filter.dag_id, filter.run_id);
  if (!run.ok()) return ErrorResponse(run.error());
  const Result<Listing<TaskInstanceRow>> listing = call.catalog().TaskInstances(filter, page);
  if (!listing.ok()) return ErrorResponse(listing.error());
  Value::List instances;
  for (const TaskInstanceRow& row : listing->rows) instances.push_back(WithOutcome(TaskInstanceShape(row), row));
  return Json(Collection("task_instances", std::move(instances), listing->total));
}

Response GetTriesWithOutcomes(const Call& call) {
  Query query(call.request);
  const std::int64_t map_index = query.Int("map_index", kNotMapped, kNotMapped);
  if (!query.ok()) return query.Refusal();
  const Result<TaskInstanceRow> instance = FindInstance(call, map_index);
  if (!instance.ok()) return ErrorResponse(instance.error());
  const Result<std::vector<TaskInstanceRow>> rows =
      call.catalog().Tries(call.Arg("dag_id"), call.Arg("dag_run_id"), call.Arg("task_id"), instance->map_index);
  if (!rows.ok()) return ErrorResponse(rows.error());
  Value::List tries;
  for (const TaskInstanceRow& row : *rows) tries.push_back(WithOutcome(TryShape(row), row));
  const auto total = static_cast<std::int64_t>(tries.size());
  return Json(Value::Map{{"task_instances", std::move(tries)}, {"total_entries", total}});
}

}  // namespace pipelined::api
