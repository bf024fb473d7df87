// What clear and mark have in common: which runs are meant, and which of their tasks, as a listing of instances.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/http/body.h"
#include "api/service.h"
#include "pipelined/engine/clear.h"

namespace pipelined::api {

inline constexpr std::size_t kMaxNote = 1000;  // characters, as in Airflow

// The note that a body gives: null takes it back. Noted as wrong when it is too long.
std::optional<std::string> ReadNote(Body& body);

// Which tasks of a DAG, and which of their instances.
struct Choose {
  std::function<std::vector<SelectedTask>(const Dag& dag)> tasks;
  std::function<bool(const TaskInstanceRow&)> is_meant;
};

// A dry run: the instances that would be concerned, as they are. `run_id`: of `runs.run`. `version`: whose tasks are
// meant, 0: each run's own.
Result<std::vector<TaskInstanceRow>> WouldConcern(const Call& call, const RunChoice& runs, const std::string& run_id,
                                                  VersionId version, const Choose& choose);
// The instances that a command answered with ({"tasks": [[run_id, task_id, map_index], …]}), as they are now.
Result<std::vector<TaskInstanceRow>> Concerned(const Call& call, const std::string& dag_id, const Value& result);

Response InstancesAnswer(const Result<std::vector<TaskInstanceRow>>& rows);

// What the audit trail calls them where one request changes many.
std::string RunName(const RunRow& row);
std::string InstanceName(const TaskInstanceRow& row);

}  // namespace pipelined::api
