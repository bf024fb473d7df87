// The one place where errors become exit codes and messages on stderr.
#pragma once

#include "pipelined/base/result.h"

namespace pipelined::apps {

enum ExitCode : int {
  kDone = 0,
  kFailed = 1,  // what was asked for failed
  kUsage = 2,   // wrong usage or invalid input
  kNotFound = 3,
  kNotAllowed = 4,
  kConflict = 5,
  kUnavailable = 6,  // server or database not reachable
  kBug = 70,
};

int ToExitCode(ErrorCode code);

// "error: …" and the hint to stderr; answers the exit code.
int Report(const Error& error);

}  // namespace pipelined::apps
