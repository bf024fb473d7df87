// A run that repeats another one, what links the two, how a run came to where it is, and its end by hand.
#include <fmt/format.h>

#include <map>

#include "api/http/body.h"
#include "api/http/errors.h"
#include "api/handlers.h"
#include "api/vault/masking.h"
#include "api/runs/once.h"
#include "api/runs/param_faults.h"
#include "api/http/query.h"
#include "api/runs/run_id.h"
#include "api/shapes.h"
#include "api/runs/steering.h"

namespace pipelined::api {
namespace {

Result<RunRow> FindRun(const Call& call) {
  return call.catalog().Run(call.Arg("dag_id"), call.Arg("dag_run_id"));
}

// What the old run had, with what is given on top.
Value Merged(const Value& old, const std::optional<Value>& given) {
  Value conf = old.is_map() ? old : Value(Value::Map{});
  for (const auto& [key, value] : given ? given->map() : Value::Map{}) conf.Set(key, value);
  return conf;
}

Value WithLinks(const RunRow& row, Value::List reruns) {
  Value shape = RunShape(row);
  shape.Set("clear_number", row.clear_number);
  shape.Set("rerun_of", TextOrNull(row.rerun_of));
  shape.Set("reruns", Value(std::move(reruns)));
  return shape;
}

// The ids of tasks by number, in the version that an event counts in.
class TaskNames {
 public:
  explicit TaskNames(const RunHistory& history) : history_(history), version_(history.first_version) {}
  void Enter(VersionId version) {
    if (version) version_ = version;
  }
  Value Of(const TaskMoved& moved) const {
    const auto version = history_.versions.find(moved.version ? moved.version : version_);
    if (version == history_.versions.end() || moved.task_no >= version->second.task_ids.size()) return nullptr;
    return version->second.task_ids[moved.task_no];
  }

 private:
  const RunHistory& history_;
  VersionId version_;
};

Value EventShape(const HistoryEvent& event, TaskNames& names) {
  Value::Map shape{{"when", FormatInstant(event.at)}, {"who", event.who}};
  if (const auto* task = std::get_if<TaskMoved>(&event.what)) {
    shape.emplace_back("task_id", names.Of(*task));
    shape.emplace_back("try_number", task->try_number);
    shape.emplace_back("from", ToString(task->from));
    shape.emplace_back("to", ToString(task->to));
  } else {
    const auto& run = std::get<RunMoved>(event.what);
    names.Enter(run.version);
    shape.emplace_back("task_id", nullptr);
    shape.emplace_back("try_number", nullptr);
    shape.emplace_back("from", ToString(run.from));
    shape.emplace_back("to", ToString(run.to));
  }
  shape.emplace_back("why", TextOrNull(event.why));
  return shape;
}

}  // namespace

Response GetRunWithLinks(const Call& call) {
  const Result<RunRow> row = FindRun(call);
  if (!row.ok()) return ErrorResponse(row.error());
  RunFilter filter;
  filter.dag_id = row->info.dag_id;
  filter.rerun_of = row->info.run_id;
  const auto listed = call.catalog().Runs(filter, Page{});
  if (!listed.ok()) return ErrorResponse(listed.error());
  Value::List reruns;
  for (const RunRow& run : listed->rows) reruns.emplace_back(run.info.run_id);
  return Json(WithLinks(*row, std::move(reruns)));
}

Response GetRunEvents(const Call& call) {
  Query query(call.request);
  const Page page = query.ReadPage();
  if (!query.ok()) return query.Refusal();
  const Result<RunHistory> history = call.catalog().History(call.Arg("dag_id"), call.Arg("dag_run_id"));
  if (!history.ok()) return ErrorResponse(history.error());
  TaskNames names(*history);
  Value::List events;
  std::int64_t at = 0;
  for (const HistoryEvent& event : history->events) {
    Value shape = EventShape(event, names);
    if (at >= page.offset && at < page.offset + page.limit) events.push_back(std::move(shape));
    ++at;
  }
  return Json(Value::Map{{"events", std::move(events)}, {"total_entries", at}});
}

Response CancelRun(const Call& call) {
  const Result<RunRow> row = FindRun(call);
  if (!row.ok()) return ErrorResponse(row.error());
  if (IsFinished(row->info.state)) return Json(RunShape(*row));
  call.Before(RunName(*row), Value::Map{{"state", ToString(row->info.state)}});
  if (auto refusal = Carry(call, Command{{}, {}, pipelined::CancelRun{row->info.id}})) return *std::move(refusal);
  return GetRun(call);
}

Response PostRerun(const Call& call) {
  Body body(call.request, {"dag_run_id", "conf", "note"});
  const std::string run_id = body.String("dag_run_id").value_or("");
  const std::optional<Value> conf = body.Object("conf");
  const std::optional<std::string> note = ReadNote(body);
  if (!body.ok()) return body.Refusal();
  const Once once(call);
  if (std::optional<Response> earlier = once.Earlier()) return *std::move(earlier);
  const Result<RunRow> old = FindRun(call);
  if (!old.ok()) return ErrorResponse(old.error());
  const Result<DagRow> dag = call.catalog().Dag(old->info.dag_id);
  if (!dag.ok()) return ErrorResponse(dag.error());
  if (dag->stale) return Detail(409, fmt::format("the run was not created: the file of DAG {} is gone", dag->dag_id));
  if (const std::string fault = RunIdFault(run_id); !fault.empty()) return Detail(400, fault);
  TriggerRequest request;
  request.conf = Merged(old->info.conf, conf);
  if (const auto faults = ParamFaults(dag->params, request.conf); !faults.empty())
    return RefuseParams("the run was not created: ", faults);
  request.dag_id = dag->dag_id;
  request.run_after = call.service.Now();
  request.run_id = run_id.empty() ? "manual__" + FormatIso(request.run_after) : run_id;
  request.logical_date = old->info.logical_date;
  request.interval = old->info.interval;
  request.rerun_of = old->info.run_id;
  request.note = note.value_or("");
  request.who = call.caller.name;
  request.triggered_by = "rest_api";
  return once.Trigger(request, [&](const RunRow& row) {
    if (call.note != nullptr) call.note->run_id = row.info.run_id;
    call.After(row.info.run_id,
               Value::Map{{"conf", MaskSecrets(row.info.conf)}, {"note", row.note}, {"rerun_of", old->info.run_id}});
    return Json(WithLinks(row, {}));
  });
}

}  // namespace pipelined::api
