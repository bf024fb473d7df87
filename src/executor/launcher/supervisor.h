// One attempt, from claim to exit record. Runs in a process of its own, forked by the launcher.
#pragma once

#include "executor/launcher/context.h"
#include "executor/wire.h"

namespace pipelined::executor {

// Never returns. Exits with a SupervisorExit.
[[noreturn]] void Supervise(const Context& context, const StartFrame* frame);

}  // namespace pipelined::executor
