// What Airflow has and this engine has not: answered as Airflow answers when there is none of it.
#include <fmt/format.h>

#include "api/http/body.h"
#include "api/http/errors.h"
#include "api/handlers.h"
#include "api/http/query.h"
#include "api/shapes.h"

namespace pipelined::api {
namespace {

Response EmptyPage(const Call& call, std::string_view name) {
  Query query(call.request);
  query.ReadPage();
  return query.ok() ? Json(Collection(name, {}, 0)) : query.Refusal();
}

// The instance that the path and the query name, or the refusal.
std::optional<Response> NoInstance(const Call& call) {
  Query query(call.request);
  const std::int64_t map_index = query.Int("map_index", kNotMapped, kNotMapped);
  query.Ints("try_number");       // of links: there are none of any try
  query.Bool("all_map_indices");  // of a state store: it is empty
  if (!query.ok()) return query.Refusal();
  const Result<TaskInstanceRow> row =
      call.Arg("map_index").empty() ? FindInstance(call, map_index) : FindInstance(call);
  return row.ok() ? std::nullopt : std::optional(ErrorResponse(row.error()));
}

}  // namespace

Response GetPlugins(const Call& call) {
  return EmptyPage(call, "plugins");
}

Response GetPluginImportErrors(const Call&) {
  return Json(Collection("import_errors", {}, 0));
}

Response GetProviders(const Call& call) {
  return EmptyPage(call, "providers");
}

Response GetExtraLinks(const Call& call) {
  if (auto refusal = NoInstance(call)) return *std::move(refusal);
  return Json(Value::Map{{"extra_links", Value::Map{}}, {"total_entries", 0}});
}

Response GetExternalLogUrl(const Call& call) {
  std::int64_t number = 0;
  if (auto refusal = ReadPathId("try_number", call.Arg("try_number"), number)) return *std::move(refusal);
  if (number == 0) {
    Violations violations;
    violations.Add("greater_than", {"path", "try_number"}, "Input should be greater than 0", Value("0"));
    return violations.Answer();
  }
  Query query(call.request);
  query.Int("map_index", kNotMapped, kNotMapped);
  if (!query.ok()) return query.Refusal();
  return Detail(400, "Task log handler does not support external logs.");
}

Response GetTaskState(const Call& call) {
  if (auto refusal = NoInstance(call)) return *std::move(refusal);
  return EmptyPage(call, "task_state_store");
}

Response NoTaskState(const Call& call) {
  if (auto refusal = NoInstance(call)) return *std::move(refusal);
  return Detail(404, fmt::format("Task state with key `{}` was not found: tasks keep no state here", call.Arg("key")));
}

Response ClearTaskState(const Call& call) {
  if (auto refusal = NoInstance(call)) return *std::move(refusal);
  return NoContent();
}

Response GetHitlDetails(const Call& call) {
  const std::string &dag_id = call.Arg("dag_id"), &run_id = call.Arg("dag_run_id");
  if (run_id != "~") {
    if (const Result<RunRow> run = call.catalog().Run(dag_id, run_id); !run.ok()) return ErrorResponse(run.error());
  } else if (dag_id != "~") {
    if (const Result<DagRow> dag = call.catalog().Dag(dag_id); !dag.ok()) return ErrorResponse(dag.error());
  }
  return EmptyPage(call, "hitl_details");
}

Response NoHitlDetail(const Call& call) {
  if (auto refusal = NoInstance(call)) return *std::move(refusal);
  return Detail(
      404, fmt::format("Human-in-the-loop detail does not exist for Task Instance with id {}", call.Arg("task_id")));
}

// Runs have no partitions: none is cleared.
Response ClearPartitions(const Call& call) {
  Body body(call.request, {"partition_key", "partition_date_start", "partition_date_end", "run_id",
                           "clear_task_instances", "dry_run"});
  body.String("partition_key");
  body.Date("partition_date_start");
  body.Date("partition_date_end");
  body.String("run_id");
  body.Bool("clear_task_instances");
  body.Bool("dry_run");
  if (!body.ok()) return body.Refusal();
  if (const Result<DagRow> dag = call.catalog().Dag(call.Arg("dag_id")); !dag.ok()) return ErrorResponse(dag.error());
  return Detail(400, "the runs of this DAG have no partitions");
}

}  // namespace pipelined::api
