// The query parameters of each operation, as the description of the API tells them. What is not here is ignored or
// refused.
#pragma once

#include <string_view>
#include <vector>

namespace pipelined::api {

struct Parameter {
  std::string_view name;
  std::string_view type;  // of JSON Schema
  bool list = false;      // may be repeated
  bool date = false;
  bool required = false;
};

std::vector<Parameter> QueryParameters(std::string_view operation_id);

}  // namespace pipelined::api
