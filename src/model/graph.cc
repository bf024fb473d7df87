#include <algorithm>

#include "model/topology.h"
#include "pipelined/model/dag.h"

namespace pipelined {

Graph::Graph(std::size_t nodes, std::vector<std::pair<TaskNo, TaskNo>> edges) : first_(nodes + 1, 0) {
  std::sort(edges.begin(), edges.end());
  edges.erase(std::unique(edges.begin(), edges.end()), edges.end());
  to_.reserve(edges.size());
  for (const auto& [from, to] : edges) {
    ++first_[from + 1];
    to_.push_back(to);
  }
  for (std::size_t i = 0; i < nodes; ++i) first_[i + 1] += first_[i];
}

std::vector<TaskNo> TopologicalOrder(const Graph& downstream, std::size_t nodes) {
  std::vector<std::uint32_t> waits_for(nodes, 0);
  for (TaskNo node = 0; node < nodes; ++node) {
    for (const TaskNo next : downstream.Of(node)) ++waits_for[next];
  }
  std::vector<TaskNo> order;
  order.reserve(nodes);
  for (TaskNo node = 0; node < nodes; ++node) {
    if (waits_for[node] == 0) order.push_back(node);
  }
  for (std::size_t done = 0; done < order.size(); ++done) {
    for (const TaskNo next : downstream.Of(order[done])) {
      if (--waits_for[next] == 0) order.push_back(next);
    }
  }
  return order;
}

namespace {

// Which nodes cannot be ordered: they lie on a cycle or behind one.
std::vector<bool> Unordered(const Graph& downstream, std::size_t nodes) {
  std::vector<bool> unordered(nodes, true);
  for (const TaskNo node : TopologicalOrder(downstream, nodes)) unordered[node] = false;
  return unordered;
}

// A shortest way from `start` back to itself, or nothing; only over nodes of `among`.
std::vector<TaskNo> WayBack(const Graph& downstream, const std::vector<bool>& among, TaskNo start) {
  constexpr TaskNo kUnseen = ~TaskNo{0};
  std::vector<TaskNo> came_from(among.size(), kUnseen);
  std::vector<TaskNo> queue{start};
  for (std::size_t i = 0; i < queue.size(); ++i) {
    for (const TaskNo next : downstream.Of(queue[i])) {
      if (next == start) {
        std::vector<TaskNo> path{start};
        for (TaskNo at = queue[i]; at != start; at = came_from[at]) path.push_back(at);
        path.push_back(start);
        std::reverse(path.begin(), path.end());
        return path;
      }
      if (!among[next] || came_from[next] != kUnseen) continue;
      came_from[next] = queue[i];
      queue.push_back(next);
    }
  }
  return {};
}

// Some node that certainly lies on a cycle: among unordered nodes each has an unordered predecessor, so that walking
// backward must come to a node twice.
TaskNo OnACycle(const Graph& downstream, const std::vector<bool>& unordered) {
  constexpr TaskNo kNone = ~TaskNo{0};
  std::vector<TaskNo> before(unordered.size(), kNone);
  TaskNo at = kNone;
  for (TaskNo node = 0; node < unordered.size(); ++node) {
    if (!unordered[node]) continue;
    for (const TaskNo next : downstream.Of(node)) {
      if (before[next] == kNone) before[next] = node;
    }
    at = at == kNone ? node : at;
  }
  std::vector<bool> seen(unordered.size(), false);
  while (!seen[at]) {
    seen[at] = true;
    at = before[at];
  }
  return at;
}

}  // namespace

std::vector<TaskNo> FindCycle(const Graph& downstream, std::size_t nodes) {
  const std::vector<bool> unordered = Unordered(downstream, nodes);
  if (std::find(unordered.begin(), unordered.end(), true) == unordered.end()) return {};
  std::vector<TaskNo> cycle = WayBack(downstream, unordered, OnACycle(downstream, unordered));
  cycle.pop_back();
  std::rotate(cycle.begin(), std::min_element(cycle.begin(), cycle.end()), cycle.end());
  cycle.push_back(cycle.front());
  return cycle;
}

}  // namespace pipelined
