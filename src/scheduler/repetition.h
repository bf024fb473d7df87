// `repeat`: whether a task that has succeeded goes on for another iteration. Pure.
#pragma once

#include "pipelined/scheduler/launch.h"

namespace pipelined {

// The number of the iteration that has ended is an output of its own: it is stored with the others, counts on from what
// is stored, and goes with them when the task is cleared.
inline constexpr std::string_view kIterationKey = "iteration";

// Puts into `end` what `until` says. `request` holds the outputs that were stored before, those of the task itself
// included; `end.outputs` come on top. A condition that cannot be evaluated is a failed try; kUnavailable: it cannot be
// evaluated now.
Status JudgeRepetition(LaunchRequest request, const LaunchOptions& options, AttemptFinished& end);

}  // namespace pipelined
