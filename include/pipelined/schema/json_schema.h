// JSON Schema (draft 7) for params, conf and DAG files. The only door to valijson.
#pragma once

#include <string>
#include <vector>

#include "pipelined/base/value.h"

namespace pipelined {

struct SchemaViolation {
  std::string path;     // "region", "limits.rows"; empty for the value itself
  std::string message;  // "\"mars\" is not one of \"eu\", \"us\""
};

// All violations; empty means that `instance` is valid. A schema that is itself broken is one violation that says so.
std::vector<SchemaViolation> ValidateSchema(const Value& schema, const Value& instance);

}  // namespace pipelined
