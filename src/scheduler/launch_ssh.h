// From an ssh task to the start of pipelined-ssh, which is told what to do on its standard input.
#pragma once

#include <string>

#include "pipelined/model/dag.h"
#include "pipelined/scheduler/launch.h"
#include "scheduler/try_templates.h"

namespace pipelined {

// Fills argv and input of `start`, whose own input becomes that of the command there. `env`: of that command. kInvalid,
// kNotFound and kUnavailable as PrepareAction() has them.
Status PrepareSsh(const Task& task, const TryTemplates& templates, const LaunchOptions& options,
                  const std::string& command, const Env& env, AttemptStart& start);

}  // namespace pipelined
