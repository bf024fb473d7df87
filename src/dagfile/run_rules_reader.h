// The keys that say what becomes of runs as a whole: overlap and deadline.
#pragma once

#include "dagfile/document.h"
#include "pipelined/model/dag.h"
#include "pipelined/timetable/zone.h"

namespace pipelined::dagfile {

// Into dag.overlap. Needs dag.schedule. One of defaults.yaml (not of `own_text`) that finds nothing to apply to is
// passed over.
void ReadOverlap(const Entry& entry, const SourceText* own_text, Reporter& reporter, Dag& dag);

// Into dag.deadlines: one, or a list of them. Needs the zone of dag.schedule.
void ReadDeadlines(const Entry& entry, const ZoneSource& zones, Reporter& reporter, Dag& dag);

}  // namespace pipelined::dagfile
