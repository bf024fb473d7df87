#include "pipelined/model/dag.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "model/scopes.h"
#include "model/topology.h"

namespace pipelined {
namespace {

bool AnyHas(const std::vector<Task>& tasks, WeightRule rule) {
  return std::any_of(tasks.begin(), tasks.end(), [rule](const Task& task) { return task.weight_rule == rule; });
}

std::vector<std::int32_t> Weights(const Dag& dag, std::vector<TaskNo> order) {
  std::vector<std::int32_t> own(dag.tasks.size());
  for (std::size_t i = 0; i < own.size(); ++i) own[i] = dag.tasks[i].priority_weight;
  std::vector<std::int32_t> down, up;
  if (AnyHas(dag.tasks, WeightRule::kDownstream)) down = DescendantSums(dag.downstream, dag.upstream, order, own);
  if (AnyHas(dag.tasks, WeightRule::kUpstream)) {
    std::reverse(order.begin(), order.end());
    up = DescendantSums(dag.upstream, dag.downstream, order, own);
  }
  for (std::size_t i = 0; i < own.size(); ++i) {
    if (dag.tasks[i].weight_rule == WeightRule::kDownstream) own[i] = down[i];
    if (dag.tasks[i].weight_rule == WeightRule::kUpstream) own[i] = up[i];
  }
  return own;
}

// "a -> b -> a"; a long cycle is shown by its two ends.
std::string PathText(const std::vector<Task>& tasks, const std::vector<TaskNo>& path) {
  constexpr std::size_t kShown = 8;
  std::string text;
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (path.size() > 2 * kShown && i == kShown) {
      text += fmt::format(" -> … {} more …", path.size() - 2 * kShown);
      i = path.size() - kShown;
    }
    text += (text.empty() ? "" : " -> ") + tasks[path[i]].id;
  }
  return text;
}

}  // namespace

std::optional<TaskNo> Dag::Find(std::string_view task_id) const {
  const auto at = std::lower_bound(by_id_.begin(), by_id_.end(), task_id,
                                   [this](TaskNo no, std::string_view wanted) { return tasks[no].id < wanted; });
  if (at == by_id_.end() || tasks[*at].id != task_id) return std::nullopt;
  return *at;
}

std::vector<TaskNo> Dag::TasksOf(std::string_view group) const {
  std::vector<std::string_view> within{group};
  for (const TaskGroup& one : groups) {  // parents come first
    if (std::find(within.begin(), within.end(), one.parent) != within.end()) within.emplace_back(one.id);
  }
  std::vector<TaskNo> found;
  for (TaskNo no = 0; no < tasks.size(); ++no) {
    if (!tasks[no].group.empty() && std::find(within.begin(), within.end(), tasks[no].group) != within.end())
      found.push_back(no);
  }
  return found;
}

void Dag::Map(Mapping mapping) {
  const auto no = static_cast<std::uint32_t>(mappings.size());
  for (const TaskNo task : mapping.tasks) {
    mapped.push_back(MappedTask{task, no, {}, false});
    tasks[task].mapped = static_cast<std::uint32_t>(mapped.size());
  }
  mappings.push_back(std::move(mapping));
}

Status Dag::Link(std::vector<std::pair<TaskNo, TaskNo>> edges) {
  by_id_.resize(tasks.size());
  std::iota(by_id_.begin(), by_id_.end(), TaskNo{0});
  std::sort(by_id_.begin(), by_id_.end(), [this](TaskNo a, TaskNo b) { return tasks[a].id < tasks[b].id; });

  downstream = Graph(tasks.size(), edges);
  for (auto& [from, to] : edges) std::swap(from, to);
  upstream = Graph(tasks.size(), std::move(edges));

  std::vector<TaskNo> order = TopologicalOrder(downstream, tasks.size());
  if (order.size() < tasks.size()) {
    return Error{ErrorCode::kInvalid,
                 fmt::format("the tasks depend on each other in a circle: {}",
                             PathText(tasks, FindCycle(downstream, tasks.size()))),
                 "take one of these dependencies away"};
  }
  weights = Weights(*this, std::move(order));
  depends_on_past = false;
  for (Task& task : tasks) {
    task.depends_on_past = task.depends_on_past || task.wait_for_downstream;
    depends_on_past = depends_on_past || task.depends_on_past;
  }
  notifies_of_tasks = false;
  notifies_of_failures = notify != nullptr && !notify->Of(NotifyOn::kFailure).empty();
  for (const Deadline& deadline : deadlines) notifies_of_failures = notifies_of_failures || !deadline.on_missed.empty();
  for (const Task& task : tasks) {
    if (task.notify == nullptr) continue;
    notifies_of_tasks = true;
    notifies_of_failures = notifies_of_failures || !task.notify->Of(NotifyOn::kFailure).empty();
  }
  leaves = Leaves(*this);
  keyed.clear();
  for (TaskNo task = 0; task < tasks.size(); ++task) {
    if (tasks[task].concurrency != nullptr || tasks[task].rate != nullptr) keyed.push_back(task);
  }
  if (const Status scopes = LinkScopes(*this); !scopes) return scopes;
  for (MappedTask& one : mapped) {
    const auto together = [&](TaskNo above) { return AreMappedTogether(above, one.task); };
    const auto above = upstream.Of(one.task);
    const auto set_up = setups.Of(one.task);
    const auto inside = scope.Of(one.task);
    one.follows_own = std::any_of(above.begin(), above.end(), together) ||
                      std::any_of(set_up.begin(), set_up.end(), together) ||
                      std::any_of(inside.begin(), inside.end(), together);
  }
  return Ok();
}

}  // namespace pipelined
