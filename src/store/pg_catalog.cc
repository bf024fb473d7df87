#include "store/pg_catalog.h"

#include <fmt/format.h>

#include "pipelined/base/clock.h"
#include "store/arrays.h"
#include "store/rows.h"

namespace pipelined {
namespace {

UserRow ReadUser(const pqxx::row& row) {
  return UserRow{row[0].as<std::int64_t>(), row[1].c_str(), row[2].c_str(), "", row[3].as<bool>()};
}

}  // namespace

Result<Health> PgCatalog::CheckHealth() {
  auto health = pool_.With("check the database", [&](Session& session) -> Result<Health> {
    const pqxx::result lease =
        session.Run("health", "select micros(renewed_at), expires_at > clock_timestamp() from lease where shard = 0");
    Health found;
    found.database = true;
    if (!lease.empty()) {
      found.scheduler_heartbeat = ReadInstant(lease[0][0]);
      found.scheduler_leading = lease[0][1].as<bool>();
    }
    return found;
  });
  if (!health && health.error().code == ErrorCode::kUnavailable) return Health{};
  return health;
}

Result<std::optional<UserRow>> PgCatalog::FindUser(const std::string& name) {
  return pool_.With("find a user", [&](Session& session) -> Result<std::optional<UserRow>> {
    const pqxx::result found = session.Run(
        "find_user", "select id, name, password_hash, disabled from app_user where name = $1", CleanText(name));
    return found.empty() ? std::optional<UserRow>() : std::optional<UserRow>(ReadUser(found[0]));
  });
}

Status PgCatalog::AddUser(const UserRow& user) {
  return pool_.With("add a user", [&](Session& session) -> Status {
    const pqxx::result added = session.Run(
        "add_user",
        "with u as (insert into app_user (name, password_hash, password_changed_at) values ($1, $2, now()) on conflict "
        "(name) do nothing returning id) insert into access_grant (account_id, role, scope) select id, $3, 'all' from "
        "u",
        CleanText(user.name), CleanText(user.password_hash), CleanText(user.role));
    if (added.affected_rows() == 0)
      return Error{ErrorCode::kConflict, fmt::format("there is a user {} already", user.name), ""};
    return Ok();
  });
}

// The lock is against a new password whose transaction is under way: see migration 0020.
Status PgCatalog::AddToken(const std::string& token_sha256, const UserRow& user, Instant expires) {
  return pool_.With("add a token", [&](Session& session) -> Status {
    const pqxx::result added = session.Run(
        "add_token",
        "with u as (select id from app_user where id = $2 and password_hash = $4 and not disabled for share) "
        "insert into token (sha256, user_id, expires_at) select $1, u.id, at_micros($3::bigint) from u",
        CleanText(token_sha256), user.id, ToMicros(expires), CleanText(user.password_hash));
    if (added.affected_rows() > 0) return Ok();
    return Error{ErrorCode::kNotAllowed, "the password was changed meanwhile, or the user disabled", ""};
  });
}

std::unique_ptr<Catalog> MakePgCatalog(const StoreOptions& options) {
  return std::make_unique<PgCatalog>(options);
}

}  // namespace pipelined
