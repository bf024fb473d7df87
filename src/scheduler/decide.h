// What a task decides without a process: its condition, a branch, a short circuit, the latest run. Pure.
#pragma once

#include <optional>

#include "pipelined/scheduler/launch.h"

namespace pipelined {

// How the attempt ends, at `now`: skipped by `when`, or with its decision. Nothing when its process is to be started:
// see Prepare(). A branch to something that is not below it is a failed try. kInvalid as of Prepare().
Result<std::optional<AttemptFinished>> Decide(const LaunchRequest& request, const LaunchOptions& options, Instant now);

// Whether a condition is true, by the rules of `when`. `place` is the key that it stands under.
class TryTemplates;
Result<bool> Holds(const TryTemplates& templates, const std::string& text, const std::string& place);

}  // namespace pipelined
