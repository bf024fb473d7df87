#include "timetable/delta_timetable.h"

#include <algorithm>

namespace pipelined {

namespace {

constexpr std::size_t kMostMonths = 4096;  // entries: a month each from 1900 through 2199
constexpr int kMostStretches = 20'000;     // of excluded days looked back over: weekly ones since long before 1970

}  // namespace

DeltaIntervalTimetable::DeltaIntervalTimetable(const Schedule& schedule, OpenDays open)
    : step_{schedule.every_calendar, schedule.every},
      start_date_(schedule.start_date),
      end_date_(schedule.end_date),
      catchup_(schedule.catchup),
      open_(std::move(open)) {
  if (step_.calendar.months != 0 && start_date_ && !catchup_) BuildMonths();
}

// A month's end that was cut down stays so, which no formula says: it is stepped through once, and looked up later.
void DeltaIntervalTimetable::BuildMonths() {
  constexpr Instant kFar = std::chrono::sys_days(std::chrono::year(2200) / 1 / 1);
  for (Instant at = *start_date_; months_.size() < kMostMonths && (months_.empty() || at > months_.back());
       at = Add(at, step_)) {
    months_.push_back(at);
    if (at > kFar) break;
  }
}

// The start of the latest interval that has ended by `now`. Fixed lengths (days too) have their grid at multiples since
// 1970, months at steps from the start date, so that the grid does not move with the clock; without either, it ends
// now.
Instant DeltaIntervalTimetable::LatestOnGrid(Instant now) const {
  if (step_.calendar.months == 0) {
    const Micros length = RoughLength(step_);  // exact: there are no months
    Micros past = now.time_since_epoch() % length;
    if (past < Micros(0)) past += length;
    return now - past - length;
  }
  if (months_.empty()) return Subtract(now, step_);
  const auto later = std::upper_bound(months_.begin(), months_.end(), now);
  if (later != months_.end()) return later - months_.begin() < 2 ? months_.front() : *(later - 2);
  Instant start = months_.size() < 2 ? months_.back() : *(months_.end() - 2);
  for (;;) {  // farther than was thought likely
    const Instant end = Add(start, step_);
    if (end <= start || Add(end, step_) > now) return start;
    start = end;
  }
}

// The same among the ticks that a calendar leaves. Nothing when it leaves none.
std::optional<Instant> DeltaIntervalTimetable::LatestCompleteStart(Instant now) const {
  Instant start = LatestOnGrid(now);
  Instant end = Add(start, step_);
  int stretches = 0;
  for (; !open_.IsOpen(end); start = Subtract(end, step_)) {
    const auto moved = open_.Moved(end);
    if (moved && *moved <= now) {
      end = *moved;
      break;
    }
    const auto earlier = open_.Back(end, step_);
    if (!earlier || ++stretches > kMostStretches) return std::nullopt;
    end = *earlier;
  }
  while (!open_.IsOpen(start)) {
    const auto moved = open_.Moved(start);
    if (moved && *moved < end) return moved;
    const auto earlier = open_.Back(start, step_);
    if (!earlier || ++stretches > kMostStretches) return std::nullopt;
    start = *earlier;
  }
  return start;
}

std::optional<DueRun> DeltaIntervalTimetable::Next(const std::optional<DataInterval>& last, Instant now) const {
  std::optional<Instant> start = start_date_;
  if (!catchup_) {
    const auto latest = LatestCompleteStart(now);
    if (!latest) return std::nullopt;
    start = start ? std::max(*start, *latest) : *latest;
  }
  if (last) start = start ? std::max(*start, last->end) : last->end;
  if (!start || (end_date_ && *start > *end_date_)) return std::nullopt;
  const auto end = open_.Settle(Add(*start, step_), step_);
  if (!end) return std::nullopt;
  return DueRun{*start, {*start, *end}, *end};
}

DataInterval DeltaIntervalTimetable::ManualInterval(Instant run_after) const {
  return {Subtract(run_after, step_), run_after};
}

DeltaTriggerTimetable::DeltaTriggerTimetable(const Schedule& schedule, OpenDays open)
    : step_{schedule.every_calendar, schedule.every},
      interval_{schedule.interval_calendar, schedule.interval},
      start_date_(schedule.start_date),
      end_date_(schedule.end_date),
      catchup_(schedule.catchup),
      open_(std::move(open)) {}

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
  const auto settled = open_.Settle(tick, step_);
  if (!settled || (end_date_ && *settled > *end_date_)) return std::nullopt;
  const Instant start = Subtract(*settled, interval_);
  return DueRun{start, {start, *settled}, *settled};
}

DataInterval DeltaTriggerTimetable::ManualInterval(Instant run_after) const {
  return {Subtract(run_after, interval_), run_after};
}

}  // namespace pipelined
