// What is taken away by hand, and outputs that are set by hand.
#include <fmt/format.h>

#include "api/http/body.h"
#include "api/http/errors.h"
#include "api/handlers.h"
#include "api/http/letters.h"
#include "api/http/query.h"
#include "api/shapes.h"
#include "api/runs/steering.h"
#include "api/vault/masking.h"

namespace pipelined::api {
namespace {

constexpr std::size_t kMaxKey = 512;

Result<Value> OutputsOf(const Call& call, const TaskInstanceRow& row) {
  return call.catalog().Outputs(row.run, row.task_id, row.map_index);
}

Response Missing(const std::string& key) {
  return Detail(404, fmt::format("XCom entry with key: `{}` not found", key));
}

EditOutput EditOf(const TaskInstanceRow& row, const std::string& key) {
  return EditOutput{row.run, row.task_id, row.map_index, key};
}

// For the audit trail.
Value Shown(const std::string& key, const Value& value) {
  return MaskSecrets(Value::Map{{key, value}});
}

Response Written(const Call& call, const TaskInstanceRow& row, const std::string& key, const Value& value, int status) {
  EditOutput edit = EditOf(row, key);
  edit.value = value;
  if (auto refusal = Carry(call, Command{{}, {}, std::move(edit)})) return *std::move(refusal);
  call.After(InstanceName(row), Shown(key, value));
  Value entry = XComShape(row, key);
  entry.Set("value", value);
  return Json(status, entry);
}

}  // namespace

Response RemoveRun(const Call& call) {
  const std::string &dag_id = call.Arg("dag_id"), &run_id = call.Arg("dag_run_id");
  const Result<RunRow> run = call.catalog().Run(dag_id, run_id);
  if (!run.ok()) return ErrorResponse(run.error());
  const auto refusal = [&](std::string_view state) {
    return Detail(409, fmt::format("The DagRun with dag_id: `{}` and run_id: `{}` cannot be deleted in {} state",
                                   dag_id, run_id, state));
  };
  if (run->info.state == RunState::kRunning) return refusal("running");
  call.Before(RunName(*run), Value::Map{{"state", ToString(run->info.state)}, {"note", run->note}});
  if (auto refused = Carry(call, Command{{}, {}, pipelined::DeleteRun{dag_id, run_id, run->info.id}}))
    return *std::move(refused);
  // A run that was being taken up in that moment stays.
  if (const Result<RunRow> left = call.catalog().Run(dag_id, run_id); left.ok() && left->info.id == run->info.id)
    return refusal(ToString(left->info.state));
  return NoContent();
}

// Its state goes, so that it is as if untouched; what its tries did stays in the history.
Response RemoveTaskInstance(const Call& call) {
  Query query(call.request);
  const std::int64_t map_index = query.Int("map_index", kNotMapped, kNotMapped);
  if (!query.ok()) return query.Refusal();
  const Result<TaskInstanceRow> row = FindInstance(call, map_index);
  if (!row.ok()) return ErrorResponse(row.error());
  ClearTasks clear;
  clear.runs.dag_id = row->dag_id;
  clear.runs.run = row->run;
  if (row->map_index < 0) clear.tasks.ids = {row->task_id};
  if (row->map_index >= 0) clear.tasks.instances = {{row->task_id, row->map_index}};
  clear.tasks.only_failed = false;
  clear.reset_runs = false;
  call.Before(InstanceName(*row), Value::Map{{"state", ToString(row->state)}, {"try_number", row->try_number}});
  if (auto refusal = Carry(call, Command{{}, {}, std::move(clear)})) return *std::move(refusal);
  return Json(nullptr);
}

Response PostXComEntry(const Call& call) {
  Body body(call.request, {"key", "value", "map_index"});
  body.RequireValue("key");
  body.Require("value");
  const std::string key = body.String("key").value_or("");
  const std::int64_t map_index = body.Int("map_index", kNotMapped, kGreatestMapIndex).value_or(kNotMapped);
  if (body.ok() && (key.empty() || CharacterCount(key) > kMaxKey))
    body.Refuse("the key should have 1 to 512 characters");
  if (!body.ok()) return body.Refusal();
  const Result<TaskInstanceRow> row = FindInstance(call, map_index);
  if (!row.ok()) return ErrorResponse(row.error());
  const Result<Value> outputs = OutputsOf(call, *row);
  if (!outputs.ok()) return ErrorResponse(outputs.error());
  if (outputs->Find(key) != nullptr)
    return Detail(409, fmt::format("The XCom with key: `{}` with mentioned task instance already exists.", key));
  return Written(call, *row, key, *body.Given("value"), 201);
}

Response PatchXComEntry(const Call& call) {
  Body body(call.request, {"value", "map_index"});
  body.Require("value");
  const std::int64_t map_index = body.Int("map_index", kNotMapped, kGreatestMapIndex).value_or(kNotMapped);
  if (!body.ok()) return body.Refusal();
  const std::string& key = call.Arg("xcom_key");
  const Result<TaskInstanceRow> row = FindInstance(call, map_index);
  if (!row.ok()) return ErrorResponse(row.error());
  const Result<Value> outputs = OutputsOf(call, *row);
  if (!outputs.ok()) return ErrorResponse(outputs.error());
  const Value* const known = outputs->Find(key);
  if (known == nullptr) return Missing(key);
  call.Before(InstanceName(*row), Shown(key, *known));
  return Written(call, *row, key, *body.Given("value"), 200);
}

Response RemoveXComEntry(const Call& call) {
  Query query(call.request);
  const std::int64_t map_index = query.Int("map_index", kNotMapped, kNotMapped);
  if (!query.ok()) return query.Refusal();
  const std::string& key = call.Arg("xcom_key");
  const Result<TaskInstanceRow> row = FindInstance(call, map_index);
  if (!row.ok()) return ErrorResponse(row.error());
  const Result<Value> outputs = OutputsOf(call, *row);
  if (!outputs.ok()) return ErrorResponse(outputs.error());
  const Value* const known = outputs->Find(key);
  if (known == nullptr) return Missing(key);
  call.Before(InstanceName(*row), Shown(key, *known));
  if (auto refusal = Carry(call, Command{{}, {}, EditOf(*row, key)})) return *std::move(refusal);
  return NoContent();
}

}  // namespace pipelined::api
