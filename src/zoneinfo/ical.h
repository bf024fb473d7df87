// The days that an iCalendar text (RFC 5545) names. The only door to libical.
#pragma once

#include <string_view>

#include "pipelined/base/result.h"
#include "pipelined/timetable/zone.h"

namespace pipelined {

// Of a hostile text: what more than these is refused, with the limit in the message.
inline constexpr std::size_t kLargestCalendar = 4u << 20;  // bytes
inline constexpr std::size_t kMostEvents = 20'000;         // in a text
inline constexpr std::size_t kMostRecurring = 200;         // events with rules; each may take 100,000 steps
inline constexpr std::size_t kMostOccurrences = 200'000;   // of all events together
inline constexpr std::chrono::days kLongestEvent{366};     // nothing longer is a holiday
inline constexpr int kLastHolidayYear = 2199;              // rules go on for ever

// Every day from 1970 through 2199 on which an event takes place: all-day events (DTEND is the day after), timed ones
// on every day that they touch on their own clock; RRULE, RDATE, EXDATE and changed single occurrences count, cancelled
// events do not. kInvalid says what is wrong.
Result<DayList> DaysOfCalendar(std::string_view text);

}  // namespace pipelined
