// Who is asking.
#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "api/http.h"
#include "api/service.h"

namespace pipelined::api {

// The caller, or the answer that refuses: 401 without a token or a session, 403 for one that is unknown or expired, 503
// without database.
std::variant<Caller, Response> Authenticate(Service& service, const Request& request);

// What the user may do; 403 when his role is none that is known.
std::variant<Caller, Response> CallerOf(const UserRow& user);

// The user whose password it is; else 401, or 429 with when to come back.
std::variant<UserRow, Response> CheckPassword(const Call& call, const std::string& name, const std::string& password);

bool IsLoopback(std::string_view address);

Response PostToken(const Call& call);

}  // namespace pipelined::api
