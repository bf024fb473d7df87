// Timetables of cron schedules: with data intervals (a run covers [tick, next tick)) and as triggers (a run at the
// tick).
#pragma once

#include <vector>

#include "pipelined/timetable/timetable.h"
#include "timetable/cron_clock.h"
#include "timetable/step.h"

namespace pipelined {

class CronIntervalTimetable : public Timetable {
 public:
  CronIntervalTimetable(CronClock clock, const Schedule& schedule)
      : clock_(std::move(clock)),
        start_date_(schedule.start_date),
        end_date_(schedule.end_date),
        catchup_(schedule.catchup) {}
  std::optional<DueRun> Next(const std::optional<DataInterval>& last, Instant now) const override;
  DataInterval ManualInterval(Instant run_after) const override;

 private:
  std::optional<Instant> LatestCompleteStart(Instant now) const;

  CronClock clock_;
  std::optional<Instant> start_date_, end_date_;
  bool catchup_;
};

// One or several expressions; each on its own decides what would be next, then the most pressing is taken.
class CronTriggerTimetable : public Timetable {
 public:
  // At least one of `clocks` can tick.
  CronTriggerTimetable(std::vector<CronClock> clocks, const Schedule& schedule);
  std::optional<DueRun> Next(const std::optional<DataInterval>& last, Instant now) const override;
  DataInterval ManualInterval(Instant run_after) const override;

 private:
  // A tick; or nothing when the expression cannot tick at all, which leaves the whole schedule without runs.
  std::optional<Instant> NextTick(const CronClock& clock, const std::optional<DataInterval>& last, Instant now) const;
  std::optional<Instant> FirstTick(const CronClock& clock, Instant now) const;

  std::vector<CronClock> clocks_;
  std::optional<Instant> start_date_, end_date_;
  bool catchup_;
  Step interval_;
  FirstSlot first_slot_;
  Micros first_slot_within_;
};

}  // namespace pipelined
