#include "worker/job.h"

#include <fmt/format.h>

#include "pipelined/schema/json.h"

namespace pipelined::worker {

Result<std::unique_ptr<Job>> Begin(const Value& action, const Tools& tools, AttemptLog& log, JobDone done) {
  if (action.is_map() && action.map().size() == 1) {
    const auto& [kind, spec] = action.map().front();
    if (kind == "http") return BeginHttp(spec, tools, log, std::move(done));
    if (kind == "sql") return BeginSql(spec, tools, log, std::move(done));
    if (kind == "sqlite") return BeginSqlite(spec, tools, log, std::move(done));
    if (kind == "mail") return BeginMail(spec, tools, log, std::move(done));
    if (kind == "port") return BeginPort(spec, tools, log, std::move(done));
  }
  return Error{ErrorCode::kInvalid, "the worker does not know this action", ""};
}

Micros TimeoutOf(const Value& action) {
  if (!action.is_map() || action.map().empty()) return Micros{0};
  return Micros(NumberIn(action.map().front().second, "timeout"));
}

std::string TextIn(const Value& map, std::string_view key) {
  const Value* value = map.Find(key);
  return value == nullptr ? std::string() : TextOf(*value);
}

std::int64_t NumberIn(const Value& map, std::string_view key, std::int64_t otherwise) {
  const Value* value = map.Find(key);
  return value != nullptr && value->is_int() ? value->integer() : otherwise;
}

bool FlagIn(const Value& map, std::string_view key, bool otherwise) {
  const Value* value = map.Find(key);
  return value != nullptr && value->is_bool() ? value->boolean() : otherwise;
}

std::string TextOf(const Value& value) {
  return value.is_string() ? value.string() : value.is_null() ? std::string() : ToJson(value);
}

}  // namespace pipelined::worker
