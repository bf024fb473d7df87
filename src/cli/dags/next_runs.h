// The next runs of a DAG, as its timetable gives them one after the other.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "pipelined/timetable/timetable.h"

namespace pipelined::cli {

struct NextRuns {
  std::vector<DueRun> runs;
  bool ended = false;  // none will ever come after these
};

// At most `count` runs after `last` (the data interval of the last scheduled run), seen at `now`. Each is taken to be
// made when it is due, which is at once where that is past.
NextRuns ListNextRuns(const Timetable& timetable, std::optional<DataInterval> last, Instant now, std::size_t count);

// "Sat 2026-11-28 06:00:00+01:00": the wall clock of a zone.
std::string FormatInZone(Instant instant, const Zone& zone);

}  // namespace pipelined::cli
