#include "pipelined/model/dag.h"

namespace pipelined {

std::string_view OperatorName(ActionKind kind) {
  switch (kind) {
    case ActionKind::kEmpty:
      return "empty";
    case ActionKind::kBash:
      return "bash";
    case ActionKind::kExec:
      return "exec";
    case ActionKind::kPythonFile:
    case ActionKind::kPythonCode:
      return "python";
    case ActionKind::kBranch:
      return "branch";
    case ActionKind::kShortCircuit:
      return "short_circuit";
    case ActionKind::kLatestOnly:
      return "latest_only";
    case ActionKind::kTriggerDag:
      return "trigger_dag";
    case ActionKind::kSubDag:
      return "dag";
    case ActionKind::kSensor:
      return "sensor";
    case ActionKind::kHttp:
      return "http";
    case ActionKind::kSql:
      return "sql";
    case ActionKind::kSqlite:
      return "sqlite";
    case ActionKind::kMail:
      return "mail";
    case ActionKind::kSsh:
      return "ssh";
  }
  return "";
}

}  // namespace pipelined
