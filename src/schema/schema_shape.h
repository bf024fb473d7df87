// Whether a schema is one: each keyword of the kind that draft 7 wants, and each $ref leads to a schema.
#pragma once

#include <string>

#include "pipelined/base/value.h"

namespace pipelined::schema {

inline constexpr int kDeepest = 100;

// What is wrong, whether or not a value ever gets there; empty: nothing.
std::string FaultOf(const Value& root);

// What "#/definitions/size" is within `root`; nullptr: nothing.
const Value* Resolve(const Value& root, const std::string& reference);

// One step of a JSON pointer.
std::string PointerStep(const std::string& name);

}  // namespace pipelined::schema
