// The ticks of a cron expression in a time zone.
//
// A wall time in a gap ticks at the shifted instant. A wall time that occurs twice ticks at its second occurrence,
// unless the expression matches every hour: then elapsed time counts and both occurrences tick. A calendar counts days
// as the expression names them, on the wall.
#pragma once

#include <memory>
#include <optional>

#include "pipelined/timetable/cron.h"
#include "pipelined/timetable/zone.h"
#include "timetable/excluded_days.h"

namespace pipelined {

// Immutable and thread-safe.
class CronClock {
 public:
  // `excluded`: days that do not tick, or whose ticks move; nullptr: none.
  CronClock(Cron cron, std::shared_ptr<const Zone> zone, std::shared_ptr<const ExcludedDays> excluded = nullptr)
      : cron_(cron), zone_(std::move(zone)), excluded_(std::move(excluded)) {}

  // Strictly after and before `instant`; nothing when there is no tick within 50 years.
  std::optional<Instant> After(Instant instant) const;
  std::optional<Instant> Before(Instant instant) const;

  // `instant` itself if it is a tick, else the next and the last one.
  std::optional<Instant> AtOrAfter(Instant instant) const;
  std::optional<Instant> AtOrBefore(Instant instant) const;

 private:
  bool IsTick(Instant instant) const;
  std::optional<Instant> ElapsedAfter(Instant instant) const;
  std::optional<Instant> ElapsedBefore(Instant instant) const;

  std::optional<LocalTime> WallAfter(LocalTime wall) const { return cron_.After(wall, excluded_.get()); }
  std::optional<LocalTime> WallBefore(LocalTime wall) const { return cron_.Before(wall, excluded_.get()); }
  bool Matches(LocalTime wall) const { return cron_.Matches(wall, excluded_.get()); }

  Cron cron_;
  std::shared_ptr<const Zone> zone_;
  std::shared_ptr<const ExcludedDays> excluded_;
};

}  // namespace pipelined
