// An instant as people write it in a question about the past.
#pragma once

#include <string_view>

#include "pipelined/base/time.h"

namespace pipelined::api {

// RFC 3339 or a Unix time; a date and time without an offset is UTC; "-90s" is so long before `now`, "+5m" so long
// after `start`. kInvalid when it is none of them, or lies after `now`.
Result<Instant> ParseWhen(std::string_view text, Instant now, Instant start);

}  // namespace pipelined::api
