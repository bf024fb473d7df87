#include "scheduler/branch_ways.h"

#include <fmt/format.h>

#include <algorithm>

#include "pipelined/base/near_match.h"

namespace pipelined {
namespace {

bool Has(std::span<const TaskNo> tasks, TaskNo task) {
  return std::find(tasks.begin(), tasks.end(), task) != tasks.end();
}

std::vector<TaskNo> FirstTasksOf(const Dag& dag, std::string_view group) {
  std::vector<TaskNo> tasks = dag.TasksOf(group);
  std::vector<bool> inside(dag.tasks.size(), false);
  for (const TaskNo task : tasks) inside[task] = true;
  std::erase_if(tasks, [&](TaskNo task) {
    const auto above = dag.upstream.Of(task);
    return std::any_of(above.begin(), above.end(), [&](TaskNo up) { return inside[up]; });
  });
  return tasks;
}

bool IsBelow(const Dag& dag, TaskNo branch, TaskNo task) {
  if (Has(dag.downstream.Of(branch), task)) return true;  // nearly always
  std::vector<bool> seen(dag.tasks.size(), false);
  std::vector<TaskNo> open{branch};
  while (!open.empty()) {
    const TaskNo at = open.back();
    open.pop_back();
    if (at == task && at != branch) return true;
    for (const TaskNo next : dag.downstream.Of(at)) {
      if (!seen[next]) open.push_back(next);
      seen[next] = true;
    }
  }
  return false;
}

Error Unknown(const Dag& dag, std::string_view id) {
  std::vector<std::string_view> ids;
  for (const Task& task : dag.tasks) ids.push_back(task.id);
  for (const TaskGroup& group : dag.groups) ids.push_back(group.id);
  const auto near = NearMatch(id, ids);
  return {ErrorCode::kNotFound,
          fmt::format("branch: there is no task or group \"{}\"{}", id,
                      near ? fmt::format(" (did you mean \"{}\"?)", *near) : ""),
          ""};
}

Status Add(const Dag& dag, TaskNo branch, const std::string& id, std::vector<TaskNo>& follow) {
  const auto task = dag.Find(id);
  const std::vector<TaskNo> meant = task ? std::vector<TaskNo>{*task} : FirstTasksOf(dag, id);
  if (meant.empty()) return Unknown(dag, id);
  if (std::none_of(meant.begin(), meant.end(), [&](TaskNo one) { return IsBelow(dag, branch, one); })) {
    return Error{ErrorCode::kNotFound,
                 fmt::format("branch: \"{}\" is not below \"{}\" (add \"{}\" to its depends_on)", id,
                             dag.tasks[branch].id, dag.tasks[branch].id),
                 ""};
  }
  for (const TaskNo one : meant) {
    if (!Has(follow, one)) follow.push_back(one);
  }
  return Ok();
}

}  // namespace

Result<std::vector<TaskNo>> TasksToFollow(const Dag& dag, TaskNo branch, const Value& given) {
  std::vector<TaskNo> follow;
  if (given.is_null()) return follow;
  for (const Value& id : given.is_list() ? given.list() : Value::List{given}) {
    if (!id.is_string())
      return Error{ErrorCode::kInvalid, "branch: it gives something that is no id: a text or a list of texts is", ""};
    const std::string whole = dag.tasks[branch].LongId(id.string());
    if (const Status added = Add(dag, branch, whole, follow); !added) return added.error();
  }
  return follow;
}

}  // namespace pipelined
