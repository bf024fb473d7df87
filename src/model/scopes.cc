#include "model/scopes.h"

#include <algorithm>

namespace pipelined {
namespace {

// Everything that can be reached from `start`, without itself.
std::vector<bool> Reach(const Graph& graph, TaskNo start, std::size_t nodes) {
  std::vector<bool> reached(nodes, false);
  std::vector<TaskNo> stack{start};
  while (!stack.empty()) {
    const TaskNo at = stack.back();
    stack.pop_back();
    for (const TaskNo next : graph.Of(at)) {
      if (reached[next]) continue;
      reached[next] = true;
      stack.push_back(next);
    }
  }
  return reached;
}

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

void LinkScopes(Dag& dag) {
  const std::size_t nodes = dag.tasks.size();
  Edges needs, waits;
  for (TaskNo setup = 0; setup < nodes; ++setup) {
    if (!dag.tasks[setup].setup) continue;
    const std::vector<bool> below = Reach(dag.downstream, setup, nodes);
    std::vector<bool> inside(nodes, false);  // above one of its teardowns
    bool has_teardown = false;
    for (const TaskNo teardown : dag.downstream.Of(setup)) {
      if (!dag.tasks[teardown].teardown) continue;
      has_teardown = true;
      const std::vector<bool> above = Reach(dag.upstream, teardown, nodes);
      for (TaskNo task = 0; task < nodes; ++task) {
        if (!above[task]) continue;
        inside[task] = true;
        if (below[task] && !IsDirect(dag.upstream, teardown, task)) waits.emplace_back(teardown, task);
      }
    }
    for (TaskNo task = 0; task < nodes; ++task) {
      const bool guarded = below[task] && !dag.tasks[task].teardown && (inside[task] || !has_teardown);
      if (guarded && !IsDirect(dag.upstream, task, setup)) needs.emplace_back(task, setup);
    }
  }
  LinkBoth(dag.setups, dag.guarded, nodes, std::move(needs));
  LinkBoth(dag.scope, dag.scoped, nodes, std::move(waits));
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
