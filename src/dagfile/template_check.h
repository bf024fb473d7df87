// Names in templates that can be known to be wrong when the file is loaded, each shown where it stands in the YAML.
#pragma once

#include <vector>

#include "dagfile/document.h"
#include "pipelined/model/dag.h"

namespace pipelined::dagfile {

// `tasks`: the mapping that `dag`, linked by now, was read from. `inherited`: `env` mappings that hold for every task;
// a name in them may be right for one task and wrong for another, so only their syntax is checked.
void CheckTemplates(const Dag& dag, NodeRef tasks, const std::vector<NodeRef>& inherited, Reporter& reporter);

// Where character `offset` of a scalar's value stands in the file, as near as it can be told.
Place PlaceInside(NodeRef scalar, std::size_t offset, int line, int column, int length);

}  // namespace pipelined::dagfile
