// Which task instance is meant: "DAG RUN TASK", or "RUN TASK"; "TASK[2]" or --map-index for one of a mapped task.
#pragma once

#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/runs/run_name.h"

namespace pipelined::cli {

struct TaskWords {
  std::vector<std::string> words;
  int map_index = -1;
};

struct NamedTask {
  RunName run;
  std::string task_id;
  int map_index = -1;
  // What asks for the instance in a URL whose path does not: "map_index=2".
  std::string Query() const;
  // /api/v2/dags/{dag}/dagRuns/{run}/taskInstances/{task}, encoded; no index.
  std::string Path(const std::string& prefix = "/api/v2") const;
  // The same of the instance itself.
  std::string InstancePath() const;
};

// The last word is the task, or an instance of it; those before it name the run.
Result<NamedTask> FindTask(const Session& session, const TaskWords& given);

// A command that is about one task: its words are read into `words`.
CLI::App* AddForTask(CLI::App& tasks, const std::string& name, const std::string& does, TaskWords& words);

void AddTaskShow(CLI::App& tasks, Program& program);
void AddTaskRender(CLI::App& tasks, Program& program);

}  // namespace pipelined::cli
