#include "timetable/delta_timetable.h"

#include <algorithm>

namespace pipelined {

DeltaIntervalTimetable::DeltaIntervalTimetable(const Schedule& schedule)
    : step_{schedule.every_calendar, schedule.every},
      start_date_(schedule.start_date),
      end_date_(schedule.end_date),
      catchup_(schedule.catchup) {}

// The start of the latest interval that has ended by `now`. Fixed lengths (days too) have their grid at multiples since
// 1970, months at steps from the start date, so that the grid does not move with the clock; without either, it ends
// now.
Instant DeltaIntervalTimetable::LatestCompleteStart(Instant now) const {
  if (step_.calendar.months == 0) {
    const Micros length = RoughLength(step_);  // exact: there are no months
    Micros past = now.time_since_epoch() % length;
    if (past < Micros(0)) past += length;
    return now - past - length;
  }
  return start_date_ ? LatestOfMonths(*start_date_, now) : Subtract(now, step_);
}

// A month's end that was cut down stays so, hence step by step; a few hundred for a start date decades ago.
Instant DeltaIntervalTimetable::LatestOfMonths(Instant start, Instant now) const {
  for (;;) {
    const Instant end = Add(start, step_);
    if (end <= start || Add(end, step_) > now) return start;
    start = end;
  }
}

std::optional<DueRun> DeltaIntervalTimetable::Next(const std::optional<DataInterval>& last, Instant now) const {
  std::optional<Instant> start = start_date_;
  if (!catchup_) start = start ? std::max(*start, LatestCompleteStart(now)) : LatestCompleteStart(now);
  if (last) start = start ? std::max(*start, last->end) : last->end;
  if (!start || (end_date_ && *start > *end_date_)) return std::nullopt;
  const Instant end = Add(*start, step_);
  return DueRun{*start, {*start, end}, end};
}

DataInterval DeltaIntervalTimetable::ManualInterval(Instant run_after) const {
  return {Subtract(run_after, step_), run_after};
}

DeltaTriggerTimetable::DeltaTriggerTimetable(const Schedule& schedule)
    : step_{schedule.every_calendar, schedule.every},
      interval_{schedule.interval_calendar, schedule.interval},
      start_date_(schedule.start_date),
      end_date_(schedule.end_date),
      catchup_(schedule.catchup) {}

std::optional<DueRun> DeltaTriggerTimetable::Next(const std::optional<DataInterval>& last, Instant now) const {
  Instant tick = now;
  if (catchup_ && last) {
    tick = Add(last->end, step_);
  } else if (catchup_) {
    tick = start_date_.value_or(now);
  } else {
    if (last) tick = std::max(tick, Add(last->end, step_));
    if (start_date_) tick = std::max(tick, *start_date_);
  }
  if (end_date_ && tick > *end_date_) return std::nullopt;
  const Instant start = Subtract(tick, interval_);
  return DueRun{start, {start, tick}, tick};
}

DataInterval DeltaTriggerTimetable::ManualInterval(Instant run_after) const {
  return {Subtract(run_after, interval_), run_after};
}

}  // namespace pipelined
