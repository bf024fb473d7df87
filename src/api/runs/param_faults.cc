#include "api/runs/param_faults.h"

#include <fmt/format.h>

#include "pipelined/base/secret_name.h"
#include "pipelined/schema/json_schema.h"

namespace pipelined::api {

std::string ParamFaults(const Value& params, const Value& conf) {
  std::string faults;
  const auto add = [&](const std::string& path, std::string_view message) {
    if (!faults.empty()) faults += "; ";
    faults += fmt::format("params.{}: {}", path, message);
  };
  if (!params.is_map()) return faults;
  for (const auto& [name, param] : params.map()) {
    const Value* given = conf.Find(name);
    const Value* value = given != nullptr ? given : param.Find("value");
    const Value* schema = param.Find("schema");
    const bool checked = schema != nullptr && schema->is_map();
    const std::vector<SchemaViolation> violations =
        checked && value != nullptr ? ValidateSchema(*schema, *value) : std::vector<SchemaViolation>();
    // A param without default is stored with the value null.
    if (value == nullptr || (given == nullptr && value->is_null() && !violations.empty())) {
      add(name, "has no default and must be given in conf");
    } else {
      for (const SchemaViolation& violation : violations) {
        const std::string path = violation.path.empty() ? name : name + "." + violation.path;
        // The message says the value; the refusal goes to the audit trail.
        add(path, IsSecretName(path) ? "is not as its schema says (it is a secret, and not shown)" : violation.message);
      }
    }
  }
  return faults;
}

}  // namespace pipelined::api
