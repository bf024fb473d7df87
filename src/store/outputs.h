// The outputs of a task as others read them.
#pragma once

#include <string>

#include "pipelined/base/value.h"

namespace pipelined {

// Adds one to those of its task, which come in the order of their keys. `to_list`: it is one instance's of many, which
// make a list.
void AddOutput(Value::Map& outputs, std::string key, Value value, bool to_list);

}  // namespace pipelined
