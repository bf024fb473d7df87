// Roles that are not built in, and who was given which.
#include <fmt/format.h>

#include <algorithm>

#include "api/access/account_rules.h"
#include "api/http/errors.h"
#include "api/handlers.h"
#include "api/http/query.h"

namespace pipelined::api {
namespace {

Value::List ListOf(const std::vector<std::string_view>& names) {
  return {names.begin(), names.end()};
}

Value BuiltInShape(std::size_t i) {
  static constexpr std::string_view kWhat[] = {
      "sees all but secrets, settings and users", "changes DAGs and their runs",
      "changes backfills, assets, pools, variables and connections, too", "may do everything"};
  return Value::Map{{"name", access::kBuiltInNames[i]},
                    {"description", kWhat[i]},
                    {"built_in", true},
                    {"permissions", ListOf(access::PermissionsOf(static_cast<access::BuiltIn>(i)).Names())}};
}

Value RoleShape(const RoleRow& row) {
  return Value::Map{{"name", row.name},
                    {"description", row.description},
                    {"built_in", false},
                    {"permissions", Value::List(row.permissions.begin(), row.permissions.end())}};
}

// The permissions of a body in the order of the table; noted as wrong where one does not exist.
std::vector<std::string> ReadPermissions(Body& body, access::PermissionSet& set) {
  if (const auto unknown = access::ReadPermissions(body.Strings("permissions"), set)) {
    body.Refuse("permissions", "value_error",
                fmt::format("there is no permission \"{}\"; docs/security.md lists them", *unknown));
  }
  const std::vector<std::string_view> names = set.Names();
  return {names.begin(), names.end()};
}

access::PermissionSet SetOf(const RoleRow& row) {
  access::PermissionSet set;
  access::ReadPermissions(row.permissions, set);
  return set;
}

// What a role gets or loses, all who have it do, wherever they have it.
std::optional<Response> RefuseRole(const Call& call, const access::PermissionSet& set) {
  if (call.caller.rights.Hold(set, access::DagScope::All())) return std::nullopt;
  return Detail(403, "Forbidden: the role holds, or would hold, permissions that you have not");
}

std::optional<Response> RefuseBuiltIn(const std::string& name) {
  if (!access::BuiltInFromString(name)) return std::nullopt;
  return Detail(409, fmt::format("the role {} is built in and stays as it is", name));
}

Response Show(const Call& call, const std::string& name, int status = 200) {
  const Result<RoleRow> row = call.catalog().accounts().Role(name);
  if (!row.ok()) return ErrorResponse(row.error());
  call.After(name, RoleShape(*row));
  return Json(status, RoleShape(*row));
}

}  // namespace

Response GetRoles(const Call& call) {
  Query query(call.request);
  const Page page = query.ReadPage();
  if (!query.ok()) return query.Refusal();
  const Result<std::vector<RoleRow>> rows = call.catalog().accounts().Roles();
  if (!rows.ok()) return ErrorResponse(rows.error());
  Value::List roles;
  for (std::size_t i = 0; i < std::size(access::kBuiltInNames); ++i) roles.push_back(BuiltInShape(i));
  for (const RoleRow& row : *rows) roles.push_back(RoleShape(row));
  const auto total = static_cast<std::int64_t>(roles.size());
  const std::int64_t begin = std::min(page.offset, total), end = std::min(begin + page.limit, total);
  return Json(Collection("roles", Value::List(roles.begin() + begin, roles.begin() + end), total));
}

Response GetRole(const Call& call) {
  const std::string& name = call.Arg("role");
  if (const auto built_in = access::BuiltInFromString(name))
    return Json(BuiltInShape(static_cast<std::size_t>(*built_in)));
  return Show(call, name);
}

Response PostRole(const Call& call) {
  Body body(call.request, {"name", "description", "permissions"});
  RoleRow role;
  access::PermissionSet set;
  role.name = ReadName(body, "name");
  role.description = body.String("description").value_or("");
  body.Require("permissions");
  role.permissions = ReadPermissions(body, set);
  if (!body.ok()) return body.Refusal();
  if (auto refusal = RefuseBuiltIn(role.name)) return *std::move(refusal);
  if (auto refusal = RefuseRole(call, set)) return *std::move(refusal);
  const Status put = call.catalog().accounts().PutRole(role, true);
  return put.ok() ? Show(call, role.name, 201) : ErrorResponse(put.error());
}

Response PatchRole(const Call& call) {
  Body body(call.request, {"description", "permissions"});
  access::PermissionSet set;
  const auto description = body.String("description");
  const bool changes = body.Has("permissions");
  const std::vector<std::string> permissions = ReadPermissions(body, set);
  if (!body.ok()) return body.Refusal();
  const std::string& name = call.Arg("role");
  if (auto refusal = RefuseBuiltIn(name)) return *std::move(refusal);
  Result<RoleRow> role = call.catalog().accounts().Role(name);
  if (!role.ok()) return ErrorResponse(role.error());
  if (auto refusal = RefuseRole(call, SetOf(*role))) return *std::move(refusal);
  call.Before(name, RoleShape(*role));
  if (changes) {
    if (auto refusal = RefuseRole(call, set)) return *std::move(refusal);
    role->permissions = permissions;
  }
  if (description) role->description = *description;
  const Status put = call.catalog().accounts().PutRole(*role, false);
  return put.ok() ? Show(call, name) : ErrorResponse(put.error());
}

Response DeleteRole(const Call& call) {
  const std::string& name = call.Arg("role");
  if (auto refusal = RefuseBuiltIn(name)) return *std::move(refusal);
  const Result<RoleRow> role = call.catalog().accounts().Role(name);
  if (!role.ok()) return ErrorResponse(role.error());
  if (auto refusal = RefuseRole(call, SetOf(*role))) return *std::move(refusal);
  call.Before(name, RoleShape(*role));
  const Status gone = call.catalog().accounts().DeleteRole(name);
  return gone.ok() ? NoContent() : ErrorResponse(gone.error());
}

Response GetGrants(const Call& call) {
  Query query(call.request);
  const Page page = query.ReadPage();
  if (!query.ok()) return query.Refusal();
  const Result<Listing<GrantRow>> listing = call.catalog().accounts().Grants(query.String("account"), page);
  if (!listing.ok()) return ErrorResponse(listing.error());
  Value::List rows;
  for (const GrantRow& row : listing->rows) rows.push_back(GrantShape(row));
  return Json(Collection("grants", std::move(rows), listing->total));
}

Response PostGrant(const Call& call) {
  Body body(call.request, {"account", "role", "dag_id", "tag"});
  GrantRow grant;
  grant.account = ReadName(body, "account");
  grant.role = ReadName(body, "role");
  const auto dag_id = body.String("dag_id"), tag = body.String("tag");
  if (dag_id && tag) body.Refuse("a grant is for one DAG, for one tag, or for everything");
  if ((dag_id && dag_id->empty()) || (tag && tag->empty())) body.Refuse("dag_id and tag may not be empty");
  if (dag_id == "~") body.Refuse("without dag_id and tag a grant is for everything");
  if (!body.ok()) return body.Refusal();
  grant.scope = dag_id ? GrantScope::kDag : tag ? GrantScope::kTag : GrantScope::kAll;
  grant.object = dag_id ? *dag_id : tag.value_or("");
  if (auto refusal = RefuseGrant(call, grant)) return *std::move(refusal);
  const Result<GrantRow> made = call.catalog().accounts().AddGrant(grant);
  if (!made.ok()) return ErrorResponse(made.error());
  call.After(grant.account, GrantShape(*made));
  return Json(201, GrantShape(*made));
}

Response DeleteGrant(const Call& call) {
  std::int64_t id = 0;
  if (auto refusal = ReadPathId("grant_id", call.Arg("grant_id"), id)) return *std::move(refusal);
  const Result<GrantRow> grant = call.catalog().accounts().Grant(id);
  if (!grant.ok()) return ErrorResponse(grant.error());
  if (auto refusal = RefuseGrant(call, *grant)) return *std::move(refusal);
  call.Before(grant->account, GrantShape(*grant));
  const Status gone = call.catalog().accounts().DropGrant(id);
  return gone.ok() ? NoContent() : ErrorResponse(gone.error());
}

}  // namespace pipelined::api
