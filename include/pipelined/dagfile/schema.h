// What a DAG file may hold, for editors and for people: made from the tables that the loader reads with.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "pipelined/base/value.h"

namespace pipelined {

// JSON Schema (draft 7) of one document of a DAG file. Every file that loads fits it; one that fits may still be
// refused for what no schema says (circles, names, templates).
Value DagFileSchema();

struct KeyMeaning {
  std::string_view name;
  std::string_view meaning;  // one sentence
};

struct KeyTable {
  std::string_view what;  // "a DAG", "python of a task"
  std::vector<KeyMeaning> keys;
};

// The same in words, in the order of the tables.
std::vector<KeyTable> DagFileKeys();

}  // namespace pipelined
