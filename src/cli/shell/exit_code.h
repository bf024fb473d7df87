// The one place where errors become exit codes of pipectl.
#pragma once

#include "pipelined/base/result.h"

namespace pipelined::cli {

enum Exit : int {
  kDone = 0,
  kFailed = 1,  // what was asked for failed: a run waited for, a check
  kUsage = 2,   // wrong usage or invalid input
  kNotFound = 3,
  kNotAllowed = 4,
  kConflict = 5,
  kUnreachable = 6,  // server or database
  kBug = 70,
};

inline int ExitCode(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalid:
      return Exit::kUsage;
    case ErrorCode::kNotFound:
      return Exit::kNotFound;
    case ErrorCode::kNotAllowed:
      return Exit::kNotAllowed;
    case ErrorCode::kConflict:
      return Exit::kConflict;
    case ErrorCode::kUnavailable:
    case ErrorCode::kInDoubt:
    case ErrorCode::kStale:
      return Exit::kUnreachable;
    case ErrorCode::kFailed:
      return Exit::kFailed;
    case ErrorCode::kConstraint:
    case ErrorCode::kBug:
      return Exit::kBug;
  }
  return Exit::kBug;
}

}  // namespace pipelined::cli
