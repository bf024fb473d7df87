// The days that a calendar leaves open, seen from instants: for timetables that do not live on the wall clock.
#pragma once

#include <memory>
#include <optional>

#include "pipelined/timetable/zone.h"
#include "timetable/excluded_days.h"
#include "timetable/step.h"

namespace pipelined {

// Immutable and thread-safe. The default has every day open.
class OpenDays {
 public:
  OpenDays() = default;
  OpenDays(std::shared_ptr<const ExcludedDays> excluded, std::shared_ptr<const Zone> zone)
      : excluded_(std::move(excluded)), zone_(std::move(zone)) {}

  bool IsOpen(Instant tick) const;

  // Where a tick ends up: itself; moved to the next open day; or the first one by whole steps on an open day. Nothing
  // when there is none.
  std::optional<Instant> Settle(Instant tick, const Step& step) const;
  // `tick` on the next open day if that is where this calendar moves it; nothing when it leaves it out.
  std::optional<Instant> Moved(Instant tick) const;
  // By whole steps back to before the excluded days around `tick`. Nothing when they never begin.
  std::optional<Instant> Back(Instant tick, const Step& step) const;

 private:
  ExcludedDays::Day DayOf(Instant tick) const;
  Instant Midnight(ExcludedDays::Day day) const;

  std::shared_ptr<const ExcludedDays> excluded_;
  std::shared_ptr<const Zone> zone_;
};

}  // namespace pipelined
