// The lines of a log, as the API shows them.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "pipelined/base/value.h"

namespace pipelined::api {

// {"timestamp", "event"} of each: a line that begins with a time loses it to its own field.
Value::List LogLines(std::string_view text);
std::string LogLinesAsNdjson(std::string_view text);
// How many bytes of `text` its first `most` lines are.
std::size_t SizeOfLines(std::string_view text, std::size_t most);

}  // namespace pipelined::api
