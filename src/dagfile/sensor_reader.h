// `sensor`: tasks that wait for something.
#pragma once

#include "dagfile/document.h"
#include "pipelined/model/dag.h"

namespace pipelined::dagfile {

// A mapping with one thing to wait for, and how. `probes`: whether what somebody else has to ask can be asked here.
void ReadSensor(const Entry& entry, bool probes, Reporter& reporter, Task& task);

}  // namespace pipelined::dagfile
