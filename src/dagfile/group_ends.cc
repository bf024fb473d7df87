#include "dagfile/group_ends.h"

#include <algorithm>
#include <string_view>

namespace pipelined::dagfile {
namespace {

void SortUnique(std::vector<TaskNo>& tasks) {
  std::sort(tasks.begin(), tasks.end());
  tasks.erase(std::unique(tasks.begin(), tasks.end()), tasks.end());
}

}  // namespace

GroupEnds::GroupEnds(const Dag& dag, const std::vector<GroupEntry>& groups)
    : dag_(dag), groups_(groups), group_of_(dag.tasks.size()), tasks_(groups.size()) {
  std::unordered_map<std::string_view, std::size_t> places;
  for (std::size_t at = 0; at < groups.size(); ++at) {
    places.emplace(groups[at].group.id, at);
    depth_.push_back(groups[at].parent ? depth_[*groups[at].parent] + 1 : 1);
  }
  for (TaskNo no = 0; no < dag.tasks.size() && !groups.empty(); ++no) {
    const auto at = places.find(dag.tasks[no].group);
    if (at == places.end()) continue;
    group_of_[no] = at->second;
    for (std::optional<std::size_t> group = at->second; group; group = groups[*group].parent)
      tasks_[*group].push_back(no);
  }
  up_.resize(dag.tasks.size(), 0);
  down_.resize(dag.tasks.size(), 0);
}

std::optional<std::size_t> GroupEnds::GroupOf(LinkNode node) const {
  return IsGroup(node) ? groups_[node - dag_.tasks.size()].parent : group_of_[node];
}

bool GroupEnds::Within(LinkNode node, LinkNode group) const {
  if (node == group || !IsGroup(group)) return node == group;
  const std::size_t wanted = group - dag_.tasks.size();
  for (auto at = GroupOf(node); at; at = groups_[*at].parent) {
    if (*at == wanted) return true;
  }
  return false;
}

std::size_t GroupEnds::Level(LinkNode a, LinkNode b) const {
  auto left = GroupOf(a), right = GroupOf(b);
  while (left != right) {  // the deeper one goes up
    if (!right || (left && depth_[*left] >= depth_[*right])) {
      left = groups_[*left].parent;
    } else {
      right = groups_[*right].parent;
    }
  }
  return left ? depth_[*left] : 0;
}

void GroupEnds::AddEdge(TaskNo upstream, TaskNo downstream) {
  if (groups_.empty()) return;
  const auto level = static_cast<std::uint16_t>(Level(upstream, downstream));
  down_[upstream] = std::max(down_[upstream], level);
  up_[downstream] = std::max(up_[downstream], level);
  if (level > 0 && dag_.tasks[downstream].teardown) above_teardown_[downstream].push_back(upstream);
}

const std::vector<TaskNo>& GroupEnds::First(LinkNode node) {
  const auto [at, fresh] = first_.try_emplace(node);
  if (fresh) at->second = FindFirst(node);
  return at->second;
}

const std::vector<TaskNo>& GroupEnds::Last(LinkNode node) {
  const auto [at, fresh] = last_.try_emplace(node);
  if (fresh) at->second = FindLast(node);
  return at->second;
}

std::vector<TaskNo> GroupEnds::FindFirst(LinkNode node) const {
  if (!IsGroup(node)) return {node};
  const std::size_t group = node - dag_.tasks.size();
  std::vector<TaskNo> found;
  for (const TaskNo task : tasks_[group]) {
    if (up_[task] < depth_[group]) found.push_back(task);
  }
  return found;
}

std::vector<TaskNo> GroupEnds::FindLast(LinkNode node) const {
  if (!IsGroup(node)) return {node};
  const std::size_t group = node - dag_.tasks.size();
  std::vector<TaskNo> found, teardowns;
  for (const TaskNo task : tasks_[group]) {
    if (down_[task] < depth_[group]) (dag_.tasks[task].teardown ? teardowns : found).push_back(task);
  }
  if (teardowns.empty()) return found;
  std::vector<bool> seen(dag_.tasks.size(), false);
  for (const TaskNo teardown : teardowns) PassTeardown(teardown, node, seen, found);
  SortUnique(found);
  return found.empty() ? teardowns : found;
}

// The nearest tasks above a teardown, through further teardowns; the setups that it tears down are not meant.
void GroupEnds::PassTeardown(TaskNo task, LinkNode group, std::vector<bool>& seen, std::vector<TaskNo>& found) const {
  std::vector<TaskNo> open{task};
  while (!open.empty()) {
    const TaskNo at = open.back();
    open.pop_back();
    const auto above = above_teardown_.find(at);
    if (above == above_teardown_.end() || seen[at]) continue;
    seen[at] = true;
    for (const TaskNo upstream : above->second) {
      if (!Within(upstream, group)) continue;
      if (dag_.tasks[upstream].teardown) {
        open.push_back(upstream);
      } else if (!dag_.tasks[upstream].setup) {
        found.push_back(upstream);
      }
    }
  }
}

}  // namespace pipelined::dagfile
