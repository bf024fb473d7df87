#include "apps/exit_code.h"

#include <fmt/format.h>

#include <cstdio>

namespace pipelined::apps {

int ToExitCode(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalid:
      return kUsage;
    case ErrorCode::kNotFound:
      return kNotFound;
    case ErrorCode::kNotAllowed:
      return kNotAllowed;
    case ErrorCode::kConflict:
      return kConflict;
    case ErrorCode::kUnavailable:
      return kUnavailable;
    case ErrorCode::kFailed:
      return kFailed;
    case ErrorCode::kInDoubt:  // it can be asked again
    case ErrorCode::kStale:
      return kConflict;
    case ErrorCode::kConstraint:
    case ErrorCode::kBug:
      return kBug;
  }
  return kBug;
}

int Report(const Error& error) {
  fmt::print(stderr, "error: {}\n", error.message);
  if (!error.hint.empty()) fmt::print(stderr, "  hint: {}\n", error.hint);
  return ToExitCode(error.code);
}

}  // namespace pipelined::apps
