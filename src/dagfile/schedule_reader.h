// The keys that decide when a DAG runs.
#pragma once

#include <optional>

#include "dagfile/document.h"
#include "pipelined/timetable/schedule.h"
#include "pipelined/timetable/zone.h"

namespace pipelined::dagfile {

struct ScheduleEntries {
  std::optional<Entry> schedule, timezone, start_date, end_date, catchup, data_interval;
};

Schedule ReadSchedule(const ScheduleEntries& entries, const ZoneSource& zones, Reporter& reporter);

}  // namespace pipelined::dagfile
