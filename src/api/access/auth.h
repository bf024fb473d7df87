// Who is asking.
#pragma once

#include <optional>
#include <string>
#include <variant>

#include "api/http/http.h"
#include "api/service.h"

namespace pipelined::api {

// The caller, or the answer that refuses: 401 without a token or a session, 403 for one that is unknown or expired, 503
// without database.
std::variant<Caller, Response> Authenticate(Service& service, const Request& request);

// Who an account is to the API: for those who are known by a token, or by anything else.
Caller CallerOf(Principal principal);

bool IsLoopback(std::string_view address);
// Whether whoever asks may read the metrics without being a user: by `metrics_token`, else from this host.
bool NeedsNoUser(const Service& service, const Request& request);

// The user whose password it is, as he was when it was checked, or the refusal. Slow, and limited: 429.
std::variant<UserRow, Response> CheckPassword(const Call& call, const std::string& name, const std::string& password);
Response WrongPassword();

Response PostToken(const Call& call);

}  // namespace pipelined::api
