#include "api/words.h"

#include <algorithm>
#include <array>

namespace pipelined::api {

std::string OperatorClass(ActionKind kind) {
  switch (kind) {
    case ActionKind::kEmpty:
      return "EmptyOperator";
    case ActionKind::kBash:
      return "BashOperator";
    case ActionKind::kExec:
      return "ExecOperator";
    case ActionKind::kPythonFile:
    case ActionKind::kPythonCode:
      return "PythonOperator";
    case ActionKind::kBranch:
      return "BranchPythonOperator";
    case ActionKind::kShortCircuit:
      return "ShortCircuitOperator";
    case ActionKind::kLatestOnly:
      return "LatestOnlyOperator";
    case ActionKind::kTriggerDag:
      return "TriggerDagRunOperator";
    case ActionKind::kSubDag:
      return "SubDagOperator";
    case ActionKind::kSensor:
      return "Sensor";
    case ActionKind::kHttp:
      return "HttpOperator";
    case ActionKind::kSql:
      return "SQLExecuteQueryOperator";
    case ActionKind::kSqlite:
      return "SqliteOperator";
    case ActionKind::kMail:
      return "EmailOperator";
    case ActionKind::kSsh:
      return "SSHOperator";
  }
  return "BaseOperator";
}

std::string_view OperatorModule(ActionKind kind) {
  switch (kind) {
    case ActionKind::kEmpty:
      return "airflow.providers.standard.operators.empty";
    case ActionKind::kBash:
      return "airflow.providers.standard.operators.bash";
    case ActionKind::kExec:
      return "pipelined";
    case ActionKind::kPythonFile:
    case ActionKind::kPythonCode:
    case ActionKind::kBranch:
    case ActionKind::kShortCircuit:
      return "airflow.providers.standard.operators.python";
    case ActionKind::kLatestOnly:
      return "airflow.providers.standard.operators.latest_only";
    case ActionKind::kTriggerDag:
      return "airflow.providers.standard.operators.trigger_dagrun";
    case ActionKind::kSubDag:
    case ActionKind::kSensor:
      return "pipelined";
    case ActionKind::kHttp:
      return "airflow.providers.http.operators.http";
    case ActionKind::kSql:
      return "airflow.providers.common.sql.operators.sql";
    case ActionKind::kSqlite:
      return "airflow.providers.sqlite.operators.sqlite";
    case ActionKind::kMail:
      return "airflow.providers.smtp.operators.smtp";
    case ActionKind::kSsh:
      return "airflow.providers.ssh.operators.ssh";
  }
  return "pipelined";
}

namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 15> kOperators{{
    {"bash", "BashOperator"},
    {"exec", "ExecOperator"},
    {"python", "PythonOperator"},
    {"empty", "EmptyOperator"},
    {"branch", "BranchPythonOperator"},
    {"short_circuit", "ShortCircuitOperator"},
    {"latest_only", "LatestOnlyOperator"},
    {"trigger_dag", "TriggerDagRunOperator"},
    {"dag", "SubDagOperator"},
    {"sensor", "Sensor"},
    {"http", "HttpOperator"},
    {"sql", "SQLExecuteQueryOperator"},
    {"sqlite", "SqliteOperator"},
    {"mail", "EmailOperator"},
    {"ssh", "SSHOperator"},
}};

}  // namespace

Value OperatorClass(std::string_view operator_name) {
  if (operator_name.empty()) return nullptr;
  for (const auto& [word, name] : kOperators) {
    if (word == operator_name) return name;
  }
  return operator_name;
}

std::string OperatorWord(const std::string& operator_class) {
  for (const auto& [word, name] : kOperators) {
    if (name == operator_class) return std::string(word);
  }
  return operator_class;
}

Value TemplateFields(ActionKind kind) {
  switch (kind) {
    case ActionKind::kEmpty:
      return Value::List{};
    case ActionKind::kBash:
      return Value::List{"bash_command", "env", "cwd"};
    case ActionKind::kExec:
      return Value::List{"exec", "env", "cwd"};
    case ActionKind::kPythonFile:
    case ActionKind::kPythonCode:
      return Value::List{"python", "env", "cwd"};
    case ActionKind::kBranch:
      return Value::List{"branch"};
    case ActionKind::kShortCircuit:
      return Value::List{"short_circuit"};
    case ActionKind::kTriggerDag:
    case ActionKind::kSubDag:
      return Value::List{"trigger_dag_id", "trigger_run_id", "logical_date", "conf"};
    case ActionKind::kSensor:
      return Value::List{"sensor"};
    case ActionKind::kLatestOnly:
      return Value::List{};
    case ActionKind::kHttp:
      return Value::List{"endpoint", "data", "headers"};
    case ActionKind::kSql:
    case ActionKind::kSqlite:
      return Value::List{"sql", "parameters"};
    case ActionKind::kMail:
      return Value::List{"to", "subject", "html_content"};
    case ActionKind::kSsh:
      return Value::List{"command", "remote_host", "environment"};
  }
  return Value::List{};
}

std::string_view WeightRuleWord(WeightRule rule) {
  switch (rule) {
    case WeightRule::kDownstream:
      return "downstream";
    case WeightRule::kUpstream:
      return "upstream";
    case WeightRule::kAbsolute:
      return "absolute";
  }
  return "downstream";
}

Value TriggeredByWord(const std::string& stored) {
  constexpr std::array<std::string_view, 8> kWords{"cli",  "operator",  "rest_api", "ui",
                                                   "test", "timetable", "asset",    "backfill"};
  return std::find(kWords.begin(), kWords.end(), stored) == kWords.end() ? Value() : Value(stored);
}

std::span<const std::string_view> RunStateWords() {
  static constexpr std::array<std::string_view, 4> kWords{"queued", "running", "success", "failed"};
  return kWords;
}

std::span<const std::string_view> RunTypeWords() {
  static constexpr std::array<std::string_view, 6> kWords{
      "backfill", "scheduled", "manual", "operator_triggered", "asset_triggered", "asset_materialization"};
  return kWords;
}

std::span<const std::string_view> TaskStateWords() {
  static constexpr std::array<std::string_view, 15> kWords{
      "removed",      "scheduled",         "queued",          "running", "success",  "restarting",     "failed",
      "up_for_retry", "up_for_reschedule", "upstream_failed", "skipped", "deferred", "awaiting_input", "none",
      "no_status"};
  return kWords;
}

}  // namespace pipelined::api
