#include "timetable/cron_clock.h"

#include <algorithm>

namespace pipelined {

namespace {

LocalTime Wall(Instant instant, Seconds offset) {
  return LocalTime(instant.time_since_epoch() + offset);
}
Instant At(LocalTime wall, Seconds offset) {
  return Instant(wall.time_since_epoch() - offset);
}

}  // namespace

std::optional<Instant> CronClock::After(Instant instant) const {
  if (cron_.every_hour()) return ElapsedAfter(instant);
  // Always later, whatever the zone's rules say: a tick that does not go forward would fire for ever.
  for (auto wall = WallAfter(zone_->ToLocal(instant)); wall; wall = WallAfter(*wall)) {
    if (const Instant tick = zone_->ToInstant(*wall); tick > instant) return tick;
  }
  return std::nullopt;
}

std::optional<Instant> CronClock::Before(Instant instant) const {
  if (cron_.every_hour()) return ElapsedBefore(instant);
  const auto wall = WallBefore(zone_->ToLocal(instant));
  if (!wall) return std::nullopt;
  return zone_->ToInstant(*wall);
}

// The whole way to the next tick is elapsed time, as Airflow counts it, as long as that ends on a wall time that
// matches. Otherwise (Airflow would be off the wall clock) stretch by stretch of constant offset. The wall times that a
// change skips tick at the instants that they are shifted to.
std::optional<Instant> CronClock::ElapsedAfter(Instant instant) const {
  Zone::Stretch stretch = zone_->StretchAt(instant);
  const auto first = WallAfter(Wall(instant, stretch.offset));
  if (!first) return std::nullopt;
  const Instant elapsed = At(*first, stretch.offset);
  if (elapsed < stretch.end || Matches(zone_->ToLocal(elapsed))) return elapsed;
  // Days may be restricted, so that the tick is many changes away: go on from the last change before it.
  const Zone::Stretch near = zone_->StretchAt(elapsed - std::chrono::days(2));
  if (near.begin > stretch.begin) stretch = near;
  for (;;) {
    const auto wall =
        WallAfter(Wall(std::max(instant, stretch.begin), stretch.offset) - Micros(stretch.begin > instant ? 1 : 0));
    if (!wall) return std::nullopt;
    const Instant tick = At(*wall, stretch.offset);
    if (tick < stretch.end) return tick;
    const Zone::Stretch next = zone_->StretchAt(stretch.end);
    // In the gap, or just the first tick after it, whichever comes first.
    const auto beyond = WallAfter(Wall(next.begin, next.offset) - Micros(1));
    if (*wall < Wall(next.begin, next.offset)) return beyond ? std::min(tick, At(*beyond, next.offset)) : tick;
    stretch = next;
  }
}

std::optional<Instant> CronClock::ElapsedBefore(Instant instant) const {
  Zone::Stretch stretch = zone_->StretchAt(instant);
  const auto first = WallBefore(Wall(instant, stretch.offset));
  if (!first) return std::nullopt;
  const Instant elapsed = At(*first, stretch.offset);
  if (elapsed >= stretch.begin || Matches(zone_->ToLocal(elapsed))) return elapsed;
  for (;;) {
    const auto wall = WallBefore(Wall(std::min(instant, stretch.end), stretch.offset));
    std::optional<Instant> tick;
    if (wall && At(*wall, stretch.offset) >= stretch.begin) tick = At(*wall, stretch.offset);
    if (!wall || stretch.begin == Instant::min()) return tick;
    const Zone::Stretch earlier = zone_->StretchAt(stretch.begin - Micros(1));
    // Wall times that the change at `begin` skipped tick after it, shifted by the old offset.
    const LocalTime gap_end = std::min(Wall(stretch.begin, stretch.offset), Wall(instant, earlier.offset));
    const auto skipped = WallBefore(gap_end);
    if (skipped && At(*skipped, earlier.offset) >= stretch.begin) {
      tick = tick ? std::max(*tick, At(*skipped, earlier.offset)) : At(*skipped, earlier.offset);
    }
    if (tick) return tick;
    stretch = earlier;
    const Zone::Stretch near = zone_->StretchAt(At(*wall, stretch.offset) + std::chrono::days(2));
    if (near.end < stretch.end) stretch = near;
  }
}

// The first or the only tick has none beside it to come back from.
bool CronClock::IsTick(Instant instant) const {
  return After(instant - Micros(1)) == instant;
}

std::optional<Instant> CronClock::AtOrAfter(Instant instant) const {
  const auto next = After(instant);
  if (!next) return IsTick(instant) ? std::optional(instant) : std::nullopt;
  return Before(*next) == instant ? instant : next;
}

std::optional<Instant> CronClock::AtOrBefore(Instant instant) const {
  const auto last = Before(instant);
  if (!last) return IsTick(instant) ? std::optional(instant) : std::nullopt;
  return After(*last) == instant ? instant : last;
}

}  // namespace pipelined
