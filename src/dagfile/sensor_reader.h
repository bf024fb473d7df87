// `sensor`: tasks that wait for something.
#pragma once

#include "dagfile/action_reader.h"
#include "dagfile/document.h"
#include "pipelined/model/dag.h"

namespace pipelined::dagfile {

// A mapping with one thing to wait for, and how. The file of a script, if it has one, comes back.
const SourceText* ReadSensor(const Entry& entry, const TextOfFile& text_of_file, Reporter& reporter, Task& task);

}  // namespace pipelined::dagfile
