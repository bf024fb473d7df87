// One's own sessions, to see where one is signed in and to end that.
#include "pipelined/ports/user_sessions.h"

#include <fmt/format.h>

#include "api/http/errors.h"
#include "api/handlers.h"
#include "api/http/query.h"
#include "api/access/sessions.h"

namespace pipelined::api {
namespace {

// The id of whoever asks.
Result<std::int64_t> OwnId(const Call& call) {
  if (call.caller.limited)
    return Error{ErrorCode::kNotAllowed, "a token with limits has nothing to do with sessions", ""};
  const Result<std::optional<UserRow>> user = call.service.catalog.FindUser(call.caller.name);
  if (!user.ok()) return user.error();
  if (!user->has_value()) return Error{ErrorCode::kNotFound, "you are no user of this server", ""};
  return (*user)->id;
}

Value Shape(const UserSessionRow& row, const std::string& current) {
  return Value::Map{{"id", row.id},
                    {"sign_in", row.sign_in},
                    {"remote", row.remote},
                    {"user_agent", row.user_agent},
                    {"created_at", FormatInstant(row.created)},
                    {"last_seen_at", FormatInstant(row.last_seen)},
                    {"expires_at", FormatInstant(row.expires)},
                    {"current", row.sha256 == current}};
}

}  // namespace

Response GetSessions(const Call& call) {
  const Result<std::int64_t> user = OwnId(call);
  if (!user.ok()) return ErrorResponse(user.error());
  const Result<std::vector<UserSessionRow>> rows =
      call.service.catalog.user_sessions().Of(*user, call.service.options.session_idle);
  if (!rows.ok()) return ErrorResponse(rows.error());
  const std::string current = SessionHash(call.request);
  Value::List list;
  for (const UserSessionRow& row : *rows) list.push_back(Shape(row, current));
  return NoStore(Json(Collection("sessions", std::move(list), static_cast<std::int64_t>(rows->size()))));
}

Response DeleteSession(const Call& call) {
  std::int64_t id = 0;
  if (auto refusal = ReadPathId("session_id", call.Arg("session_id"), id)) return *std::move(refusal);
  const Result<std::int64_t> user = OwnId(call);
  if (!user.ok()) return ErrorResponse(user.error());
  const Result<int> ended = call.service.catalog.user_sessions().EndOne(*user, id);
  if (!ended.ok()) return ErrorResponse(ended.error());
  if (*ended == 0) return Detail(404, fmt::format("The Session with id: `{}` was not found", id));
  return NoContent();
}

Response DeleteSessions(const Call& call) {
  const Result<std::int64_t> user = OwnId(call);
  if (!user.ok()) return ErrorResponse(user.error());
  const Result<int> ended = call.service.catalog.user_sessions().EndAll(*user);
  return ended.ok() ? NoContent() : ErrorResponse(ended.error());
}

}  // namespace pipelined::api
