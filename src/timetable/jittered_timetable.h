// A timetable whose runs are all due a fixed while after their ticks.
#pragma once

#include "pipelined/timetable/timetable.h"

namespace pipelined {

// At any moment it says what the timetable behind it said `offset` ago: so no tick is met twice or out of order,
// however long the offset is, and with catchup off the latest slot is the one whose moved time has come. Slots and
// intervals stay those of the ticks.
class JitteredTimetable : public Timetable {
 public:
  JitteredTimetable(std::shared_ptr<const Timetable> timetable, Micros offset)
      : timetable_(std::move(timetable)), offset_(offset) {}

  std::optional<DueRun> Next(const std::optional<DataInterval>& last, Instant now) const override {
    auto due = timetable_->Next(last, now - offset_);
    if (!due) return due;
    due->run_after += offset_;
    due->jitter = offset_;
    return due;
  }
  DataInterval ManualInterval(Instant run_after) const override { return timetable_->ManualInterval(run_after); }

 private:
  std::shared_ptr<const Timetable> timetable_;
  Micros offset_;
};

}  // namespace pipelined
