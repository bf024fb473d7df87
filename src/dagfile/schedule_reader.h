// The keys that decide when a DAG runs.
#pragma once

#include <optional>
#include <string>

#include "dagfile/document.h"
#include "pipelined/model/dag.h"
#include "pipelined/timetable/zone.h"

namespace pipelined::dagfile {

struct ScheduleEntries {
  std::optional<Entry> schedule, timezone, start_date, end_date, catchup, data_interval, calendar, jitter,
      max_active_runs;
};

struct ScheduleContext {
  const ZoneSource& zones;
  const std::string& folder;   // of the DAG file
  const SourceText* own_text;  // of the document itself: a key of defaults.yaml may find nothing to apply to
  bool was_checked = false;    // a stored version: what it stands on may have gone since, which must not hurt its runs
};

// Into dag.schedule, and dag.max_active_runs where the schedule decides that. Needs dag.id.
void ReadSchedule(const ScheduleEntries& entries, const ScheduleContext& context, Reporter& reporter, Dag& dag);

}  // namespace pipelined::dagfile
