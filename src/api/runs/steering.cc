#include "api/runs/steering.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "api/http/errors.h"
#include "api/handlers.h"
#include "api/http/letters.h"
#include "api/shapes.h"

namespace pipelined::api {
namespace {

Page Everything() {
  Page page;
  page.limit = static_cast<std::int64_t>(1'000'000);
  return page;
}

Result<std::vector<RunRow>> RunsOf(const Call& call, const RunChoice& choice, const std::string& run_id) {
  RunFilter filter;
  filter.dag_id = choice.dag_id;
  Page page = Everything();
  page.limit = static_cast<std::int64_t>(kMostRunsSteered);
  page.order_by = {"logical_date"};
  std::vector<RunRow> runs;
  if (!choice.run) {
    filter.logical_date = {choice.from, choice.to};
    auto listed = call.catalog().Runs(filter, page);
    if (!listed.ok()) return listed.error();
    return std::move(listed->rows);
  }
  const Result<RunRow> asked = call.catalog().Run(choice.dag_id, run_id);
  if (!asked.ok()) return asked.error();
  if (!choice.past && !choice.future) return std::vector<RunRow>{*asked};
  if (!choice.past) filter.logical_date.gte = asked->info.logical_date;
  if (!choice.future) filter.logical_date.lte = asked->info.logical_date;
  auto listed = call.catalog().Runs(filter, page);
  if (!listed.ok()) return listed.error();
  for (RunRow& row : listed->rows) {
    const bool other_of_date = row.info.id != asked->info.id && row.info.logical_date == asked->info.logical_date;
    if (row.info.logical_date && !other_of_date) runs.push_back(std::move(row));
  }
  return runs;
}

Result<std::vector<TaskInstanceRow>> InstancesOf(const Call& call, const std::string& dag_id,
                                                 const std::string& run_id) {
  TaskFilter filter;
  filter.dag_id = dag_id;
  filter.run_id = run_id;
  auto listed = call.catalog().TaskInstances(filter, Everything());
  if (!listed.ok()) return listed.error();
  return std::move(listed->rows);
}

}  // namespace

std::optional<std::string> ReadNote(Body& body) {
  if (!body.Has("note")) return std::nullopt;
  std::string note = body.String("note").value_or("");
  if (CharacterCount(note) > kMaxNote) body.Refuse(fmt::format("note may have at most {} characters", kMaxNote));
  return note;
}

Result<std::vector<TaskInstanceRow>> WouldConcern(const Call& call, const RunChoice& choice, const std::string& run_id,
                                                  VersionId version, const Choose& choose) {
  const auto runs = RunsOf(call, choice, run_id);
  if (!runs.ok()) return runs.error();
  std::vector<TaskInstanceRow> concerned;
  for (const RunRow& run : *runs) {
    const Result<DagPtr> dag = call.service.LoadDag(version ? version : run.info.version);
    if (!dag.ok()) return dag.error();
    auto rows = InstancesOf(call, run.info.dag_id, run.info.run_id);
    if (!rows.ok()) return rows.error();
    std::map<std::string, SelectedTask> tasks;
    for (SelectedTask& selected : choose.tasks(**dag))
      tasks.emplace((*dag)->tasks[selected.task].id, std::move(selected));
    for (TaskInstanceRow& row : *rows) {
      const auto selected = tasks.find(row.task_id);
      if (selected != tasks.end() && selected->second.Has(row.map_index) && choose.is_meant(row))
        concerned.push_back(std::move(row));
    }
  }
  return concerned;
}

Result<std::vector<TaskInstanceRow>> Concerned(const Call& call, const std::string& dag_id, const Value& result) {
  std::vector<std::string> runs;                                                // in the order of the answer
  std::map<std::string, std::set<std::pair<std::string, std::int64_t>>> tasks;  // with their map indexes
  const Value* pairs = result.Find("tasks");
  for (const Value& pair : pairs != nullptr && pairs->is_list() ? pairs->list() : Value::List{}) {
    const std::string& run = pair.list().at(0).string();
    if (!tasks.contains(run)) runs.push_back(run);
    tasks[run].emplace(pair.list().at(1).string(), pair.list().at(2).integer());
  }
  std::vector<TaskInstanceRow> concerned;
  for (const std::string& run : runs) {
    auto rows = InstancesOf(call, dag_id, run);
    if (!rows.ok()) return rows.error();
    for (TaskInstanceRow& row : *rows) {
      if (tasks[run].contains({row.task_id, row.map_index})) concerned.push_back(std::move(row));
    }
  }
  return concerned;
}

std::string RunName(const RunRow& row) {
  return fmt::format("{}.{}", row.info.dag_id, row.info.run_id);
}

std::string InstanceName(const TaskInstanceRow& row) {
  return fmt::format("{}.{}.{}[{}]", row.dag_id, row.run_id, row.task_id, row.map_index);
}

Response InstancesAnswer(const Result<std::vector<TaskInstanceRow>>& rows) {
  if (!rows.ok()) return ErrorResponse(rows.error());
  Value::List instances;
  for (const TaskInstanceRow& row : *rows) instances.push_back(TaskInstanceShape(row));
  const auto total = static_cast<std::int64_t>(instances.size());
  return Json(Value::Map{{"task_instances", std::move(instances)}, {"total_entries", total}});
}

}  // namespace pipelined::api
