// The query parameters of each operation, as the description of the API tells them. What is not here is ignored or
// refused.
#pragma once

#include <string_view>
#include <vector>

#include "api/openapi/schemas.h"

namespace pipelined::api {

// Those that take a list may be repeated.
std::vector<Field> QueryParameters(std::string_view operation_id);

// What a variable of a path must look like.
Field PathParameter(std::string_view operation_id, std::string_view name);

}  // namespace pipelined::api
