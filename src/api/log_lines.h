// The lines of a log, as the API shows them.
#pragma once

#include <string_view>

#include "pipelined/base/value.h"

namespace pipelined::api {

// {"timestamp", "event"} of each: a line that begins with a time loses it to its own field.
Value::List LogLines(std::string_view text);
std::string LogLinesAsNdjson(std::string_view text);

}  // namespace pipelined::api
