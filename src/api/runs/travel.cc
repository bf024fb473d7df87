// Time travel and comparison: a run as it was at an instant, and how two runs of a DAG differ.
#include <fmt/format.h>

#include "api/http/errors.h"
#include "api/handlers.h"
#include "api/http/query.h"
#include "api/runs/run_diff.h"
#include "api/shapes.h"
#include "api/runs/when.h"

namespace pipelined::api {
namespace {

constexpr std::int64_t kAllTasks = 1'000'000;

Value StateOrNull(TaskState state) {
  return state == TaskState::kNone ? Value() : Value(ToString(state));
}

Value AtShape(const RunRow& run, Instant at, const RunAt& found) {
  Value::List tasks;
  for (const TaskAt& task : found.tasks) {
    tasks.emplace_back(Value::Map{{"task_id", task.task_id},
                                  {"map_index", task.map_index},
                                  {"state", StateOrNull(task.state)},
                                  {"try_number", task.try_number},
                                  {"since", InstantOrNull(task.since)}});
  }
  return Value::Map{
      {"dag_id", run.info.dag_id},      {"dag_run_id", run.info.run_id},       {"at", FormatInstant(at)},
      {"state", ToString(found.state)}, {"since", InstantOrNull(found.since)}, {"version_number", found.version_number},
      {"tasks", std::move(tasks)}};
}

Response Refuse(const RunRow& run, Instant at, const Unknown& unknown) {
  if (unknown.why == Unknown::Why::kNotYet)
    return Detail(404,
                  fmt::format("the run {} did not exist at {}: {}", run.info.run_id, FormatInstant(at), unknown.text));
  return Detail(410, fmt::format("the history of the run {} no longer says how it was at {}: {} (pipelined db clean "
                                 "takes old months of it away)",
                                 run.info.run_id, FormatInstant(at), unknown.text));
}

Value SecondsOrNull(const std::optional<Micros>& length) {
  return length ? Value(static_cast<double>(length->count()) / 1e6) : Value();
}

Value DurationShape(const DurationDiff& diff) {
  return Value::Map{{"a", SecondsOrNull(diff.a)},
                    {"b", SecondsOrNull(diff.b)},
                    {"change", SecondsOrNull(diff.change())},
                    {"change_percent", diff.percent() ? Value(*diff.percent()) : Value()},
                    {"differs", diff.differs()}};
}

Value SideShape(const RunRow& row) {
  return Value::Map{{"dag_run_id", row.info.run_id},
                    {"run_type", ToString(row.info.type)},
                    {"state", ToString(row.info.state)},
                    {"logical_date", InstantOrNull(row.info.logical_date)},
                    {"start_date", InstantOrNull(row.info.start_date)},
                    {"end_date", InstantOrNull(row.end_date)},
                    {"version_number", row.version_number}};
}

Value TaskSideShape(const std::optional<TaskSide>& side) {
  if (!side) return nullptr;
  return Value::Map{{"state", StateOrNull(side->state)}, {"try_number", side->try_number}};
}

Value ParamSide(const std::optional<Value>& value) {
  return value ? Value(Value::Map{{"value", *value}}) : Value();
}

Value DiffShape(const RunSide& a, const RunSide& b, const RunDiff& diff) {
  Value::List params, tasks;
  for (const ConfDiff& param : diff.params)
    params.emplace_back(Value::Map{{"key", param.key}, {"a", ParamSide(param.a)}, {"b", ParamSide(param.b)}});
  for (const TaskDiff& task : diff.tasks) {
    tasks.emplace_back(Value::Map{{"task_id", task.task_id},
                                  {"map_index", task.map_index},
                                  {"a", TaskSideShape(task.a)},
                                  {"b", TaskSideShape(task.b)},
                                  {"duration", DurationShape(task.duration)},
                                  {"differs", task.differs()}});
  }
  return Value::Map{{"dag_id", a.run.info.dag_id},
                    {"a", SideShape(a.run)},
                    {"b", SideShape(b.run)},
                    {"differs", diff.differs()},
                    {"duration", DurationShape(diff.duration)},
                    {"params", std::move(params)},
                    {"tasks", std::move(tasks)}};
}

// Defaults of a version that can no longer be loaded are not known: then the values given with the run must do.
Value ParamsOf(const Call& call, const RunRow& run) {
  Value params{Value::Map{}};
  if (const Result<DagPtr> dag = call.service.LoadDag(run.info.version); dag.ok()) {
    for (const Param& param : (*dag)->params) {
      if (param.default_value) params.Set(param.name, *param.default_value);
    }
  }
  if (run.info.conf.is_map()) {
    for (const auto& [key, value] : run.info.conf.map()) params.Set(key, value);
  }
  return params;
}

Result<RunSide> ReadSide(const Call& call, const std::string& run_id) {
  Result<RunRow> run = call.catalog().Run(call.Arg("dag_id"), run_id);
  if (!run.ok()) return run.error();
  TaskFilter filter;
  filter.dag_id = run->info.dag_id;
  filter.run_id = run->info.run_id;
  Page all;
  all.limit = kAllTasks;
  Result<Listing<TaskInstanceRow>> tasks = call.catalog().TaskInstances(filter, all);
  if (!tasks.ok()) return tasks.error();
  Value params = ParamsOf(call, *run);
  return RunSide{*std::move(run), std::move(tasks->rows), std::move(params)};
}

}  // namespace

Response GetRunAt(const Call& call) {
  Query query(call.request);
  const std::string t = query.Required("t");
  if (!query.ok()) return query.Refusal();
  const Result<RunRow> run = call.catalog().Run(call.Arg("dag_id"), call.Arg("dag_run_id"));
  if (!run.ok()) return ErrorResponse(run.error());
  const Result<Instant> at = ParseWhen(t, call.service.Now(), run->info.start_date.value_or(run->info.queued_at));
  if (!at.ok()) return ErrorResponse(at.error());
  const Result<RunHistory> history = call.catalog().History(run->info.dag_id, run->info.run_id);
  if (!history.ok()) return ErrorResponse(history.error());
  const std::variant<RunAt, Unknown> answer = StateAt(*history, *at);
  if (const auto* unknown = std::get_if<Unknown>(&answer)) return Refuse(*run, *at, *unknown);
  return Json(AtShape(*run, *at, std::get<RunAt>(answer)));
}

Response GetRunDiff(const Call& call) {
  Query query(call.request);
  const std::string with = query.Required("with");
  if (!query.ok()) return query.Refusal();
  const Result<RunSide> a = ReadSide(call, call.Arg("dag_run_id"));
  if (!a.ok()) return ErrorResponse(a.error());
  const Result<RunSide> b = ReadSide(call, with);
  if (!b.ok()) return ErrorResponse(b.error());
  return Json(DiffShape(*a, *b, Compare(*a, *b)));
}

}  // namespace pipelined::api
