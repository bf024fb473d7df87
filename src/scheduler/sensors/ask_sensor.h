// A sensor's attempt begins: what it waits for, its templates rendered, as a job that whoever looks can take. Pure.
#pragma once

#include "pipelined/scheduler/launch.h"

namespace pipelined {

// {"file": {"path": "/in/2026-01-01.csv", …}}: one entry, named by the kind. Times of day, lengths of time and relative
// paths are instants and absolute paths by then. kInvalid: a template cannot be rendered, or gives what cannot be used.
// That is a failed try.
Result<Value> AskSensor(const LaunchRequest& request, const LaunchOptions& options, Instant now);

}  // namespace pipelined
