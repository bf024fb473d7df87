// Timetables without a rhythm: once, without a pause, and at listed instants.
#pragma once

#include <vector>

#include "pipelined/timetable/timetable.h"
#include "timetable/open_days.h"

namespace pipelined {

class OnceTimetable : public Timetable {
 public:
  explicit OnceTimetable(const Schedule& schedule) : start_date_(schedule.start_date), end_date_(schedule.end_date) {}
  std::optional<DueRun> Next(const std::optional<DataInterval>& last, Instant now) const override;
  DataInterval ManualInterval(Instant run_after) const override { return {run_after, run_after}; }

 private:
  std::optional<Instant> start_date_, end_date_;
};

// A run follows as soon as the one before has ended (the engine allows one at a time); it covers [last end, now].
class ContinuousTimetable : public Timetable {
 public:
  explicit ContinuousTimetable(const Schedule& schedule)
      : start_date_(schedule.start_date), end_date_(schedule.end_date) {}
  std::optional<DueRun> Next(const std::optional<DataInterval>& last, Instant now) const override;
  DataInterval ManualInterval(Instant run_after) const override { return {run_after, run_after}; }

 private:
  std::optional<Instant> start_date_, end_date_;
};

class EventsTimetable : public Timetable {
 public:
  explicit EventsTimetable(const Schedule& schedule, const OpenDays& open = {});
  std::optional<DueRun> Next(const std::optional<DataInterval>& last, Instant now) const override;
  DataInterval ManualInterval(Instant run_after) const override;

 private:
  std::vector<Instant> events_;  // ascending, each once
  std::optional<Instant> start_date_, end_date_;
  bool catchup_, restrict_to_events_;
};

}  // namespace pipelined
