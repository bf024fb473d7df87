// The log of a try from its beginning to its end, however long the try still runs.
#pragma once

#include "api/http/http.h"
#include "api/service.h"

namespace pipelined::api {

// Lines of JSON (application/x-ndjson). `try_number` is one that `instance` has had.
Response FollowLog(const Call& call, const TaskInstanceRow& instance, std::int64_t try_number);

}  // namespace pipelined::api
