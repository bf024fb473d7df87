// A task that makes a run of another DAG: what it asks for, its templates rendered. Pure.
#pragma once

#include "pipelined/scheduler/launch.h"

namespace pipelined {

// kInvalid: a template cannot be rendered, or gives what cannot be used. That is a failed try.
Result<RunAsked> AskRun(const LaunchRequest& request, const LaunchOptions& options, Instant now);

}  // namespace pipelined
