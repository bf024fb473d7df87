#include "store/pg_accounts.h"

#include <fmt/format.h>

#include "store/arrays.h"
#include "store/codec.h"
#include "store/listing.h"
#include "store/rows.h"

namespace pipelined {
namespace {

// The grants as JSON: what there is to say of one account comes in one row. A tag stands for the DAGs that have it now.
const std::string kColumns =
    "u.id, u.name, u.kind, u.disabled, micros(u.created_at), micros(u.password_changed_at), "
    "(select json_agg(json_build_array(g.id, g.role, g.scope, g.object, r.permissions, case when g.scope = 'tag' then "
    "array(select d.dag_id from dag d where d.tags @> array[g.object]) end) order by g.id) from access_grant g left "
    "join "
    "access_role r on r.name = g.role where g.account_id = u.id)::text";
const std::string kFrom = " from app_user u";
constexpr int kAccountColumns = 7;

std::vector<std::string> Texts(const Value& list) {
  std::vector<std::string> texts;
  if (!list.is_list()) return texts;
  for (const Value& text : list.list()) texts.push_back(text.string());
  return texts;
}

GrantRow ReadGrant(const Value::List& grant, const std::string& account) {
  return GrantRow{grant[0].integer(), account, grant[1].string(), GrantScopeFromString(grant[2].string()),
                  grant[3].string()};
}

AccountRow ReadAccount(const pqxx::row& row) {
  AccountRow account;
  account.id = row[0].as<std::int64_t>();
  account.name = row[1].c_str();
  account.kind = std::string_view(row[2].c_str()) == "service" ? AccountKind::kService : AccountKind::kUser;
  account.disabled = row[3].as<bool>();
  account.created_at = *ReadInstant(row[4]);
  account.password_changed_at = ReadInstant(row[5]);
  const Value grants = ReadJson(row[6]);
  for (const Value& grant : grants.is_list() ? grants.list() : Value::List{})
    account.grants.push_back(ReadGrant(grant.list(), account.name));
  return account;
}

// A permission that this program does not know gives nothing: another version may have written it.
access::PermissionSet PermissionsOf(const std::string& role, const std::vector<std::string>& own) {
  if (const auto built_in = access::BuiltInFromString(role)) return access::PermissionsOf(*built_in);
  access::PermissionSet set;
  for (const std::string& name : own) {
    if (const auto permission = access::PermissionFromString(name)) set.Add(*permission);
  }
  return set;
}

access::DagScope ScopeOf(const GrantRow& grant, const Value& tagged) {
  if (grant.scope == GrantScope::kAll) return access::DagScope::All();
  return grant.scope == GrantScope::kDag ? access::DagScope::Of({grant.object})
                                         : access::DagScope::OfTag(grant.object, Texts(tagged));
}

access::Rights ReadRights(const pqxx::row& row) {
  std::vector<access::Grant> grants;
  const Value list = ReadJson(row[6]);
  for (const Value& value : list.is_list() ? list.list() : Value::List{}) {
    const Value::List& grant = value.list();
    const GrantRow known = ReadGrant(grant, "");
    grants.push_back({PermissionsOf(known.role, Texts(grant[4])), ScopeOf(known, grant[5])});
  }
  return access::Rights(std::move(grants));
}

Error NoAccount(const std::string& name) {
  return {ErrorCode::kNotFound, fmt::format("there is no user or service account {}", name), ""};
}

Status Changed(const pqxx::result& result, const std::string& name) {
  return result.affected_rows() > 0 ? Ok() : Status(NoAccount(name));
}

std::optional<std::vector<std::string>> Limit(const pqxx::field& field) {
  return field.is_null() ? std::nullopt : std::optional(ParseTextArray(field.c_str()));
}

}  // namespace

const char* ToString(GrantScope scope) {
  return scope == GrantScope::kAll ? "all" : scope == GrantScope::kDag ? "dag" : "tag";
}

GrantScope GrantScopeFromString(std::string_view text) {
  return text == "all" ? GrantScope::kAll : text == "dag" ? GrantScope::kDag : GrantScope::kTag;
}

Result<Listing<AccountRow>> PgAccounts::List(AccountKind kind, const Page& page) {
  ListingSql sql;
  sql.Where("u.kind = {}", kind == AccountKind::kService ? "service" : "user");
  const Status ordered =
      sql.Order(page, {{"id", "u.id"}, {"user_name", "u.name"}, {"name", "u.name"}, {"created_at", "u.created_at"}},
                "u.name collate \"C\"");
  if (!ordered) return ordered.error();
  return pool_.With("list accounts", [&](Session& session) -> Result<Listing<AccountRow>> {
    return Fetch<AccountRow>(session, kColumns, kFrom, sql, page, ReadAccount);
  });
}

Result<AccountRow> PgAccounts::Find(const std::string& name) {
  return pool_.With("find an account", [&](Session& session) -> Result<AccountRow> {
    const pqxx::result found =
        session.Run("account", "select " + kColumns + kFrom + " where u.name = $1", CleanText(name));
    if (found.empty()) return NoAccount(name);
    return ReadAccount(found[0]);
  });
}

Status PgAccounts::Add(const AccountRow& account, const std::string& password_hash) {
  std::vector<std::string> roles, scopes, objects;
  for (const GrantRow& grant : account.grants) {
    roles.push_back(grant.role);
    scopes.emplace_back(ToString(grant.scope));
    objects.push_back(grant.object);
  }
  return pool_.With("add an account", [&](Session& session) -> Status {
    const pqxx::result added = session.Run(
        "add_account",
        "with u as (insert into app_user (name, kind, disabled, password_hash, password_changed_at) select $1::text, "
        "$2::text, $3::boolean, $4::text, case when $4 <> '' then now() end "
        "where not exists (select from app_user where lower(name) = lower($1)) "
        "on conflict (name) do nothing returning id), "
        "g as (insert into access_grant (account_id, role, scope, object) select u.id, x.* from u, unnest($5::text[], "
        "$6::text[], $7::text[]) as x on conflict do nothing) select id from u",
        CleanText(account.name), account.kind == AccountKind::kService ? "service" : "user", account.disabled,
        CleanText(password_hash), TextArray(roles), TextArray(scopes), TextArray(objects));
    if (added.empty())
      return Error{ErrorCode::kConflict, fmt::format("there is a user or service account {} already", account.name),
                   "names differ in more than capital letters"};
    return Ok();
  });
}

Status PgAccounts::SetPassword(const std::string& name, const std::string& password_hash,
                               const std::optional<std::string>& instead_of) {
  return pool_.With("set a password", [&](Session& session) -> Status {
    const auto before = instead_of ? std::optional(CleanText(*instead_of)) : std::nullopt;
    const pqxx::result set = session.Run(
        "set_password",
        "update app_user set password_hash = $2, password_changed_at = now() where name = $1 and kind = 'user' and "
        "($3::text is null or (password_hash = $3 and not disabled))",
        CleanText(name), CleanText(password_hash), before);
    if (set.affected_rows() == 0 && instead_of)
      return Error{ErrorCode::kNotAllowed, "the password was changed meanwhile", ""};
    return Changed(set, name);
  });
}

Status PgAccounts::SetDisabled(const std::string& name, bool disabled) {
  return pool_.With("disable an account", [&](Session& session) -> Status {
    return Changed(
        session.Run("set_disabled", "update app_user set disabled = $2 where name = $1", CleanText(name), disabled),
        name);
  });
}

Status PgAccounts::Delete(const std::string& name) {
  return pool_.With("delete an account", [&](Session& session) -> Status {
    return Changed(session.Run("delete_account", "delete from app_user where name = $1", CleanText(name)), name);
  });
}

Result<std::optional<Principal>> PgAccounts::OfToken(const std::string& sha256) {
  return pool_.With("look a token up", [&](Session& session) -> Result<std::optional<Principal>> {
    const pqxx::result found = session.Run(
        "principal_of_token",
        "select " + kColumns +
            ", t.id, t.name, t.kind, t.permissions, t.dag_ids, micros(t.expires_at), t.last_used_at is null or "
            "t.last_used_at < clock_timestamp() - interval '1 minute' from token t join app_user u on u.id = t.user_id "
            "where "
            "t.sha256 = $1 and (t.expires_at is null or t.expires_at > clock_timestamp()) and not u.disabled",
        CleanText(sha256));
    if (found.empty()) return std::optional<Principal>();
    const pqxx::row row = found[0];
    TokenRow token;
    token.id = row[kAccountColumns].as<std::int64_t>();
    token.name = row[kAccountColumns + 1].c_str();
    token.of_login = std::string_view(row[kAccountColumns + 2].c_str()) == "login";
    token.permissions = Limit(row[kAccountColumns + 3]);
    token.dag_ids = Limit(row[kAccountColumns + 4]);
    token.expires_at = ReadInstant(row[kAccountColumns + 5]);
    if (row[kAccountColumns + 6].as<bool>())  // not with every request: it is a write
      session.Run("token_used", "update token set last_used_at = clock_timestamp() where id = $1", token.id);
    std::optional<access::PermissionSet> permissions;
    if (token.permissions) permissions = PermissionsOf("", *token.permissions);
    std::optional<access::DagScope> scope;
    if (token.dag_ids) scope = access::DagScope::Of(*token.dag_ids);
    return std::optional(Principal{ReadAccount(row), ReadRights(row).Within(permissions, scope), std::move(token)});
  });
}

Result<std::optional<Principal>> PgAccounts::OfAccount(const std::string& name) {
  return pool_.With("look an account up", [&](Session& session) -> Result<std::optional<Principal>> {
    const pqxx::result found =
        session.Run("account", "select " + kColumns + kFrom + " where u.name = $1", CleanText(name));
    if (found.empty()) return std::optional<Principal>();
    return std::optional(Principal{ReadAccount(found[0]), ReadRights(found[0]), std::nullopt});
  });
}

}  // namespace pipelined
