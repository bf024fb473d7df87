// Processes of others, named by pid and an instant at which they lived (record.h), and never touched by a bare pid.
#pragma once

#include <string>

#include "pipelined/base/owned_fd.h"
#include "executor/record.h"

namespace pipelined::executor {

// A descriptor of the very process that `name` means, or an empty one: it is gone (a zombie still counts as there).
OwnedFd OpenProcess(const ProcessName& name);

void SignalProcess(int pidfd, int signal);

// Kills what is left of the process group that `leader` led. Used only when the supervisor was killed itself: what had
// left the group is then out of reach.
void SweepGroup(const ProcessName& leader);

}  // namespace pipelined::executor
