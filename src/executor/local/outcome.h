// Turns an exit record into the end of an attempt, in words.
#pragma once

#include <string>

#include "executor/record.h"
#include "pipelined/ports/executor.h"

namespace pipelined::executor {

inline constexpr std::size_t kMaxOutput = 1 << 20;  // bytes of JSON

// `note`: of the attempt's kNote record, or empty. `output_path`: its output file, read when the record says that it is
// there.
AttemptEnd EndOf(AttemptId attempt, const ExitBody& exit, const std::string& note, const std::string& output_path);

// "SIGKILL"; "signal 40" for one without a name.
std::string SignalName(int signal);

}  // namespace pipelined::executor
