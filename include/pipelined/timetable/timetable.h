// When the runs of a DAG are due.
#pragma once

#include <memory>
#include <optional>

#include "pipelined/timetable/schedule.h"
#include "pipelined/timetable/zone.h"

namespace pipelined {

struct DataInterval {
  Instant start;
  Instant end;
  friend bool operator==(const DataInterval&, const DataInterval&) = default;
};

struct DueRun {
  Instant logical_date;
  DataInterval interval;
  Instant run_after;  // the run may be made once the clock reaches it
  friend bool operator==(const DueRun&, const DueRun&) = default;
};

// Immutable, thread-safe, pure.
class Timetable {
 public:
  virtual ~Timetable() = default;

  // The run after `last` (the data interval of the last scheduled run; nothing before the first), or nothing when none
  // will ever come. With catchup off, slots that are past at `now` are passed over but for the latest. Constant time
  // per call.
  virtual std::optional<DueRun> Next(const std::optional<DataInterval>& last, Instant now) const = 0;

  // The data interval of a run that is started by hand.
  virtual DataInterval ManualInterval(Instant run_after) const = 0;
};

// kInvalid names what is wrong with the schedule (a cron field, a zone). nullptr for kNone and kAssets.
Result<std::shared_ptr<const Timetable>> MakeTimetable(const Schedule& schedule, const ZoneSource& zones);

// "@daily" -> "0 0 * * *"; nothing for an unknown preset. Case does not matter.
std::optional<std::string_view> CronPreset(std::string_view preset);

}  // namespace pipelined
