// Notifications: what was sent to whom, what was not, and why; sending again; test messages.
#include <fmt/format.h>

#include <limits>

#include "api/handlers.h"
#include "api/http/body.h"
#include "api/http/errors.h"
#include "api/http/query.h"
#include "api/shapes.h"

namespace pipelined::api {
namespace {

constexpr std::int32_t kTriesAgain = 3;
constexpr std::size_t kLongestMessage = 4096, kLongestChannel = 64;

Value TextList(const std::vector<std::string>& texts) {
  return Value::List(texts.begin(), texts.end());
}

Value Shape(const Notification& row) {
  return Value::Map{{"id", row.id},
                    {"created_at", FormatInstant(row.created_at)},
                    {"event", ToString(row.event)},
                    {"channel", row.use.channel},
                    {"to", TextList(row.use.to)},
                    {"dag_id", TextOrNull(row.dag_id)},
                    {"dag_run_id", TextOrNull(row.run_id)},
                    {"task_id", TextOrNull(row.task_id)},
                    {"map_index", std::int64_t{row.map_index}},
                    {"state", ToString(row.state)},
                    {"attempts", std::int64_t{row.attempts}},
                    {"next_try_at", InstantOrNull(row.next_try_at)},
                    {"ended_at", InstantOrNull(row.ended_at)},
                    {"error", TextOrNull(row.error)},
                    {"dedupe_key", TextOrNull(row.dedupe_key)},
                    {"duplicate_of", row.duplicate_of ? Value(*row.duplicate_of) : Value()}};
}

Value Shape(const NotificationAttempt& attempt) {
  return Value::Map{{"number", std::int64_t{attempt.number}},
                    {"started_at", FormatInstant(attempt.started_at)},
                    {"ended_at", InstantOrNull(attempt.ended_at)},
                    {"status", attempt.status ? Value(*attempt.status) : Value()},
                    {"error", TextOrNull(attempt.error)}};
}

Response Whole(const Call& call, std::int64_t id, int status = 200) {
  const Result<std::optional<Notification>> row = call.catalog().notifications().Find(id);
  if (!row.ok()) return ErrorResponse(row.error());
  if (!*row) return Detail(404, fmt::format("there is no notification {}", id));
  const Result<std::vector<NotificationAttempt>> attempts = call.catalog().notifications().Attempts(id);
  if (!attempts.ok()) return ErrorResponse(attempts.error());
  Value shape = Shape(**row);
  Value::List tries;
  for (const NotificationAttempt& attempt : *attempts) tries.push_back(Shape(attempt));
  shape.Set("tries", std::move(tries));
  shape.Set("facts", (*row)->facts);
  return Json(status, shape);
}

}  // namespace

Response GetNotifications(const Call& call) {
  Query query(call.request);
  NotificationFilter filter;
  filter.dag_id = query.String("dag_id");
  filter.run_id = query.String("run_id");
  filter.channel = query.String("channel");
  if (const auto states = query.Words("state", kNotificationStates); !states.empty())
    filter.state = NotificationStateFromString(states.back());
  if (!query.String("before_id").empty()) filter.before_id = query.Int("before_id", 0, 0);
  const std::int64_t limit = std::min(query.Int("limit", 100, 1), kMaxLimit);
  if (!query.ok()) return query.Refusal();
  // One more than is shown tells whether there is a next page.
  Result<std::vector<Notification>> found = call.catalog().notifications().List(filter, limit + 1);
  if (!found.ok()) return ErrorResponse(found.error());
  const bool more = static_cast<std::int64_t>(found->size()) > limit;
  if (more) found->resize(static_cast<std::size_t>(limit));
  Value::List rows;
  for (const Notification& row : *found) rows.push_back(Shape(row));
  return Json(Value::Map{{"notifications", std::move(rows)}, {"next", more ? Value(found->back().id) : Value()}});
}

Response GetNotification(const Call& call) {
  std::int64_t id = 0;
  if (auto refusal = ReadPathId("notification_id", call.Arg("notification_id"), id)) return *std::move(refusal);
  return Whole(call, id);
}

Response PostNotificationRetry(const Call& call) {
  std::int64_t id = 0;
  if (auto refusal = ReadPathId("notification_id", call.Arg("notification_id"), id)) return *std::move(refusal);
  if (const Status queued = call.catalog().notifications().Retry(id, kTriesAgain); !queued.ok())
    return ErrorResponse(queued.error());
  return Whole(call, id);
}

Response PostNotificationTest(const Call& call) {
  Body body(call.request, {"channel", "message"});
  body.RequireValue("channel");
  const std::string channel = body.String("channel").value_or("");
  const std::string message = body.String("message").value_or("");
  if (body.ok() && (channel.empty() || channel.size() > kLongestChannel))
    body.Refuse(fmt::format("the channel should have 1 to {} characters", kLongestChannel));
  if (body.ok() && message.size() > kLongestMessage)
    body.Refuse(fmt::format("the message should have {} bytes at most", kLongestMessage));
  if (!body.ok()) return body.Refusal();
  const Result<std::int64_t> id = call.catalog().notifications().Test(channel, message);
  if (!id.ok()) return ErrorResponse(id.error());
  call.After(channel, Value(Value::Map{{"notification_id", *id}}));
  return Whole(call, *id, 201);
}

}  // namespace pipelined::api
