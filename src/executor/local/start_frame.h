// An AttemptStart as the launcher reads it.
#pragma once

#include <string>

#include "executor/local/users.h"
#include "pipelined/ports/executor.h"

namespace pipelined::executor {

// `user`: to switch to, or nullptr. kInvalid when it cannot be carried over: no argument, a NUL in a text, too large.
Result<std::string> MakeStartFrame(const AttemptStart& start, const User* user, const std::string& output_path);

}  // namespace pipelined::executor
