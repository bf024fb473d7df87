#include "timetable/open_days.h"

namespace pipelined {

namespace {

using std::chrono::days;

// More stretches of excluded days than this are not looked past: a tick a week through 2199 meets 12,000.
constexpr int kMostStretches = 20'000;

// The first of tick, tick + step, … that is not before `target`; with `sign` -1 the first of tick, tick - step, … that
// is before it.
Instant StepTo(Instant tick, Instant target, const Step& step, int sign) {
  if (step.calendar.months == 0) {
    const Micros length = RoughLength(step);  // exact: there are no months
    const Micros way = sign > 0 ? target - tick + length - Micros(1) : tick - target + length;
    return tick + sign * (way / length) * length;
  }
  while (sign > 0 ? tick < target : tick >= target) tick = sign > 0 ? Add(tick, step) : Subtract(tick, step);
  return tick;
}

}  // namespace

ExcludedDays::Day OpenDays::DayOf(Instant tick) const {
  return ExcludedDays::Day(std::chrono::floor<days>(zone_->ToLocal(tick)).time_since_epoch());
}

Instant OpenDays::Midnight(ExcludedDays::Day day) const {
  return zone_->ToInstant(LocalTime(day.time_since_epoch()));
}

bool OpenDays::IsOpen(Instant tick) const {
  return excluded_ == nullptr || !excluded_->Contains(DayOf(tick));
}

std::optional<Instant> OpenDays::Moved(Instant tick) const {
  if (excluded_ == nullptr || !excluded_->moves()) return std::nullopt;
  const ExcludedDays::Day day = DayOf(tick);
  const auto open = excluded_->OpenFrom(day);
  if (!open) return std::nullopt;
  return zone_->ToInstant(zone_->ToLocal(tick) + (*open - day));
}

std::optional<Instant> OpenDays::Settle(Instant tick, const Step& step) const {
  for (int stretch = 0; stretch < kMostStretches; ++stretch) {
    if (IsOpen(tick)) return tick;
    if (excluded_->moves()) return Moved(tick);
    const auto open = excluded_->OpenFrom(DayOf(tick));
    if (!open) break;
    tick = StepTo(tick, Midnight(*open), step, 1);
  }
  return std::nullopt;
}

std::optional<Instant> OpenDays::Back(Instant tick, const Step& step) const {
  const auto open = excluded_->OpenUpTo(DayOf(tick));
  if (!open) return std::nullopt;
  return StepTo(tick, Midnight(*open + days(1)), step, -1);
}

}  // namespace pipelined
