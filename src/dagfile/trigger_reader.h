// `trigger_dag` and `dag`: tasks that make runs of other DAGs.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "dagfile/document.h"
#include "pipelined/model/dag.h"

namespace pipelined::dagfile {

// The dag_id of the one DAG in a file that a task names; nothing: it was reported.
using DagOfFile = std::function<std::optional<std::string>(const Entry& file)>;

// An id, or a mapping.
void ReadTriggerDag(const Entry& entry, Reporter& reporter, Task& task);
void ReadSubDag(const Entry& entry, const DagOfFile& dag_of_file, Reporter& reporter, Task& task);

// The DAGs of which `dag` makes runs, as far as their ids are written out.
std::vector<std::string> CalledDags(const Dag& dag);

}  // namespace pipelined::dagfile
