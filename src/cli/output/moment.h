// Points in time on the command line: 2026-01-31T06:00:00Z, and without an offset 2026-01-31 or 2026-01-31T06:00 in
// UTC.
#pragma once

#include <string>

#include "pipelined/base/time.h"

namespace pipelined::cli {

// kInvalid names the option, which is given as "--from".
Result<Instant> ParseMoment(const std::string& option, const std::string& text);

}  // namespace pipelined::cli
