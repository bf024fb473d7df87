// JSON Schema (draft 7) for params, conf and DAG files: every keyword of it. `$ref` reaches within the schema alone
// ("#/definitions/size"); a `pattern` is one of RE2, without look-around; of `format` those that say something about a
// text are checked, all others are notes. Bounded in depth and steps.
#pragma once

#include <string>
#include <vector>

#include "pipelined/base/value.h"

namespace pipelined {

struct SchemaViolation {
  std::string path;     // "region", "limits.rows"; empty for the value itself
  std::string message;  // "\"mars\" is not one of \"eu\", \"us\""
  std::string pointer;  // the same place as a JSON pointer: "/limits/rows"
};

// What is wrong with the schema itself; empty: nothing.
std::string SchemaFault(const Value& schema);

// All violations; empty means that `instance` is valid. A schema that is itself broken is one violation that says so.
std::vector<SchemaViolation> ValidateSchema(const Value& schema, const Value& instance);

}  // namespace pipelined
