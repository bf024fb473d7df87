#include "api/access/account_rules.h"

#include <fmt/format.h>

#include "api/http/errors.h"
#include "api/shapes.h"
#include "pipelined/access/name_rules.h"

namespace pipelined::api {
namespace {

Response MoreThanYours(std::string_view whose) {
  return Detail(403, fmt::format("Forbidden: {} may do what you may not", whose));
}

access::DagScope ScopeOf(const GrantRow& grant) {
  if (grant.scope == GrantScope::kAll) return access::DagScope::All();
  return grant.scope == GrantScope::kDag ? access::DagScope::Of({grant.object})
                                         : access::DagScope::OfTag(grant.object, {});
}

}  // namespace

Value GrantShape(const GrantRow& row) {
  const bool dag = row.scope == GrantScope::kDag, tag = row.scope == GrantScope::kTag;
  return Value::Map{{"grant_id", row.id},
                    {"account", row.account},
                    {"role", row.role},
                    {"dag_id", dag ? Value(row.object) : Value()},
                    {"tag", tag ? Value(row.object) : Value()}};
}

Value AccountShape(const AccountRow& row) {
  Value::List grants;
  for (const GrantRow& grant : row.grants) grants.push_back(GrantShape(grant));
  return Value::Map{{"name", row.name},
                    {"kind", row.kind == AccountKind::kUser ? "user" : "service"},
                    {"disabled", row.disabled},
                    {"created_at", FormatInstant(row.created_at)},
                    {"password_changed_at", InstantOrNull(row.password_changed_at)},
                    {"grants", std::move(grants)}};
}

Result<access::PermissionSet> PermissionsOfRole(const Call& call, const std::string& role) {
  if (const auto built_in = access::BuiltInFromString(role)) return access::PermissionsOf(*built_in);
  const Result<RoleRow> row = call.catalog().accounts().Role(role);
  if (!row.ok()) {
    if (row.error().code != ErrorCode::kNotFound) return row.error();
    return Error{ErrorCode::kInvalid, fmt::format("there is no role \"{}\"", role),
                 "built in are viewer, user, op and admin; others are made under /api/ext/v1/roles"};
  }
  access::PermissionSet set;
  access::ReadPermissions(row->permissions, set);
  return set;
}

std::optional<Response> RefuseGrant(const Call& call, const GrantRow& grant) {
  const Result<access::PermissionSet> permissions = PermissionsOfRole(call, grant.role);
  if (!permissions.ok()) return ErrorResponse(permissions.error());
  if (call.caller.rights.Hold(*permissions, ScopeOf(grant))) return std::nullopt;
  return MoreThanYours(fmt::format("the role {}", grant.role));
}

std::optional<Response> RefuseAccount(const Call& call, const std::string& account) {
  const Result<std::optional<Principal>> who = call.catalog().accounts().OfAccount(account);
  if (!who.ok()) return ErrorResponse(who.error());
  if (!who->has_value()) return Detail(404, fmt::format("there is no user or service account {}", account));
  if (call.caller.rights.Hold((*who)->rights)) return std::nullopt;
  return MoreThanYours(account);
}

std::string ReadName(Body& body, std::string_view key) {
  body.Require(key);
  const std::string name = body.String(key).value_or("");
  if (body.ok() && !access::IsAccountName(name)) body.Refuse(key, "value_error", std::string(access::kNameRule));
  return name;
}

}  // namespace pipelined::api
