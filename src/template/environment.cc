#include <fmt/format.h>

#include "pipelined/schema/json.h"
#include "pipelined/schema/json_schema.h"
#include "pipelined/template/task_context.h"

namespace pipelined {

std::vector<std::pair<std::string, std::string>> Environment(const TaskContext& context) {
  const TemplateRun& run = context.run;
  std::vector<std::pair<std::string, std::string>> env{
      {"PIPELINED_DAG_ID", context.dag->id},
      {"PIPELINED_RUN_ID", run.run_id},
      {"PIPELINED_TASK_ID", context.task->id},
      {"PIPELINED_MAP_INDEX", fmt::format("{}", context.map_index)},
      {"PIPELINED_TRY_NUMBER", fmt::format("{}", context.try_number)},
      {"PIPELINED_PARAMS", ToJson(run.params.is_null() ? Value(Value::Map{}) : run.params)},
      {"AIRFLOW_CTX_DAG_ID", context.dag->id},
      {"AIRFLOW_CTX_DAG_RUN_ID", run.run_id},
      {"AIRFLOW_CTX_TASK_ID", context.task->id},
      {"AIRFLOW_CTX_TRY_NUMBER", fmt::format("{}", context.try_number)}};
  const std::string& owner = context.task->owner.empty() ? context.dag->owner : context.task->owner;
  if (!owner.empty()) env.emplace_back("AIRFLOW_CTX_DAG_OWNER", owner);
  if (run.logical_date) {
    env.emplace_back("PIPELINED_LOGICAL_DATE", FormatIso(*run.logical_date));
    env.emplace_back("AIRFLOW_CTX_LOGICAL_DATE", FormatIso(*run.logical_date));
  }
  if (run.data_interval) {
    env.emplace_back("PIPELINED_DATA_INTERVAL_START", FormatIso(run.data_interval->start));
    env.emplace_back("PIPELINED_DATA_INTERVAL_END", FormatIso(run.data_interval->end));
  }
  return env;
}

Result<Value> ResolveParams(const Dag& dag, const Value& conf) {
  if (!conf.is_null() && !conf.is_map()) {
    return Error{ErrorCode::kInvalid, "conf must be an object of names and values", ""};
  }
  Value params{Value::Map{}};
  std::string wrong;
  for (const Param& param : dag.params) {
    const Value* given = conf.Find(param.name);
    if (given == nullptr && !param.default_value) {
      wrong += fmt::format("{}params.{}: is required", wrong.empty() ? "" : "; ", param.name);
      continue;
    }
    const Value& value = given != nullptr ? *given : *param.default_value;
    for (const SchemaViolation& violation : ValidateSchema(param.schema, value)) {
      wrong += fmt::format("{}params.{}{}{}: {}", wrong.empty() ? "" : "; ", param.name,
                           violation.path.empty() ? "" : ".", violation.path, violation.message);
    }
    params.Set(param.name, value);
  }
  if (!wrong.empty())
    return Error{ErrorCode::kInvalid, std::move(wrong), fmt::format("see: pipectl dags show {} --params", dag.id)};
  if (conf.is_map()) {
    for (const auto& [name, value] : conf.map()) params.Set(name, value);
  }
  return params;
}

}  // namespace pipelined
