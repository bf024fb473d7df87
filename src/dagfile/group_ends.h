// The first and the last tasks of a group: those without an upstream, or downstream, inside of it.
#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "dagfile/group_reader.h"
#include "pipelined/model/dag.h"

namespace pipelined::dagfile {

// What can depend and be depended on. Tasks first: node n is task n, or group n - tasks.
using LinkNode = std::uint32_t;

// Told of edges from the inside out: once all edges within a group are known (Level() of both ends is at least its
// depth), its ends can be asked for.
class GroupEnds {
 public:
  GroupEnds(const Dag& dag, const std::vector<GroupEntry>& groups);

  bool IsGroup(LinkNode node) const { return node >= dag_.tasks.size(); }
  // Whether `node` is `group` or stands in it.
  bool Within(LinkNode node, LinkNode group) const;
  // How many groups `a` and `b` share; 0: the DAG alone.
  std::size_t Level(LinkNode a, LinkNode b) const;
  bool IsEmpty(LinkNode node) const { return IsGroup(node) && tasks_[node - dag_.tasks.size()].empty(); }

  void AddEdge(TaskNo upstream, TaskNo downstream);

  // Of a task: itself.
  const std::vector<TaskNo>& First(LinkNode node);
  // Teardowns do not count, as in Airflow: what is above them does, but for their setups. A group of nothing but
  // teardowns ends with those.
  const std::vector<TaskNo>& Last(LinkNode node);

 private:
  std::optional<std::size_t> GroupOf(LinkNode node) const;
  std::vector<TaskNo> FindFirst(LinkNode node) const;
  std::vector<TaskNo> FindLast(LinkNode node) const;
  void PassTeardown(TaskNo task, LinkNode group, std::vector<bool>& seen, std::vector<TaskNo>& found) const;

  const Dag& dag_;
  const std::vector<GroupEntry>& groups_;
  std::vector<std::optional<std::size_t>> group_of_;  // of each task
  std::vector<std::size_t> depth_;                    // of each group, from 1
  std::vector<std::vector<TaskNo>> tasks_;            // of each group, inner ones included
  std::vector<std::uint16_t> up_, down_;              // of each task: the deepest level with an upstream, a downstream
  std::unordered_map<TaskNo, std::vector<TaskNo>> above_teardown_;
  std::unordered_map<LinkNode, std::vector<TaskNo>> first_, last_;
};

}  // namespace pipelined::dagfile
