// Names under depends_on, to the edges of the graph.
#pragma once

#include <vector>

#include "dagfile/group_reader.h"
#include "dagfile/task_reader.h"
#include "pipelined/model/dag.h"

namespace pipelined::dagfile {

// Links `dag`, whose groups are `groups`. Reports names that are neither tasks nor groups, what depends on itself or on
// a group that it stands in, groups without tasks, and a cycle.
// A mapped task depends on the tasks that it is mapped over; Mapping::sources names them.
void LinkTasks(const std::vector<Dependency>& dependencies, const std::vector<GroupEntry>& groups,
               const std::vector<TaskExpand>& expands, Dag& dag, Reporter& reporter);

}  // namespace pipelined::dagfile
