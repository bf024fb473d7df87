// `var` and `conn`: what is looked up when a template asks for it, and which of it is a secret.
#pragma once

#include "pipelined/template/task_context.h"
#include "template/val.h"

namespace pipelined::tmpl {

// Both are borrowed from `context`.
Val VariablesObject(const TaskContext& context);
Val ConnectionsObject(const TaskContext& context);

}  // namespace pipelined::tmpl
