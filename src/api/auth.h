// Who is asking.
#pragma once

#include <variant>

#include "api/http.h"
#include "api/service.h"

namespace pipelined::api {

// The caller, or the answer that refuses: 401 without a bearer token, 403 for one that is unknown or expired, 503
// without database.
std::variant<Caller, Response> Authenticate(Service& service, const Request& request);

bool IsLoopback(std::string_view address);
// Whether whoever asks may read the metrics without being a user: by `metrics_token`, else from this host.
bool NeedsNoUser(const Service& service, const Request& request);

Response PostToken(const Call& call);

}  // namespace pipelined::api
