// Names under depends_on, to the edges of the graph.
#pragma once

#include <vector>

#include "dagfile/task_reader.h"
#include "pipelined/model/dag.h"

namespace pipelined::dagfile {

// Links `dag`; reports names that are no tasks, tasks that depend on themselves, and a cycle.
void LinkTasks(const std::vector<Dependency>& dependencies, Dag& dag, Reporter& reporter);

}  // namespace pipelined::dagfile
