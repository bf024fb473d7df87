// What changes of accounts have in common: their form in JSON, and that nobody gives, takes or borrows more than he
// has.
#pragma once

#include <optional>
#include <string>

#include "api/http/body.h"
#include "api/service.h"
#include "pipelined/ports/accounts.h"

namespace pipelined::api {

Value GrantShape(const GrantRow& row);
Value AccountShape(const AccountRow& row);

// The permissions of a role. kInvalid: there is no such role.
Result<access::PermissionSet> PermissionsOfRole(const Call& call, const std::string& role);
// The refusal of a grant that the caller cannot give or take, or nothing.
std::optional<Response> RefuseGrant(const Call& call, const GrantRow& grant);
// The refusal of who would do with `account` what the caller may not do himself, or nothing. 404: there is none.
std::optional<Response> RefuseAccount(const Call& call, const std::string& account);

// As access::IsAccountName wants it.
std::string ReadName(Body& body, std::string_view key);

}  // namespace pipelined::api
