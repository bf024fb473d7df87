// The key `calendar`: days on which no run is due.
#pragma once

#include <string>

#include "dagfile/document.h"
#include "pipelined/timetable/schedule.h"

namespace pipelined::dagfile {

// {exclude: [2026-12-25, 2026-12-24..2027-01-01, weekends, monday, {ical: holidays.ics}], on_excluded: skip | next}.
// Paths are relative to `folder`; the files are not read. Reports what is wrong. `files`: where each of the calendar's
// holidays is named.
Calendar ReadCalendar(const Entry& entry, const std::string& folder, Reporter& reporter, std::vector<NodeRef>& files);

}  // namespace pipelined::dagfile
