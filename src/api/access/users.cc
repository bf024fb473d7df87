// Users, service accounts, and what the caller is told of himself.
#include <fmt/format.h>

#include "api/access/account_rules.h"
#include "api/access/auth.h"
#include "api/http/errors.h"
#include "api/handlers.h"
#include "api/http/query.h"
#include "pipelined/access/password_rules.h"
#include "pipelined/secrets/password.h"

namespace pipelined::api {
namespace {

constexpr int kHashesAtOnce = 2;  // as with log-ins: each holds a thread

Response ListOf(const Call& call, AccountKind kind, std::string_view plural) {
  Query query(call.request);
  const Page page = query.ReadPage();
  if (!query.ok()) return query.Refusal();
  const Result<Listing<AccountRow>> listing = call.catalog().accounts().List(kind, page);
  if (!listing.ok()) return ErrorResponse(listing.error());
  Value::List rows;
  for (const AccountRow& row : listing->rows) rows.push_back(AccountShape(row));
  return Json(Collection(plural, std::move(rows), listing->total));
}

// The account in the path, if it is of that kind.
Result<AccountRow> Named(const Call& call, AccountKind kind) {
  const std::string& name = call.Arg("name");
  Result<AccountRow> row = call.catalog().accounts().Find(name);
  const bool other = row.ok() && row->kind != kind;
  const bool none = !row.ok() && row.error().code == ErrorCode::kNotFound;
  if (!other && !none) return row;
  return Error{ErrorCode::kNotFound,
               fmt::format("there is no {} {}", kind == AccountKind::kUser ? "user" : "service account", name), ""};
}

Response Show(const Call& call, const std::string& name, int status = 200) {
  const Result<AccountRow> row = call.catalog().accounts().Find(name);
  if (!row.ok()) return ErrorResponse(row.error());
  call.After(name, AccountShape(*row));
  return Json(status, AccountShape(*row));
}

// Roles for everything, each of which the caller could take himself.
std::optional<Response> ReadRoles(const Call& call, const std::vector<std::string>& roles, AccountRow& account) {
  for (const std::string& role : roles) {
    GrantRow grant;
    grant.account = account.name;
    grant.role = role;
    if (auto refusal = RefuseGrant(call, grant)) return refusal;
    account.grants.push_back(std::move(grant));
  }
  return std::nullopt;
}

// The hash of a new password, or why there is none.
std::variant<std::string, Response> HashOf(const Call& call, const std::string& password, const std::string& owner) {
  if (const auto fault = access::PasswordFault(password, owner, call.service.options.shortest_password))
    return Detail(422, *fault);
  const Place place(call.service.logging_in);
  if (!place.Within(kHashesAtOnce)) return ErrorResponse({ErrorCode::kUnavailable, "too many passwords are checked or set at this moment", "ask again"});
  Result<std::string> hash = secrets::HashPassword(password);
  if (!hash.ok()) return ErrorResponse(hash.error());
  return *std::move(hash);
}

Response Add(const Call& call, const AccountRow& account, const std::string& hash) {
  const Status added = call.catalog().accounts().Add(account, hash);
  return added.ok() ? Show(call, account.name, 201) : ErrorResponse(added.error());
}

Response Remove(const Call& call, AccountKind kind) {
  const Result<AccountRow> row = Named(call, kind);
  if (!row.ok()) return ErrorResponse(row.error());
  if (auto refusal = RefuseAccount(call, row->name)) return *std::move(refusal);
  call.Before(row->name, AccountShape(*row));
  const Status gone = call.catalog().accounts().Delete(row->name);
  return gone.ok() ? NoContent() : ErrorResponse(gone.error());
}

Response Change(const Call& call, AccountKind kind, const std::optional<std::string>& password,
                const std::optional<bool>& disabled) {
  const Result<AccountRow> row = Named(call, kind);
  if (!row.ok()) return ErrorResponse(row.error());
  // A new password for somebody is all that he may do.
  if (auto refusal = RefuseAccount(call, row->name)) return *std::move(refusal);
  call.Before(row->name, AccountShape(*row));
  Accounts& accounts = call.catalog().accounts();
  if (password) {
    std::variant<std::string, Response> hash = HashOf(call, *password, row->name);
    if (Response* refusal = std::get_if<Response>(&hash)) return std::move(*refusal);
    if (const Status set = accounts.SetPassword(row->name, std::get<std::string>(hash), std::nullopt); !set.ok())
      return ErrorResponse(set.error());
  }
  if (disabled) {
    if (const Status set = accounts.SetDisabled(row->name, *disabled); !set.ok()) return ErrorResponse(set.error());
  }
  return Show(call, row->name);
}

Response ShowNamed(const Call& call, AccountKind kind) {
  const Result<AccountRow> row = Named(call, kind);
  return row.ok() ? Json(AccountShape(*row)) : ErrorResponse(row.error());
}

}  // namespace

Response GetUsers(const Call& call) {
  return ListOf(call, AccountKind::kUser, "users");
}

Response GetUser(const Call& call) {
  return ShowNamed(call, AccountKind::kUser);
}

Response PostUser(const Call& call) {
  Body body(call.request, {"name", "password", "roles"});
  body.HideInputs();
  AccountRow account;
  account.name = ReadName(body, "name");
  body.Require("password");
  const std::string password = body.String("password").value_or("");
  const std::vector<std::string> roles = body.Strings("roles");
  if (!body.ok()) return body.Refusal();
  if (auto refusal = ReadRoles(call, roles, account)) return *std::move(refusal);
  std::variant<std::string, Response> hash = HashOf(call, password, account.name);
  if (Response* refusal = std::get_if<Response>(&hash)) return std::move(*refusal);
  return Add(call, account, std::get<std::string>(hash));
}

Response PatchUser(const Call& call) {
  Body body(call.request, {"password", "disabled"});
  body.HideInputs();
  const std::optional<std::string> password = body.String("password");
  const std::optional<bool> disabled = body.Bool("disabled");
  if (!body.ok()) return body.Refusal();
  return Change(call, AccountKind::kUser, password, disabled);
}

Response DeleteUser(const Call& call) {
  return Remove(call, AccountKind::kUser);
}

Response GetServiceAccounts(const Call& call) {
  return ListOf(call, AccountKind::kService, "service_accounts");
}

Response GetServiceAccount(const Call& call) {
  return ShowNamed(call, AccountKind::kService);
}

Response PostServiceAccount(const Call& call) {
  Body body(call.request, {"name", "roles"});
  AccountRow account;
  account.kind = AccountKind::kService;
  account.name = ReadName(body, "name");
  const std::vector<std::string> roles = body.Strings("roles");
  if (!body.ok()) return body.Refusal();
  if (auto refusal = ReadRoles(call, roles, account)) return *std::move(refusal);
  return Add(call, account, "");
}

Response PatchServiceAccount(const Call& call) {
  Body body(call.request, {"disabled"});
  const std::optional<bool> disabled = body.Bool("disabled");
  if (!body.ok()) return body.Refusal();
  return Change(call, AccountKind::kService, std::nullopt, disabled);
}

Response DeleteServiceAccount(const Call& call) {
  return Remove(call, AccountKind::kService);
}

Response GetMe(const Call& call) {
  Value::List permissions;
  const access::PermissionSet anywhere = call.caller.rights.Anywhere();
  for (const access::PermissionInfo& info : access::kPermissions) {
    if (!anywhere.Has(info.permission)) continue;
    const access::DagScope scope = call.caller.rights.ScopeOf(info.permission);
    Value::List dag_ids;
    for (std::string& dag_id : scope.dag_ids()) dag_ids.emplace_back(std::move(dag_id));
    permissions.emplace_back(
        Value::Map{{"permission", info.name}, {"dag_ids", scope.all() ? Value() : Value(std::move(dag_ids))}});
  }
  return Json(Value::Map{{"name", call.caller.name},
                         {"token_id", call.caller.token == 0 ? Value() : Value(call.caller.token)},
                         {"limited", call.caller.limited},
                         {"permissions", std::move(permissions)}});
}

Response PostMyPassword(const Call& call) {
  Body body(call.request, {"current_password", "new_password"});
  body.HideInputs();
  body.Require("current_password");
  body.Require("new_password");
  const std::string current = body.String("current_password").value_or(""),
                    fresh = body.String("new_password").value_or("");
  if (!body.ok()) return body.Refusal();
  if (call.caller.limited) return Detail(403, "Forbidden: this token does not stand for all that you may do");
  std::variant<UserRow, Response> checked = CheckPassword(call, call.caller.name, current);
  if (Response* refusal = std::get_if<Response>(&checked)) return std::move(*refusal);
  std::variant<std::string, Response> hash = HashOf(call, fresh, call.caller.name);
  if (Response* refusal = std::get_if<Response>(&hash)) return std::move(*refusal);
  Accounts& accounts = call.catalog().accounts();
  if (const Result<AccountRow> before = accounts.Find(call.caller.name); before.ok())
    call.Before(call.caller.name, AccountShape(*before));
  const Status set = accounts.SetPassword(call.caller.name, std::get<std::string>(hash),
                                          std::get<UserRow>(checked).password_hash);
  if (!set.ok()) return ErrorResponse(set.error());
  if (const Result<AccountRow> after = accounts.Find(call.caller.name); after.ok())
    call.After(call.caller.name, AccountShape(*after));
  return NoContent();
}

}  // namespace pipelined::api
