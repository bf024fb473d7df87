// The one place where requests become entries of the audit trail.
#pragma once

#include "api/routes.h"

namespace pipelined::api {

// Whether a request of this route changes something, or may: all but GET and those that only look. A new route is
// audited unless it is named there.
bool IsAudited(const Route& route);

// The route's handler, with an entry before it (without which nothing is done) and one after it.
Response Audited(const Route& route, Call call);

// Somebody was not let: 401, 403. Any other answer is none of the trail's business.
void NoteDenied(const Route& route, const Call& call, const Response& answer);

}  // namespace pipelined::api
