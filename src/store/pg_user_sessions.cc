#include "store/pg_user_sessions.h"

#include <fmt/format.h>

#include <algorithm>

#include "pipelined/access/name_rules.h"
#include "store/arrays.h"
#include "store/rows.h"

namespace pipelined {
namespace {

constexpr Micros kFineness = std::chrono::minutes(1);  // of last_seen_at

SessionUser ReadUser(const pqxx::row& row) {
  return SessionUser{row[0].as<std::int64_t>(), row[1].c_str()};
}

UserSessionRow ReadSession(const pqxx::row& row) {
  UserSessionRow read;
  read.id = row[0].as<std::int64_t>();
  read.sha256 = row[1].c_str();
  read.sign_in = row[2].c_str();
  read.remote = row[3].c_str();
  read.user_agent = row[4].c_str();
  read.created = *ReadInstant(row[5]);
  read.last_seen = *ReadInstant(row[6]);
  read.expires = *ReadInstant(row[7]);
  return read;
}

// The grant of his groups; what else he was given stays.
void Grant(Session& session, pqxx::work& work, std::int64_t user, const std::string& role) {
  session.In(work, "grant_external",
             "insert into access_grant (account_id, role, scope) values ($1, $2, 'all') on conflict do nothing", user,
             CleanText(role));
}

// The name may hold anything: only what can do no harm is repeated.
Error NoName(const ExternalUser& external) {
  std::string shown = external.name.substr(0, 100);
  for (char& c : shown) c = c < 0x20 || c > 0x7e ? '?' : c;
  return {
      ErrorCode::kNotAllowed,
      fmt::format("the identity provider calls you \"{}\", which cannot be a name here: {}", shown, access::kNameRule),
      "have your name there (preferred_username) changed"};
}

// Who came before as the same one of the provider's; his role is brought up to date. Nothing: nobody did.
std::optional<Result<AdmittedUser>> FindKnown(Session& session, pqxx::work& work, const ExternalUser& external) {
  const pqxx::result known =
      session.In(work, "user_of_identity",
                 "select u.id, u.name, u.disabled, i.role from user_identity i join app_user u on u.id = i.user_id "
                 "where i.issuer = $1 and i.subject = $2 for update of i",
                 CleanText(external.issuer), CleanText(external.subject));
  if (known.empty()) return std::nullopt;
  const SessionUser user = ReadUser(known[0]);
  if (known[0][2].as<bool>())
    return Error{ErrorCode::kNotAllowed, fmt::format("the user {} is disabled here", user.name), ""};
  Grant(session, work, user.id, external.role);
  const std::string before = known[0][3].c_str();
  if (before != external.role) {
    session.In(work, "revoke_external",
               "delete from access_grant where account_id = $1 and role = $2 and scope = 'all'", user.id, before);
    session.In(work, "role_of_identity", "update user_identity set role = $3 where issuer = $1 and subject = $2",
               CleanText(external.issuer), CleanText(external.subject), CleanText(external.role));
  }
  return AdmittedUser{user, before};
}

Result<AdmittedUser> AddKnown(Session& session, pqxx::work& work, const ExternalUser& external) {
  if (!access::IsAccountName(external.name)) return NoName(external);
  const pqxx::result added =
      session.In(work, "add_external_user",
                 "insert into app_user (name, password_hash) select $1::text, '' where not exists (select from "
                 "app_user where lower(name) = lower($1)) on conflict (name) do nothing returning id, name",
                 CleanText(external.name));
  if (added.empty()) {
    return Error{ErrorCode::kConflict,
                 fmt::format("there is another user {} here already, who does not sign in through {}", external.name,
                             external.issuer),
                 "rename one of the two"};
  }
  SessionUser user = ReadUser(added[0]);
  Grant(session, work, user.id, external.role);
  session.In(work, "add_identity", "insert into user_identity (issuer, subject, user_id, role) values ($1, $2, $3, $4)",
             CleanText(external.issuer), CleanText(external.subject), user.id, CleanText(external.role));
  return AdmittedUser{std::move(user), ""};
}

}  // namespace

Status PgUserSessions::Open(const NewUserSession& session) {
  return pool_.With("open a session", [&](Session& connection) -> Status {
    const auto password = session.password_hash ? std::optional(CleanText(*session.password_hash)) : std::nullopt;
    const pqxx::result opened = connection.Run(
        "open_user_session",
        "with old as (delete from user_session where expires_at < clock_timestamp()), "
        "u as (select id from app_user where id = $2 and not disabled and ($7::text is null or password_hash = $7) "
        "for share) "  // against a new password whose transaction is under way: see migration 0020
        "insert into user_session (sha256, user_id, sign_in, remote, user_agent, expires_at) "
        "select $1, u.id, $3, $4, $5, at_micros($6::bigint) from u",
        CleanText(session.sha256), session.user, CleanText(session.sign_in), CleanText(session.remote),
        CleanText(session.user_agent), ToMicros(session.expires), password);
    if (opened.affected_rows() > 0) return Ok();
    return Error{ErrorCode::kNotAllowed, "the password was changed meanwhile, or the user disabled", ""};
  });
}

Result<std::optional<SessionUser>> PgUserSessions::UserOf(const std::string& sha256, Micros idle) {
  return pool_.With("look a session up", [&](Session& session) -> Result<std::optional<SessionUser>> {
    const pqxx::result found = session.Run(
        "user_of_session",
        "select u.id, u.name, s.last_seen_at < clock_timestamp() - $3 * interval '1 us' "
        "from user_session s join app_user u on u.id = s.user_id where s.sha256 = $1 and not u.disabled "
        "and s.expires_at > clock_timestamp() and s.last_seen_at > clock_timestamp() - $2 * interval '1 us'",
        CleanText(sha256), idle.count(), std::min(kFineness, idle / 4).count());
    if (found.empty()) return std::optional<SessionUser>();
    if (found[0][2].as<bool>())
      session.Run("touch_session", "update user_session set last_seen_at = clock_timestamp() where sha256 = $1",
                  CleanText(sha256));
    return std::optional<SessionUser>(ReadUser(found[0]));
  });
}

Result<std::vector<UserSessionRow>> PgUserSessions::Of(std::int64_t user, Micros idle) {
  return pool_.With("list sessions", [&](Session& session) -> Result<std::vector<UserSessionRow>> {
    const pqxx::result found = session.Run(
        "sessions_of_user",
        "select id, sha256, sign_in, remote, user_agent, micros(created_at), micros(last_seen_at), micros(expires_at) "
        "from user_session where user_id = $1 and expires_at > clock_timestamp() "
        "and last_seen_at > clock_timestamp() - $2 * interval '1 us' order by id desc",
        user, idle.count());
    std::vector<UserSessionRow> rows;
    for (const pqxx::row& row : found) rows.push_back(ReadSession(row));
    return rows;
  });
}

Result<int> PgUserSessions::End(const std::string& sha256) {
  return pool_.With("end a session", [&](Session& session) -> Result<int> {
    return static_cast<int>(
        session.Run("end_session", "delete from user_session where sha256 = $1", CleanText(sha256)).affected_rows());
  });
}

Result<int> PgUserSessions::EndOne(std::int64_t user, std::int64_t id) {
  return pool_.With("end a session", [&](Session& session) -> Result<int> {
    return static_cast<int>(
        session.Run("end_one_session", "delete from user_session where user_id = $1 and id = $2", user, id)
            .affected_rows());
  });
}

Result<int> PgUserSessions::EndAll(std::int64_t user) {
  return pool_.With("end sessions", [&](Session& session) -> Result<int> {
    return static_cast<int>(
        session.Run("end_sessions_of_user", "delete from user_session where user_id = $1", user).affected_rows());
  });
}

Result<AdmittedUser> PgUserSessions::SignIn(const ExternalUser& external) {
  return pool_.With("sign a user in", [&](Session& session) -> Result<AdmittedUser> {
    pqxx::work work(session.raw());
    std::optional<Result<AdmittedUser>> known = FindKnown(session, work, external);
    Result<AdmittedUser> user = known ? *std::move(known) : AddKnown(session, work, external);
    if (user.ok()) work.commit();
    return user;
  });
}

Result<std::optional<AdmittedUser>> PgUserSessions::Dismiss(const std::string& issuer, const std::string& subject) {
  return pool_.With("dismiss a user", [&](Session& session) -> Result<std::optional<AdmittedUser>> {
    const pqxx::result found = session.Run(
        "dismiss",
        "with known as (select i.user_id, i.role, u.name from user_identity i join app_user u on u.id = i.user_id "
        "where "
        "i.issuer = $1 and i.subject = $2 for update of i), "
        "closed as (delete from user_session s using known k where s.user_id = k.user_id), "
        "taken as (delete from access_grant g using known k where g.account_id = k.user_id and g.role = k.role and "
        "g.scope = 'all'), "
        "changed as (update user_identity set role = '' where issuer = $1 and subject = $2) "
        "select user_id, name, role from known",
        CleanText(issuer), CleanText(subject));
    if (found.empty()) return std::optional<AdmittedUser>();
    return std::optional(AdmittedUser{ReadUser(found[0]), found[0][2].c_str()});
  });
}

}  // namespace pipelined
