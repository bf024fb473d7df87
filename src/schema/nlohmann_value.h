// Value as nlohmann's type, for the files of this module.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "pipelined/base/value.h"

namespace pipelined {

nlohmann::ordered_json ToNlohmann(const Value& value);

}  // namespace pipelined
