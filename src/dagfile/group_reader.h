// `task_groups`: which there are, what stands in what, and what they give their tasks.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "dagfile/document.h"
#include "dagfile/expand_reader.h"
#include "dagfile/task_reader.h"
#include "pipelined/model/dag.h"

namespace pipelined::dagfile {

// A group as it is written. Its place in the list is its place in Dag::groups.
struct GroupEntry {
  TaskGroup group;
  NodeRef key;
  std::optional<NodeRef> parent_name;
  std::optional<std::size_t> parent;  // place of the group that it stands in
  std::optional<Entry> default_args;
  std::vector<NodeRef> depends_on;  // scalars
  std::optional<ExpandEntry> expand;
};

// All groups, parents before their children. Reports parents that do not exist, circles of them, and groups nested
// deeper than `depth`; what is wrong is left without a parent.
std::vector<GroupEntry> ReadGroups(const Entry& task_groups, std::size_t depth, Reporter& reporter);

// Ids to places in the list; reports a name that is none.
class GroupNames {
 public:
  explicit GroupNames(const std::vector<GroupEntry>& groups);
  std::optional<std::size_t> Find(NodeRef name, Reporter& reporter) const;

 private:
  std::unordered_map<std::string_view, std::size_t> places_;
};

}  // namespace pipelined::dagfile
