// Names in templates that can be known to be wrong when the file is loaded.
#pragma once

#include "dagfile/document.h"
#include "pipelined/model/dag.h"

namespace pipelined::dagfile {

void CheckTemplates(const Dag& dag, NodeRef root, Reporter& reporter);

}  // namespace pipelined::dagfile
