#include "store/pg_notifications.h"

#include <fmt/format.h>

#include "pipelined/schema/json.h"
#include "store/arrays.h"
#include "store/listing.h"
#include "store/notice_rows.h"
#include "store/rows.h"

namespace pipelined {
namespace {

ListingSql ConditionsOf(const NotificationFilter& filter) {
  ListingSql sql;
  if (!filter.dag_id.empty()) sql.Where("n.dag_id = {}", filter.dag_id);
  if (!filter.run_id.empty()) sql.Where("n.run_id = {}", filter.run_id);
  if (!filter.channel.empty()) sql.Where("n.channel = {}", filter.channel);
  if (filter.state) sql.Where("n.state = {}", std::string(ToString(*filter.state)));
  if (filter.before_id) sql.Where("n.id < {}::bigint", std::to_string(*filter.before_id));
  if (filter.dags) sql.Where("n.dag_id = any ({}::text[])", TextArray(*filter.dags));
  return sql;
}

Error Unknown(std::int64_t id) {
  return Error{ErrorCode::kNotFound, fmt::format("there is no notification {}", id), "pipectl notifications list"};
}

}  // namespace

Result<std::vector<Notification>> PgNotifications::List(const NotificationFilter& filter, std::int64_t most) {
  ListingSql sql = ConditionsOf(filter);
  Page page;
  page.limit = most;
  page.order_by = {"-id"};
  if (const Status ordered = sql.Order(page, {{"id", "n.id"}}, "n.id"); !ordered.ok()) return ordered.error();
  return pool_.With("read notifications", [&](Session& session) -> Result<std::vector<Notification>> {
    std::vector<Notification> rows;
    for (const pqxx::row& row : session.RunListing(
             sql.Cut("select " PIPELINED_NOTIFICATION_COLUMNS " from notification n", page), sql.PageParameters(page)))
      rows.push_back(ReadNotification(row));
    return rows;
  });
}

Result<std::optional<Notification>> PgNotifications::Find(std::int64_t id) {
  return pool_.With("read a notification", [&](Session& session) -> Result<std::optional<Notification>> {
    const pqxx::result rows = session.Run(
        "find_notification", "select " PIPELINED_NOTIFICATION_COLUMNS " from notification n where n.id = $1", id);
    if (rows.empty()) return std::optional<Notification>();
    return std::optional(ReadNotification(rows[0]));
  });
}

Result<std::vector<NotificationAttempt>> PgNotifications::Attempts(std::int64_t id) {
  return pool_.With("read deliveries", [&](Session& session) -> Result<std::vector<NotificationAttempt>> {
    std::vector<NotificationAttempt> attempts;
    for (const pqxx::row& row :
         session.Run("notification_attempts",
                     "select number, micros(started_at), micros(ended_at), status, error from notification_attempt "
                     "where notification = $1 order by number",
                     id)) {
      NotificationAttempt attempt{row[0].as<std::int32_t>(), *ReadInstant(row[1]), ReadInstant(row[2]), {}, {}};
      if (!row[3].is_null()) attempt.status = row[3].as<int>();
      attempt.error = row[4].c_str();
      attempts.push_back(std::move(attempt));
    }
    return attempts;
  });
}

Status PgNotifications::Retry(std::int64_t id, std::int32_t tries) {
  return pool_.With("send a notification again", [&](Session& session) -> Status {
    pqxx::work work(session.raw());
    // A key of its own from here on: that somebody wants it again is not what the key was to hold back.
    const pqxx::result queued = session.In(
        work, "retry_notification",
        "update notification set state = 'queued', next_try_at = clock_timestamp(), ended_at = null, tries_left = $2, "
        "duplicate_of = null, dedupe_key = coalesce(dedupe_key, 'again ' || id) where id = $1 and state in ('failed', "
        "'suppressed') returning id",
        id, tries);
    const pqxx::result known =
        session.In(work, "state_of_notification", "select state from notification where id = $1", id);
    session.In(work, "say_notices", "select pg_notify(current_schema() || '.notify', '')");
    work.commit();
    if (!queued.empty()) return Ok();
    if (known.empty()) return Unknown(id);
    return Error{ErrorCode::kConflict, fmt::format("notification {} is {}", id, known[0][0].c_str()),
                 "only what has failed or was suppressed is sent again"};
  });
}

Result<OutboxCounts> PgNotifications::Counts() {
  return pool_.With("count notifications", [&](Session& session) -> Result<OutboxCounts> {
    const pqxx::row row =
        session.Run("count_notifications",
                    "select q.number, d.number, f.number, q.oldest from "
                    "(select count(*) as number, coalesce((extract(epoch from clock_timestamp() - min(created_at)) * "
                    "1000000)::bigint, 0) as oldest from notification where state = 'queued') q, "
                    "(select count(*) as number from notification where state = 'delivering') d, "
                    "(select count(*) as number from (select from notification where state = 'failed' limit $1) l) f",
                    OutboxCounts::kMostCounted)[0];
    return OutboxCounts{row[0].as<std::int64_t>(), row[1].as<std::int64_t>(), row[2].as<std::int64_t>(),
                        Micros(row[3].as<std::int64_t>())};
  });
}

Result<std::int64_t> PgNotifications::Test(const std::string& channel, const std::string& message) {
  return pool_.With("file a test message", [&](Session& session) -> Result<std::int64_t> {
    const Value facts = Value::Map{{"event", "test"}, {"state", "test"}, {"error", ""}};
    const Value use = message.empty() ? Value(Value::Map{}) : Value(Value::Map{{"message", message}});
    pqxx::work work(session.raw());
    const pqxx::result made =
        session.In(work, "test_notification",
                   "insert into notification (created_at, event, channel, facts, use, tries_left, next_try_at) values "
                   "(clock_timestamp(), 'test', $1, $2::json, $3::json, 1, clock_timestamp()) returning id",
                   CleanText(channel), ToJson(facts), ToJson(use));
    session.In(work, "say_notices", "select pg_notify(current_schema() || '.notify', '')");
    work.commit();
    return made[0][0].as<std::int64_t>();
  });
}

}  // namespace pipelined
