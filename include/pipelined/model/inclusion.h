// A task template, included into a DAG: what `params` and the ids of tasks mean to the tasks that it brings.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "pipelined/base/value.h"

namespace pipelined {

// Immutable; shared by the tasks of the inclusion.
struct Inclusion {
  struct Param {
    std::string name;
    Value schema;              // JSON Schema
    Value value;               // given by `with`, or the default
    bool is_template = false;  // the text of a template that is evaluated where the template was included
  };
  std::string prefix;  // of the ids of its tasks: "load."; of one within it: "load.check."
  std::vector<Param> params;
  std::shared_ptr<const Inclusion> outer;  // the inclusion that it stands in; nullptr: it stands in the DAG
};

}  // namespace pipelined
