// `expand`, `expand_zip` and `expand_kwargs` of tasks and groups: dynamic mapping.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "dagfile/document.h"
#include "dagfile/keys.h"
#include "pipelined/model/dag.h"

namespace pipelined::dagfile {

// An expand as it is written.
struct ExpandEntry {
  Entry entry;
  Expand expand;
};

bool IsExpand(Key key);
void ReportSecondExpand(const Entry& entry, Reporter& reporter);

// One of a task or group. Reports values that are neither lists nor templates, and names of task keys that cannot be
// mapped; `for_group`: of a group, which has no action.
std::optional<ExpandEntry> ReadExpand(Key key, const Entry& entry, bool for_group, Reporter& reporter);

// A task whose outputs are mapped over.
struct ExpandSource {
  std::string path;  // "extract.rows": an id, and what is taken of its outputs
  NodeRef at;
};
std::vector<ExpandSource> SourcesOf(const ExpandEntry& expand);

struct GroupEntry;

// An expand of a task, to be carried out when all tasks are known.
struct TaskExpand {
  TaskNo task;
  ExpandEntry expand;
};
struct IndexTemplate {
  TaskNo task;
  Entry entry;
};

// Makes Dag::mappings. Reports what cannot be mapped: in a mapped group a task or group that is mapped itself, and a
// branch or short circuit with an expand of its own.
void MapTasks(const std::vector<TaskExpand>& tasks, const std::vector<IndexTemplate>& names,
              const std::vector<GroupEntry>& groups, Dag& dag, Reporter& reporter);

}  // namespace pipelined::dagfile
