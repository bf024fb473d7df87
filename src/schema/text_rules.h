// `pattern` and `format` of JSON Schema. valijson leaves both to std::regex, which a hostile pattern hangs and a long
// text crashes; here they are RE2's, in linear time.
#pragma once

#include <string>
#include <vector>

#include "pipelined/schema/json_schema.h"

namespace pipelined {

struct TextRules {
  Value stripped;                           // the schema without them, for valijson
  std::vector<SchemaViolation> broken;      // a pattern that is none, or one where it cannot be judged
  std::vector<SchemaViolation> violations;  // by the instance
};

// Judges `pattern` and `format` wherever they hold without condition: in the schema itself, `properties`, `items`,
// `additionalProperties` and `allOf`. Below `anyOf`, `oneOf`, `not`, `if` and the like a `pattern` is refused as
// broken.
TextRules CheckTextRules(const Value& schema, const Value& instance);

}  // namespace pipelined
