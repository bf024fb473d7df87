// The range of a backfill, as people write it.
#pragma once

#include <string>

#include "pipelined/base/result.h"
#include "pipelined/base/time.h"
#include "pipelined/timetable/zone.h"

namespace pipelined::cli {

enum class RangeEnd { kFrom, kTo };

// A date without an offset is one of `zone`, the DAG's. A bare date is the whole day: its first instant in --from, its
// last microsecond in --to. kInvalid when it is none.
Result<Instant> ReadRangeDate(const std::string& text, RangeEnd end, const Zone& zone);

}  // namespace pipelined::cli
