// A length of time that may contain calendar parts.
#pragma once

#include "pipelined/timetable/schedule.h"

namespace pipelined {

struct Step {
  CalendarParts calendar;
  Micros fixed{0};
};

// In UTC. Months first, the day cut down to the last one of the month, then days and the fixed part.
Instant Add(Instant instant, const Step& step);
Instant Subtract(Instant instant, const Step& step);

// With months of 30 and years of 365 days; for comparing with zero and for rounding.
Micros RoughLength(const Step& step);

}  // namespace pipelined
