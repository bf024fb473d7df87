// Values that schedules are made of.
#pragma once

#include <string_view>

#include "dagfile/document.h"
#include "pipelined/timetable/schedule.h"
#include "pipelined/timetable/zone.h"

namespace pipelined::dagfile {

// Thirty years: nothing that is meant lasts longer.
inline constexpr Micros kLongestLength = std::chrono::days(10'950);

// An instant; a wall time without an offset is read in `zone`. Reports what is none; then nothing.
std::optional<Instant> ReadInstant(NodeRef node, std::string_view name, const Zone& zone, Reporter& reporter);

// A duration ("1h30m") that is more than nothing, or a mapping of calendar parts ({months: 1, days: 2}). Reports what
// is neither; then false and the outputs are as they were.
bool ReadLength(const Entry& entry, Reporter& reporter, CalendarParts& calendar, Micros& fixed);

// The same without calendar parts.
bool ReadPlainLength(const Entry& entry, Reporter& reporter, Micros& out);

// "1 month 2 days", "15m": as listings show it.
std::string LengthText(const CalendarParts& calendar, Micros fixed);

}  // namespace pipelined::dagfile
