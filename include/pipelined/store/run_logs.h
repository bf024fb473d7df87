#pragma once

#include <memory>

#include "pipelined/ports/run_logs.h"
#include "pipelined/store/options.h"

namespace pipelined {

// Connects at the first question, and anew after an error. Not thread-safe.
std::unique_ptr<RunLogs> MakePgRunLogs(StoreOptions options);

}  // namespace pipelined
