// Whether a schema is one: each keyword of the kind that draft 7 wants.
#pragma once

#include <string>

#include "pipelined/base/value.h"

namespace pipelined::schema {

inline constexpr int kDeepest = 100;

// Empty: nothing is wrong.
std::string ShapeFault(const Value& schema);

// The same, and each $ref in it leads to a schema, whether or not a value ever gets there.
std::string ReferenceFault(const Value& root);

// What "#/definitions/size" is within `root`; nullptr: nothing.
const Value* Resolve(const Value& root, const std::string& reference);

// One step of a JSON pointer.
std::string PointerStep(const std::string& name);

}  // namespace pipelined::schema
