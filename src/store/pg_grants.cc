// Roles, grants and tokens.
#include <fmt/format.h>

#include "store/arrays.h"
#include "store/listing.h"
#include "store/pg_accounts.h"
#include "store/rows.h"

namespace pipelined {
namespace {

const char* const kGrantColumns = "g.id, u.name, g.role, g.scope, g.object";
const char* const kGrantFrom = " from access_grant g join app_user u on u.id = g.account_id";
const char* const kTokenColumns =
    "t.id, u.name, t.name, t.kind, t.permissions, t.dag_ids, micros(t.created_at), micros(t.expires_at), "
    "micros(t.last_used_at)";
const char* const kTokenFrom = " from token t join app_user u on u.id = t.user_id";

GrantRow ReadGrant(const pqxx::row& row) {
  return GrantRow{row[0].as<std::int64_t>(), row[1].c_str(), row[2].c_str(), GrantScopeFromString(row[3].c_str()),
                  row[4].c_str()};
}

TokenRow ReadToken(const pqxx::row& row) {
  TokenRow token;
  token.id = row[0].as<std::int64_t>();
  token.account = row[1].c_str();
  token.name = row[2].c_str();
  token.of_login = std::string_view(row[3].c_str()) == "login";
  if (!row[4].is_null()) token.permissions = ParseTextArray(row[4].c_str());
  if (!row[5].is_null()) token.dag_ids = ParseTextArray(row[5].c_str());
  token.created_at = *ReadInstant(row[6]);
  token.expires_at = ReadInstant(row[7]);
  token.last_used_at = ReadInstant(row[8]);
  return token;
}

RoleRow ReadRole(const pqxx::row& row) {
  return RoleRow{row[0].c_str(), row[1].c_str(), ParseTextArray(row[2].c_str())};
}

Error Missing(std::string_view what, std::string_view name) {
  return {ErrorCode::kNotFound, fmt::format("there is no {} {}", what, name), ""};
}

Status Changed(const pqxx::result& result, std::string_view what, std::string_view name) {
  return result.affected_rows() > 0 ? Ok() : Status(Missing(what, name));
}

std::optional<std::string> ArrayOrNull(const std::optional<std::vector<std::string>>& texts) {
  return texts ? std::optional(TextArray(*texts)) : std::nullopt;
}

}  // namespace

Result<std::vector<RoleRow>> PgAccounts::Roles() {
  return pool_.With("list roles", [&](Session& session) -> Result<std::vector<RoleRow>> {
    std::vector<RoleRow> roles;
    for (const pqxx::row& row :
         session.Run("roles", "select name, description, permissions from access_role order by name collate \"C\""))
      roles.push_back(ReadRole(row));
    return roles;
  });
}

Result<RoleRow> PgAccounts::Role(const std::string& name) {
  return pool_.With("read a role", [&](Session& session) -> Result<RoleRow> {
    const pqxx::result found =
        session.Run("role", "select name, description, permissions from access_role where name = $1", CleanText(name));
    if (found.empty()) return Missing("role", name);
    return ReadRole(found[0]);
  });
}

Status PgAccounts::PutRole(const RoleRow& role, bool made) {
  return pool_.With("store a role", [&](Session& session) -> Status {
    if (!made) {
      return Changed(session.Run("change_role",
                                 "update access_role set description = $2, permissions = $3::text[] where name = $1",
                                 CleanText(role.name), CleanText(role.description), TextArray(role.permissions)),
                     "role", role.name);
    }
    const pqxx::result added = session.Run(
        "add_role",
        "insert into access_role (name, description, permissions) values ($1, $2, $3::text[]) on conflict do nothing",
        CleanText(role.name), CleanText(role.description), TextArray(role.permissions));
    if (added.affected_rows() > 0) return Ok();
    return Error{ErrorCode::kConflict, fmt::format("there is a role {} already", role.name), ""};
  });
}

Status PgAccounts::DeleteRole(const std::string& name) {
  return pool_.With("delete a role", [&](Session& session) -> Status {
    return Changed(session.Run("delete_role", "delete from access_role where name = $1", CleanText(name)), "role",
                   name);
  });
}

Result<Listing<GrantRow>> PgAccounts::Grants(const std::string& account, const Page& page) {
  ListingSql sql;
  if (!account.empty()) sql.Where("u.name = {}", account);
  const Status ordered = sql.Order(page, {{"id", "g.id"}, {"user_name", "u.name"}, {"role", "g.role"}}, "g.id");
  if (!ordered) return ordered.error();
  return pool_.With("list grants", [&](Session& session) -> Result<Listing<GrantRow>> {
    return Fetch<GrantRow>(session, kGrantColumns, kGrantFrom, sql, page, ReadGrant);
  });
}

Result<GrantRow> PgAccounts::Grant(std::int64_t id) {
  return pool_.With("read a grant", [&](Session& session) -> Result<GrantRow> {
    const pqxx::result found =
        session.Run("grant_by_id", fmt::format("select {}{} where g.id = $1", kGrantColumns, kGrantFrom), id);
    if (found.empty()) return Missing("grant", std::to_string(id));
    return ReadGrant(found[0]);
  });
}

Result<GrantRow> PgAccounts::AddGrant(const GrantRow& grant) {
  return pool_.With("add a grant", [&](Session& session) -> Result<GrantRow> {
    const pqxx::result added = session.Run(
        "add_grant",
        "with u as (select id from app_user where name = $1), g as (insert into access_grant (account_id, role, scope, "
        "object) select u.id, $2, $3, $4 from u on conflict do nothing returning id) select (select id from u), "
        "(select id from g)",
        CleanText(grant.account), CleanText(grant.role), ToString(grant.scope), CleanText(grant.object));
    if (added[0][0].is_null()) return Missing("user or service account", grant.account);
    if (added[0][1].is_null())
      return Error{ErrorCode::kConflict, fmt::format("{} has that grant already", grant.account), ""};
    GrantRow made = grant;
    made.id = added[0][1].as<std::int64_t>();
    return made;
  });
}

Status PgAccounts::DropGrant(std::int64_t id) {
  return pool_.With("take a grant back", [&](Session& session) -> Status {
    return Changed(session.Run("drop_grant", "delete from access_grant where id = $1", id), "grant",
                   std::to_string(id));
  });
}

Result<Listing<TokenRow>> PgAccounts::Tokens(const std::string& account, const Page& page) {
  ListingSql sql;
  if (!account.empty()) sql.Where("u.name = {}", account);
  const Status ordered = sql.Order(page,
                                   {{"id", "t.id"},
                                    {"name", "t.name"},
                                    {"user_name", "u.name"},
                                    {"created_at", "t.created_at"},
                                    {"expires_at", "t.expires_at"},
                                    {"last_used_at", "t.last_used_at"}},
                                   "t.id");
  if (!ordered) return ordered.error();
  return pool_.With("list tokens", [&](Session& session) -> Result<Listing<TokenRow>> {
    return Fetch<TokenRow>(session, kTokenColumns, kTokenFrom, sql, page, ReadToken);
  });
}

Result<TokenRow> PgAccounts::Token(std::int64_t id) {
  return pool_.With("read a token", [&](Session& session) -> Result<TokenRow> {
    const pqxx::result found =
        session.Run("token_by_id", fmt::format("select {}{} where t.id = $1", kTokenColumns, kTokenFrom), id);
    if (found.empty()) return Missing("token", std::to_string(id));
    return ReadToken(found[0]);
  });
}

Result<TokenRow> PgAccounts::AddToken(const TokenRow& token, const std::string& sha256) {
  const auto added = pool_.With("add a token", [&](Session& session) -> Result<std::int64_t> {
    const auto expires = token.expires_at ? std::optional(ToMicros(*token.expires_at)) : std::nullopt;
    const pqxx::result made = session.Run(
        "add_api_token",
        "insert into token (sha256, user_id, name, kind, permissions, dag_ids, expires_at) select $1, u.id, $3, $4, "
        "$5::text[], $6::text[], at_micros($7::bigint) from app_user u where u.name = $2 returning id",
        CleanText(sha256), CleanText(token.account), CleanText(token.name), token.of_login ? "login" : "api",
        ArrayOrNull(token.permissions), ArrayOrNull(token.dag_ids), expires);
    if (made.empty()) return Missing("user or service account", token.account);
    return made[0][0].as<std::int64_t>();
  });
  if (!added.ok()) return added.error();
  return Token(*added);
}

Status PgAccounts::DropToken(std::int64_t id) {
  return pool_.With("revoke a token", [&](Session& session) -> Status {
    return Changed(session.Run("drop_token", "delete from token where id = $1", id), "token", std::to_string(id));
  });
}

}  // namespace pipelined
