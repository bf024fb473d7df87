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
  Micros jitter{0};   // how far that lies behind the tick
  // What the run is named after: jitter, and a change of it, never makes two runs of one tick.
  Instant tick() const { return run_after - jitter; }
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

// kInvalid names what is wrong with the schedule: a cron field, a zone, a calendar that excludes every tick through
// 2199; kNotFound, kUnavailable and kInvalid of a calendar's files are passed on. nullptr for kNone and kAssets.
Result<std::shared_ptr<const Timetable>> MakeTimetable(const Schedule& schedule, const ZoneSource& zones);

// Where in [0, jitter) the runs of this DAG lie: the same on every machine and after every restart.
Micros JitterOffset(std::string_view dag_id, Micros jitter);

// "@daily" -> "0 0 * * *"; nothing for an unknown preset. Case does not matter.
std::optional<std::string_view> CronPreset(std::string_view preset);

}  // namespace pipelined
