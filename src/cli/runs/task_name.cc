#include "cli/runs/task_name.h"

#include <fmt/format.h>

#include "cli/runs/instance_name.h"
#include "pipelined/base/percent.h"
#include "pipelined/http/client.h"

namespace pipelined::cli {

std::string NamedTask::Query() const {
  return map_index < 0 ? "" : fmt::format("map_index={}", map_index);
}

std::string NamedTask::Path(const std::string& prefix) const {
  return RunPath(run.dag_id, run.run_id, prefix) + "/taskInstances/" + PercentEncode(task_id);
}

std::string NamedTask::InstancePath() const {
  return map_index < 0 ? Path() : fmt::format("{}/{}", Path(), map_index);
}

Result<NamedTask> FindTask(const Session& session, const TaskWords& given) {
  const auto run = FindRun(session, {given.words.begin(), given.words.end() - 1});
  if (!run) return run.error();
  const auto [task_id, index] = SplitInstanceName(given.words.back());
  return NamedTask{*run, task_id, given.map_index >= 0 ? given.map_index : index};
}

CLI::App* AddForTask(CLI::App& tasks, const std::string& name, const std::string& does, TaskWords& words) {
  CLI::App* command = AddCommand(tasks, name, does, fmt::format("pipectl tasks {} sales_daily latest extract", name));
  command->add_option("TASK", words.words, "DAG, run id (or \"latest\") and task id")->required()->expected(2, 3);
  command->add_option("--map-index", words.map_index, "The instance of a mapped task; also written TASK[2]");
  return command;
}

}  // namespace pipelined::cli
