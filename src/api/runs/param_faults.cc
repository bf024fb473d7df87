#include "api/runs/param_faults.h"

#include <fmt/format.h>

#include "api/http/errors.h"
#include "pipelined/base/secret_name.h"
#include "pipelined/schema/json_schema.h"

namespace pipelined::api {

std::vector<ParamFault> ParamFaults(const Value& params, const Value& conf) {
  std::vector<ParamFault> faults;
  if (!params.is_map()) return faults;
  for (const auto& [name, param] : params.map()) {
    const Value* given = conf.Find(name);
    const Value* value = given != nullptr ? given : param.Find("value");
    const Value* schema = param.Find("schema");
    const bool checked = schema != nullptr && schema->is_map();
    const std::vector<SchemaViolation> violations =
        checked && value != nullptr ? ValidateSchema(*schema, *value) : std::vector<SchemaViolation>();
    // A param without default has no value; versions of earlier releases are stored with the value null.
    if (value == nullptr || (given == nullptr && value->is_null() && !violations.empty())) {
      faults.push_back({name, "/" + name, "has no default and must be given in conf"});
      continue;
    }
    for (const SchemaViolation& violation : violations) {
      const std::string place = violation.path.empty() ? name : name + "." + violation.path;
      // The message says the value; the refusal goes to the audit trail.
      faults.push_back(
          {place, "/" + name + violation.pointer,
           IsSecretName(place) ? "is not as its schema says (it is a secret, and not shown)" : violation.message});
    }
  }
  return faults;
}

Response RefuseParams(const std::string& what, const std::vector<ParamFault>& faults) {
  std::string detail = what;
  Value::List errors;
  for (const ParamFault& fault : faults) {
    detail += fmt::format("{}params.{}: {}", errors.empty() ? "" : "; ", fault.place, fault.message);
    errors.emplace_back(Value::Map{{"pointer", fault.pointer}, {"message", fault.message}});
  }
  return Json(400, Value::Map{{"detail", std::move(detail)}, {"errors", std::move(errors)}});
}

}  // namespace pipelined::api
