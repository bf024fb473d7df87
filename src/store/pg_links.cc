// Who made a run, and which runs its tasks have made.
#include "store/arrays.h"
#include "store/pg_catalog.h"
#include "store/pg_with.h"
#include "store/rows.h"

namespace pipelined {
namespace {

RunLink ReadLink(const pqxx::row& row) {
  return RunLink{row[0].c_str(), row[1].c_str(), row[2].c_str(),
                 RunStateFromString(row[3].c_str()).value_or(RunState::kQueued), row[4].as<bool>()};
}

}  // namespace

Result<RunLinks> PgCatalog::Links(const RunInfo& run) {
  return pool_.With("read the links of a run", [&](Session& session) -> Result<RunLinks> {
    RunLinks links;
    if (run.parent) {
      // A parent that was cleaned away is not known any more.
      const pqxx::result parent =
          session.Run("link_up", "select dag_id, run_id, $2, state, $3::boolean from dag_run where id = $1",
                      run.parent.run.value, run.parent.task_id, run.parent.sub_run);
      if (!parent.empty()) links.parent = ReadLink(parent[0]);
    }
    for (const pqxx::row& row : session.Run("links_down",
                                            "select dag_id, run_id, parent_task, state, sub_run from dag_run where "
                                            "parent_run = $1 order by id",
                                            run.id.value))
      links.made.push_back(ReadLink(row));
    return links;
  });
}

}  // namespace pipelined
