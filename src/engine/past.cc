#include "pipelined/engine/past.h"

namespace pipelined {

bool LooksBack(const RunInfo& run, const Dag& dag) {
  const bool first_of_backfill = run.backfill && run.backfill_ordinal == 1;
  return dag.depends_on_past && run.logical_date && !first_of_backfill;
}

std::vector<std::string> PastTaskIds(const Dag& dag) {
  std::vector<bool> matters(dag.tasks.size(), false);
  for (TaskNo task = 0; task < dag.tasks.size(); ++task) {
    if (!dag.tasks[task].depends_on_past) continue;
    matters[task] = true;
    if (!dag.tasks[task].wait_for_downstream) continue;
    for (const TaskNo below : dag.downstream.Of(task)) matters[below] = true;
  }
  std::vector<std::string> ids;
  for (TaskNo task = 0; task < dag.tasks.size(); ++task) {
    if (matters[task]) ids.push_back(dag.tasks[task].id);
  }
  return ids;
}

}  // namespace pipelined
