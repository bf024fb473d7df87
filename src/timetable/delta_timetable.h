// Timetables of "every so long".
#pragma once

#include <vector>

#include "pipelined/timetable/timetable.h"
#include "timetable/open_days.h"
#include "timetable/step.h"

namespace pipelined {

// A run covers [start, start + step) and is due at its end. Where a calendar leaves that end out or moves it, the run
// is due later and covers the time until then.
class DeltaIntervalTimetable : public Timetable {
 public:
  explicit DeltaIntervalTimetable(const Schedule& schedule, OpenDays open = {});
  std::optional<DueRun> Next(const std::optional<DataInterval>& last, Instant now) const override;
  DataInterval ManualInterval(Instant run_after) const override;

 private:
  std::optional<Instant> LatestCompleteStart(Instant now) const;
  Instant LatestOnGrid(Instant now) const;
  void BuildMonths();

  Step step_;
  std::optional<Instant> start_date_, end_date_;
  bool catchup_;
  OpenDays open_;
  std::vector<Instant> months_;  // with months: the grid from the start date on, for as long as is likely to be asked
};

// A run one step after the last one, without a grid.
class DeltaTriggerTimetable : public Timetable {
 public:
  explicit DeltaTriggerTimetable(const Schedule& schedule, OpenDays open = {});
  std::optional<DueRun> Next(const std::optional<DataInterval>& last, Instant now) const override;
  DataInterval ManualInterval(Instant run_after) const override;

 private:
  Step step_, interval_;
  std::optional<Instant> start_date_, end_date_;
  bool catchup_;
  OpenDays open_;
};

}  // namespace pipelined
