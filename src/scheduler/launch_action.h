// From a worker action to what the worker is told: templates rendered each as its place asks for, its connection looked
// up, paths absolute.
#pragma once

#include <string>

#include "pipelined/scheduler/launch.h"
#include "scheduler/try_templates.h"

namespace pipelined {

// {"http": {…}}. kInvalid: a template cannot be rendered, or a value cannot stand where it stands. kNotFound: there is
// no such connection. kUnavailable: connections cannot be read now.
Result<Value> PrepareAction(const Task& task, const TryTemplates& templates, const std::string& working_dir,
                            const LaunchOptions& options);

}  // namespace pipelined
