// Clearing: of chosen tasks, and of a whole run.
#include <fmt/format.h>

#include "api/http/body.h"
#include "api/http/errors.h"
#include "api/handlers.h"
#include "api/shapes.h"
#include "api/runs/steering.h"

namespace pipelined::api {
namespace {

struct Asked {
  ClearTasks clear;
  bool dry_run = true;
  std::string run_id;
};

void ReadSelection(Body& body, TaskSelection& tasks) {
  if (const auto given = body.TaskIds("task_ids")) {
    for (const auto& [id, index] : *given) {
      if (index < 0) tasks.ids.push_back(id);
      if (index >= 0) tasks.instances.emplace_back(id, index);
    }
    tasks.none = given->empty();
  }
  tasks.upstream = body.Bool("include_upstream").value_or(false);
  tasks.downstream = body.Bool("include_downstream").value_or(false);
  const auto failed = body.Bool("only_failed"), running = body.Bool("only_running");
  if (failed.value_or(false) && running.value_or(false)) body.Refuse("only_failed and only_running both are set");
  tasks.only_failed = failed.value_or(true);
  tasks.only_running = running.value_or(false);
}

void ReadRuns(Body& body, RunChoice& runs) {
  runs.past = body.Bool("include_past").value_or(false);
  runs.future = body.Bool("include_future").value_or(false);
  const auto start = body.Date("start_date"), end = body.Date("end_date");
  if (start) runs.from = start->instant;
  if (end) runs.to = end->instant;
  if (start && end && start->instant > end->instant) body.Refuse("end_date lies before start_date");
}

Asked Read(Body& body) {
  Asked asked;
  ReadSelection(body, asked.clear.tasks);
  ReadRuns(body, asked.clear.runs);
  asked.run_id = body.String("dag_run_id").value_or("");
  if (asked.run_id.empty() && (asked.clear.runs.past || asked.clear.runs.future))
    body.Refuse("include_past and include_future need a dag_run_id: the run that they count from");
  if (!asked.run_id.empty() && (asked.clear.runs.from || asked.clear.runs.to))
    body.Refuse("start_date and end_date choose runs: they cannot be given with a dag_run_id");
  asked.dry_run = body.Bool("dry_run").value_or(true);
  asked.clear.reset_runs = body.Bool("reset_dag_runs").value_or(true);
  asked.clear.latest_version = body.BoolOrNull("run_on_latest_version").value_or(false);
  asked.clear.refuse_running = body.Bool("prevent_running_task").value_or(false);
  asked.clear.note = ReadNote(body);
  return asked;
}

Result<std::vector<TaskInstanceRow>> DryRun(const Call& call, const ClearTasks& clear, const std::string& run_id,
                                            const DagRow& dag) {
  return WouldConcern(
      call, clear.runs, run_id, clear.latest_version ? dag.version : VersionId{},
      Choose{[&](const Dag& tasks) { return TasksAround(tasks, clear.tasks); },
             [&](const TaskInstanceRow& row) { return IsToClear(clear.tasks, row.state, row.map_index); }});
}

// For the audit trail: [[run, task, map index], …], as the scheduler says it.
Value ClearedFacts(const Value& result) {
  constexpr std::size_t kMostNamed = 100;
  const Value* tasks = result.Find("tasks");
  if (tasks == nullptr || !tasks->is_list()) return Value::Map{};
  Value::List named = tasks->list();
  const auto all = static_cast<std::int64_t>(named.size());
  if (named.size() > kMostNamed) named.resize(kMostNamed);
  return Value::Map{{"cleared", std::move(named)}, {"number", all}};
}

}  // namespace

Response ClearTaskInstances(const Call& call) {
  Body body(call.request, {"dry_run", "start_date", "end_date", "only_failed", "only_running", "reset_dag_runs",
                           "task_ids", "dag_run_id", "include_upstream", "include_downstream", "include_future",
                           "include_past", "run_on_latest_version", "prevent_running_task", "note"});
  Asked asked = Read(body);
  if (!body.ok()) return body.Refusal();
  const Result<DagRow> dag = call.catalog().Dag(call.Arg("dag_id"));
  if (!dag.ok()) return ErrorResponse(dag.error());
  asked.clear.runs.dag_id = dag->dag_id;
  if (!asked.run_id.empty()) {
    const Result<RunRow> run = call.catalog().Run(dag->dag_id, asked.run_id);
    if (!run.ok()) return ErrorResponse(run.error());
    if ((asked.clear.runs.past || asked.clear.runs.future) && !run->info.logical_date)
      return Detail(400, "include_past and include_future need a run with a logical date");
    asked.clear.runs.run = run->info.id;
  }
  if (asked.dry_run) call.After(asked.run_id, Value::Map{{"dry_run", true}});
  if (asked.dry_run) return InstancesAnswer(DryRun(call, asked.clear, asked.run_id, *dag));
  Value result;
  if (auto refusal = Carry(call, Command{{}, {}, std::move(asked.clear)}, &result)) return *std::move(refusal);
  call.After(asked.run_id, ClearedFacts(result));
  return InstancesAnswer(Concerned(call, dag->dag_id, result));
}

Response ClearRun(const Call& call) {
  Body body(call.request, {"dry_run", "only_failed", "only_new", "run_on_latest_version", "note"});
  ClearTasks clear;
  const bool dry_run = body.Bool("dry_run").value_or(true);
  clear.tasks.only_failed = body.Bool("only_failed").value_or(false);
  clear.latest_version = body.BoolOrNull("run_on_latest_version").value_or(false);
  clear.note = ReadNote(body);
  if (body.Bool("only_new").value_or(false)) body.Refuse("only_new is not available yet in this version");
  if (!body.ok()) return body.Refusal();
  const Result<DagRow> dag = call.catalog().Dag(call.Arg("dag_id"));
  if (!dag.ok()) return ErrorResponse(dag.error());
  const Result<RunRow> run = call.catalog().Run(dag->dag_id, call.Arg("dag_run_id"));
  if (!run.ok()) return ErrorResponse(run.error());
  clear.runs = RunChoice{dag->dag_id, run->info.id};
  if (dry_run) call.After(RunName(*run), Value::Map{{"dry_run", true}});
  if (dry_run) return InstancesAnswer(DryRun(call, clear, run->info.run_id, *dag));
  call.Before(RunName(*run), Value::Map{{"state", ToString(run->info.state)}});
  Value result;
  if (auto refusal = Carry(call, Command{{}, {}, std::move(clear)}, &result)) return *std::move(refusal);
  call.After(RunName(*run), ClearedFacts(result));
  return GetRun(call);
}

}  // namespace pipelined::api
