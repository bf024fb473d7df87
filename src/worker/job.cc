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

namespace {

Micros LengthIn(const Value& action, std::string_view key) {
  if (!action.is_map() || action.map().empty()) return Micros{0};
  return Micros(NumberIn(action.map().front().second, key));
}

}  // namespace

Micros TimeoutOf(const Value& action) {
  return LengthIn(action, "timeout");
}
Micros StatementTimeoutOf(const Value& action) {
  return LengthIn(action, "statement_timeout");
}

std::string TextIn(const Value& map, std::string_view key) {
  const Value* value = map.Find(key);
  return value == nullptr ? std::string() : ToText(*value);
}

std::int64_t NumberIn(const Value& map, std::string_view key, std::int64_t otherwise) {
  const Value* value = map.Find(key);
  return value != nullptr && value->is_int() ? value->integer() : otherwise;
}

bool FlagIn(const Value& map, std::string_view key, bool otherwise) {
  const Value* value = map.Find(key);
  return value != nullptr && value->is_bool() ? value->boolean() : otherwise;
}

std::optional<std::string> UrlHost(std::string host) {
  const bool plain = !host.empty() && host.find_first_not_of(
                                          "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                          "0123456789.-_:[]") == std::string::npos;
  if (!plain) return std::nullopt;
  if (host.find(':') != std::string::npos && !host.starts_with('[')) host = "[" + host + "]";
  return host;
}

}  // namespace pipelined::worker
