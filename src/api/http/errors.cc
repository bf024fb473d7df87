#include "api/http/errors.h"

#include "pipelined/base/log.h"

namespace pipelined::api {

int HttpStatus(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalid:
      return 400;
    case ErrorCode::kNotFound:
      return 404;
    case ErrorCode::kNotAllowed:
      return 403;
    case ErrorCode::kConflict:
      return 409;
    case ErrorCode::kStale:
      return 409;
    case ErrorCode::kUnavailable:
      return 503;
    case ErrorCode::kInDoubt:
      return 503;
    case ErrorCode::kConstraint:
    case ErrorCode::kFailed:
    case ErrorCode::kBug:
      return 500;
  }
  return 500;
}

Response ErrorResponse(const Error& error) {
  const int status = HttpStatus(error.code);
  if (status == 500) {
    log::Error("answering 500: {}", error.message);
    return Detail(status, "Internal server error");
  }
  std::string message = error.message;
  if (!error.hint.empty()) message += " (" + error.hint + ")";
  Response response = Detail(status, message);
  if (status == 503) response.headers.emplace_back("Retry-After", "1");
  return response;
}

Response DuplicateResponse(const Error& error) {
  return Json(409, Value::Map{{"detail", Value::Map{{"reason", "Unique constraint violation"},
                                                    {"statement", "hidden"},
                                                    {"orig_error", "hidden"},
                                                    {"message", error.message}}}});
}

}  // namespace pipelined::api
