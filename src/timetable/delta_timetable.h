// Timetables of "every so long".
#pragma once

#include "pipelined/timetable/timetable.h"
#include "timetable/step.h"

namespace pipelined {

// A run covers [start, start + step) and is due at its end.
class DeltaIntervalTimetable : public Timetable {
 public:
  explicit DeltaIntervalTimetable(const Schedule& schedule);
  std::optional<DueRun> Next(const std::optional<DataInterval>& last, Instant now) const override;
  DataInterval ManualInterval(Instant run_after) const override;

 private:
  Instant LatestCompleteStart(Instant now) const;
  Instant LatestOfMonths(Instant start, Instant now) const;

  Step step_;
  std::optional<Instant> start_date_, end_date_;
  bool catchup_;
};

// A run one step after the last one, without a grid.
class DeltaTriggerTimetable : public Timetable {
 public:
  explicit DeltaTriggerTimetable(const Schedule& schedule);
  std::optional<DueRun> Next(const std::optional<DataInterval>& last, Instant now) const override;
  DataInterval ManualInterval(Instant run_after) const override;

 private:
  Step step_, interval_;
  std::optional<Instant> start_date_, end_date_;
  bool catchup_;
};

}  // namespace pipelined
