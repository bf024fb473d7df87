// Branches whose ways are written out: each must be a task or a group below.
#pragma once

#include <vector>

#include "dagfile/document.h"
#include "pipelined/model/dag.h"

namespace pipelined::dagfile {

// `tasks`: what each task of `dag`, linked by now, was read from. What a template gives is known only when it runs.
void CheckBranches(const Dag& dag, const std::vector<NodeRef>& tasks, Reporter& reporter);

}  // namespace pipelined::dagfile
