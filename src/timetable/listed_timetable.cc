#include "timetable/listed_timetable.h"

#include <algorithm>

namespace pipelined {

namespace {

DueRun Exactly(Instant instant) {
  return {instant, {instant, instant}, instant};
}

}  // namespace

std::optional<DueRun> OnceTimetable::Next(const std::optional<DataInterval>& last, Instant now) const {
  const Instant at = start_date_.value_or(now);
  if (last || (end_date_ && at > *end_date_)) return std::nullopt;
  return Exactly(at);
}

std::optional<DueRun> ContinuousTimetable::Next(const std::optional<DataInterval>& last, Instant now) const {
  DataInterval next{start_date_.value_or(now), now};
  if (last && last->end > now) {
    // The last run reaches into the future (made by hand, or the clock was set back): begin anew, as long as it was.
    next.end = next.start + (last->end - last->start);
  } else if (last) {
    next.start = last->end;
  } else {
    next.end = std::max(next.start, now);
  }
  if (end_date_ && next.end > *end_date_) return std::nullopt;
  return DueRun{next.start, next, next.end};
}

EventsTimetable::EventsTimetable(const Schedule& schedule, const OpenDays& open)
    : start_date_(schedule.start_date),
      end_date_(schedule.end_date),
      catchup_(schedule.catchup),
      restrict_to_events_(schedule.restrict_to_events) {
  for (const Instant event : schedule.events) {
    const std::optional<Instant> settled = open.IsOpen(event) ? event : open.Moved(event);
    if (settled) events_.push_back(*settled);
  }
  std::sort(events_.begin(), events_.end());
  events_.erase(std::unique(events_.begin(), events_.end()), events_.end());
}

std::optional<DueRun> EventsTimetable::Next(const std::optional<DataInterval>& last, Instant now) const {
  Instant earliest = start_date_.value_or(Instant::min());
  if (!catchup_) earliest = std::max(earliest, now);
  auto event = std::lower_bound(events_.begin(), events_.end(), earliest);
  if (last) event = std::max(event, std::upper_bound(events_.begin(), events_.end(), last->end));
  if (event == events_.end() || (end_date_ && *event > *end_date_)) return std::nullopt;
  return Exactly(*event);
}

DataInterval EventsTimetable::ManualInterval(Instant run_after) const {
  if (!restrict_to_events_ || events_.empty()) return {run_after, run_after};
  const auto later = std::upper_bound(events_.begin(), events_.end(), run_after);
  const Instant event = later == events_.begin() ? *later : *std::prev(later);
  return {event, event};
}

}  // namespace pipelined
