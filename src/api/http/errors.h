// The one place that turns an Error into an HTTP answer.
#pragma once

#include "api/http/http.h"
#include "pipelined/base/result.h"

namespace pipelined::api {

int HttpStatus(ErrorCode code);

// {"detail": message}, with Retry-After where trying again helps. What a bug of ours says goes to the log and not to
// the client.
Response ErrorResponse(const Error& error);

// Airflow's shape of a duplicate: an object as `detail`.
Response DuplicateResponse(const Error& error);

}  // namespace pipelined::api
