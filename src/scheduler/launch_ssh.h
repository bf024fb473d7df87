// From an ssh task to the start of pipelined-ssh, which is told what to do on its standard input.
#pragma once

#include <string>

#include "pipelined/model/dag.h"
#include "pipelined/scheduler/launch.h"
#include "scheduler/try_templates.h"

namespace pipelined {

// What to run, where, and with what: its words, environment, input and secrets. kInvalid, kNotFound and kUnavailable as
// PrepareAction() has them.
Status PrepareSsh(const Task& task, const TryTemplates& templates, const LaunchOptions& options, AttemptStart& start);

}  // namespace pipelined
