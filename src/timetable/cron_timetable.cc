#include "timetable/cron_timetable.h"

#include <algorithm>

namespace pipelined {

// The start of the latest interval that has ended by `now`.
std::optional<Instant> CronIntervalTimetable::LatestCompleteStart(Instant now) const {
  const auto last = clock_.Before(now);
  if (!last) return std::nullopt;
  const auto next = clock_.After(*last);
  if (!next) return std::nullopt;
  return *next <= now ? last : clock_.Before(*last);
}

std::optional<DueRun> CronIntervalTimetable::Next(const std::optional<DataInterval>& last, Instant now) const {
  std::optional<Instant> start;
  if (start_date_) {
    start = clock_.AtOrAfter(*start_date_);
    if (!start) return std::nullopt;
  }
  if (!catchup_) {
    const auto latest = LatestCompleteStart(now);
    if (!latest) return std::nullopt;
    start = start ? std::max(*start, *latest) : *latest;
  }
  if (last) {
    // The schedule may have changed since: an end off the new grid is moved back to it.
    const auto aligned = clock_.AtOrBefore(last->end);
    if (!aligned) return std::nullopt;
    start = start ? std::max(*start, *aligned) : *aligned;
    if (*start <= last->start) start = clock_.After(*start);
  }
  if (!start || (end_date_ && *start > *end_date_)) return std::nullopt;
  const auto end = clock_.After(*start);
  if (!end) return std::nullopt;
  return DueRun{*start, {*start, *end}, *end};
}

DataInterval CronIntervalTimetable::ManualInterval(Instant run_after) const {
  const auto end = clock_.AtOrBefore(run_after);
  const auto start = end ? clock_.Before(*end) : std::nullopt;
  return start ? DataInterval{*start, *end} : DataInterval{run_after, run_after};
}

CronTriggerTimetable::CronTriggerTimetable(std::vector<CronClock> clocks, const Schedule& schedule)
    : clocks_(std::move(clocks)),
      start_date_(schedule.start_date),
      end_date_(schedule.end_date),
      catchup_(schedule.catchup),
      interval_{schedule.interval_calendar, schedule.interval},
      first_slot_(schedule.first_slot),
      first_slot_within_(schedule.first_slot_within) {}

// Without a start date and an earlier run: the slot that has just passed if it is recent enough, else the next one.
std::optional<Instant> CronTriggerTimetable::FirstTick(const CronClock& clock, Instant now) const {
  const auto past = clock.AtOrBefore(now);
  const auto next = clock.AtOrAfter(now);
  if (first_slot_ == FirstSlot::kAlways || !past || !next) return past && next ? past : std::nullopt;
  constexpr Micros kRecent = std::chrono::minutes(5);
  const Micros buffer =
      first_slot_ == FirstSlot::kWithin ? first_slot_within_ : std::max<Micros>((*next - *past) / 10, kRecent);
  return now - *past <= buffer ? past : next;
}

std::optional<Instant> CronTriggerTimetable::NextTick(const CronClock& clock, const std::optional<DataInterval>& last,
                                                      Instant now) const {
  if (catchup_) {
    if (last) return clock.After(last->end);
    return start_date_ ? clock.AtOrAfter(*start_date_) : FirstTick(clock, now);
  }
  std::vector<std::optional<Instant>> candidates = {clock.AtOrBefore(now)};
  if (last) {
    candidates.push_back(clock.After(last->end));
  } else if (!start_date_) {
    candidates.push_back(FirstTick(clock, now));
  }
  if (start_date_) candidates.push_back(clock.AtOrAfter(*start_date_));
  if (std::find(candidates.begin(), candidates.end(), std::nullopt) != candidates.end()) return std::nullopt;
  return *std::max_element(candidates.begin(), candidates.end());
}

std::optional<DueRun> CronTriggerTimetable::Next(const std::optional<DataInterval>& last, Instant now) const {
  std::optional<Instant> best;
  // Catching up: the earliest. Otherwise the latest of those whose logical date is past, else the next to come.
  const auto more_pressing = [&](Instant tick, Instant other) {
    const Instant a = Subtract(tick, interval_), b = Subtract(other, interval_);
    if (!catchup_ && (a <= now) != (b <= now)) return a <= now;
    return !catchup_ && a <= now ? a > b : a < b;
  };
  for (const CronClock& clock : clocks_) {
    const auto tick = NextTick(clock, last, now);
    if (!tick) return std::nullopt;
    if (end_date_ && *tick > *end_date_) continue;
    if (!best || more_pressing(*tick, *best)) best = *tick;
  }
  if (!best) return std::nullopt;
  const Instant start = Subtract(*best, interval_);
  return DueRun{start, {start, *best}, *best};
}

DataInterval CronTriggerTimetable::ManualInterval(Instant run_after) const {
  return {Subtract(run_after, interval_), run_after};
}

}  // namespace pipelined
