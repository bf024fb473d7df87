#include "model/scopes.h"

#include <algorithm>

namespace pipelined {
namespace {

// Walks a graph again and again; the walks share one array of marks and one count of steps.
class Walker {
 public:
  explicit Walker(std::size_t nodes) : seen_(nodes, 0) {}

  // Everything that can be reached from `start`, without itself.
  std::vector<TaskNo> Reach(const Graph& graph, TaskNo start) {
    ++walk_;
    std::vector<TaskNo> reached;
    std::vector<TaskNo> stack{start};
    while (!stack.empty() && !exhausted()) {
      const TaskNo at = stack.back();
      stack.pop_back();
      for (const TaskNo next : graph.Of(at)) {
        ++steps_;
        if (seen_[next] == walk_) continue;
        seen_[next] = walk_;
        reached.push_back(next);
        stack.push_back(next);
      }
    }
    return reached;
  }
  bool exhausted() const { return steps_ > kMostScopeSteps; }

 private:
  std::vector<std::uint32_t> seen_;  // the walk that came there last
  std::uint32_t walk_ = 0;
  std::size_t steps_ = 0;
};

bool IsDirect(const Graph& upstream, TaskNo task, TaskNo above) {
  const auto direct = upstream.Of(task);
  return std::find(direct.begin(), direct.end(), above) != direct.end();
}

using Edges = std::vector<std::pair<TaskNo, TaskNo>>;

void LinkBoth(Graph& forward, Graph& backward, std::size_t nodes, Edges edges) {
  if (edges.empty()) {
    forward = backward = Graph();
    return;
  }
  forward = Graph(nodes, edges);
  for (auto& [from, to] : edges) std::swap(from, to);
  backward = Graph(nodes, std::move(edges));
}

bool Ignorable(const Task& task) {
  return task.teardown && !task.on_failure_fail_dagrun;
}

}  // namespace

Status LinkScopes(Dag& dag) {
  const std::size_t nodes = dag.tasks.size();
  Walker walker(nodes);
  Edges needs, waits;
  std::vector<TaskNo> inside(nodes, 0);  // 1 + the setup one of whose teardowns the task stands above
  for (TaskNo setup = 0; setup < nodes && !walker.exhausted(); ++setup) {
    if (!dag.tasks[setup].setup) continue;
    const std::vector<TaskNo> below = walker.Reach(dag.downstream, setup);
    bool has_teardown = false;
    for (const TaskNo teardown : dag.downstream.Of(setup)) {
      if (!dag.tasks[teardown].teardown) continue;
      has_teardown = true;
      std::vector<TaskNo> above = walker.Reach(dag.upstream, teardown);
      std::sort(above.begin(), above.end());
      for (const TaskNo task : above) inside[task] = setup + 1;
      for (const TaskNo task : below) {
        if (std::binary_search(above.begin(), above.end(), task) && !IsDirect(dag.upstream, teardown, task))
          waits.emplace_back(teardown, task);
      }
    }
    for (const TaskNo task : below) {
      const bool guarded = !dag.tasks[task].teardown && (inside[task] == setup + 1 || !has_teardown);
      if (guarded && !IsDirect(dag.upstream, task, setup)) needs.emplace_back(task, setup);
    }
  }
  if (walker.exhausted()) {
    return Error{ErrorCode::kInvalid, "the setups and teardowns of the DAG multiply beyond the limit",
                 "let fewer setups stand above each other, or split the DAG"};
  }
  LinkBoth(dag.setups, dag.guarded, nodes, std::move(needs));
  LinkBoth(dag.scope, dag.scoped, nodes, std::move(waits));
  return Ok();
}

std::vector<bool> Leaves(const Dag& dag) {
  const std::size_t nodes = dag.tasks.size();
  std::vector<bool> leaves(nodes, false);
  bool any = false;
  for (TaskNo task = 0; task < nodes; ++task) {
    const auto below = dag.downstream.Of(task);
    const bool hidden =
        std::any_of(below.begin(), below.end(), [&](TaskNo next) { return !Ignorable(dag.tasks[next]); });
    leaves[task] = !hidden && !Ignorable(dag.tasks[task]);
    any = any || leaves[task];
  }
  if (any) return leaves;
  for (TaskNo task = 0; task < nodes; ++task) leaves[task] = dag.downstream.Of(task).empty();  // nothing but teardowns
  return leaves;
}

}  // namespace pipelined
