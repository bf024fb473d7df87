// The tasks that a DAG's current version declares.
#include <algorithm>

#include <fmt/format.h>

#include "api/http/errors.h"
#include "api/handlers.h"
#include "api/http/query.h"
#include "api/shapes.h"

namespace pipelined::api {
namespace {

Result<DagPtr> CurrentDag(const Call& call) {
  const Result<DagRow> row = call.catalog().Dag(call.Arg("dag_id"));
  if (!row.ok()) return row.error();
  return call.service.LoadDag(row->version);
}

bool Less(const Value& a, const Value& b) {
  if (a.is_number() && b.is_number()) return a.number() < b.number();
  if (a.is_string() && b.is_string()) return a.string() < b.string();
  return a.is_null() && !b.is_null();
}

// Sorts by a field of the task's object; false: there is no such field, or none that has an order.
bool Sort(Value::List& tasks, std::string_view order_by) {
  const bool down = order_by.starts_with('-');
  if (down) order_by.remove_prefix(1);
  if (tasks.empty()) return true;
  const Value* sample = tasks.front().Find(order_by);
  if (sample == nullptr || sample->is_list() || sample->is_map()) return false;
  std::stable_sort(tasks.begin(), tasks.end(), [&](const Value& a, const Value& b) {
    return down ? Less(*b.Find(order_by), *a.Find(order_by)) : Less(*a.Find(order_by), *b.Find(order_by));
  });
  return true;
}

}  // namespace

Response GetTasks(const Call& call) {
  const Result<DagPtr> dag = CurrentDag(call);
  if (!dag.ok()) return ErrorResponse(dag.error());
  Value::List tasks;
  for (TaskNo number = 0; number < (*dag)->tasks.size(); ++number) tasks.push_back(TaskShape(**dag, number));
  const std::string asked = Query(call.request).String("order_by");
  const std::string order_by = asked.empty() ? "task_id" : asked;
  if (!Sort(tasks, order_by)) return Detail(400, fmt::format("tasks cannot be ordered by \"{}\"", order_by));
  const auto total = static_cast<std::int64_t>(tasks.size());
  return Json(Value::Map{{"tasks", std::move(tasks)}, {"total_entries", total}});
}

Response GetTask(const Call& call) {
  const Result<DagPtr> dag = CurrentDag(call);
  if (!dag.ok()) return ErrorResponse(dag.error());
  const std::string& id = call.Arg("task_id");
  const std::vector<Task>& tasks = (*dag)->tasks;
  const auto found = std::find_if(tasks.begin(), tasks.end(), [&](const Task& task) { return task.id == id; });
  if (found == tasks.end()) return Detail(404, fmt::format("Task with id {} was not found", id));
  return Json(TaskShape(**dag, static_cast<TaskNo>(found - tasks.begin())));
}

}  // namespace pipelined::api
