#include "sim/checker/outlets.h"

#include <fmt/format.h>

#include <cstdlib>
#include <map>
#include <tuple>

namespace pipelined::sim {

std::string EachSuccessTellsOfItsOutlets(const Ledger& ledger, const Plan& plan) {
  using Told = std::tuple<std::string, std::string, std::string, std::int32_t, std::string>;
  std::map<Told, int> wanted;
  for (const std::vector<TaskChange>* changes : {&plan.steered, &plan.tasks}) {
    for (const TaskChange& change : *changes) {
      if (change.to != TaskState::kSuccess || !plan.WhoOf(change).empty()) continue;
      const RunRow& run = ledger.Of(change.run);
      const Task& task = run.dag->tasks[change.task];
      for (const std::string& uri : task.outlets)
        ++wanted[{run.info.dag_id, run.info.run_id, task.id, change.map_index, uri}];
    }
  }
  for (const AssetEvent& event : plan.asset_events)
    --wanted[{event.dag_id, event.run_id, event.task_id, event.map_index, event.uri}];
  for (const auto& [told, more] : wanted) {
    if (more != 0)
      return fmt::format("{} of {}, run {}, was told {} times too {}", std::get<4>(told), std::get<2>(told),
                         std::get<1>(told), std::abs(more), more > 0 ? "few" : "many");
  }
  return "";
}

}  // namespace pipelined::sim
