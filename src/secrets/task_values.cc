#include "pipelined/secrets/task_values.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <fstream>
#include <iterator>

#include "pipelined/base/log.h"
#include "pipelined/schema/json.h"
#include "pipelined/secrets/connection_text.h"

namespace pipelined::secrets {
namespace {

constexpr std::size_t kMostKnown = 1000;
constexpr std::int64_t kLargestFile = 64 << 20;

std::string VariableName(std::string_view prefix, const std::string& key) {
  std::string name(prefix);
  for (const char c : key) name += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return name;
}

// {"value": …, "description": …}, as `pipectl variables export` writes it, or the value alone.
std::string VariableText(const Value& entry) {
  const Value* inner =
      entry.is_map() && entry.map().size() == 2 && entry.Find("description") != nullptr ? entry.Find("value") : nullptr;
  const Value& value = inner != nullptr ? *inner : entry;
  return value.is_string() ? value.string() : ToJson(value);
}

// Of the process, by the name that Airflow makes of it.
std::optional<std::string> InEnvironment(const TaskValues::Options& options, std::string_view kind,
                                         const std::string& name, std::string* found = nullptr) {
  if (!options.environment) return std::nullopt;
  for (const char* product : {"PIPELINED_", "AIRFLOW_"}) {
    const std::string variable = VariableName(fmt::format("{}{}_", product, kind), name);
    auto text = options.environment(variable);
    if (!text) continue;
    if (found != nullptr) *found = variable;
    return text;
  }
  return std::nullopt;
}

void SetText(Value& connection, std::string_view key, std::string text) {
  if (!text.empty()) connection.Set(key, std::move(text));
}

Error NoVariable(const std::string& key) {
  return {ErrorCode::kNotFound, fmt::format("there is no variable \"{}\"", key), "pipectl variables set makes one"};
}

Error NoConnection(const std::string& id) {
  return {ErrorCode::kNotFound, fmt::format("there is no connection \"{}\"", id), "pipectl connections add makes one"};
}

Error InPlace(const std::string& place, const Error& error) {
  return {ErrorCode::kInvalid, fmt::format("{}: {}", place, error.message), error.hint};
}

}  // namespace

Result<std::optional<Value>> ValueFile::Find(const std::string& name) {
  if (path_.empty()) return std::optional<Value>();
  if (const Status read = Read(); read.ok()) {
    complaint_.clear();
  } else if (!is_known_) {
    return read.error();
  } else if (read.error().message != complaint_) {
    complaint_ = read.error().message;
    log::Warning("{}; what it last said stays in force", complaint_);
  }
  const auto found = values_.find(name);
  return found == values_.end() ? std::optional<Value>() : std::optional(found->second);
}

Status ValueFile::Read() {
  const auto failed = [this](std::string_view why) {
    return Error{ErrorCode::kFailed, fmt::format("{}: {}", path_, why),
                 "see core.variables_file and core.connections_file: JSON, {\"name\": …}"};
  };
  struct stat info {};
  if (stat(path_.c_str(), &info) != 0) return failed("it cannot be read");
  if (!S_ISREG(info.st_mode) || info.st_size > kLargestFile) return failed("it is no file of a bearable size");
  const Stamp stamp{info.st_mtim.tv_sec, info.st_mtim.tv_nsec, info.st_size, static_cast<std::int64_t>(info.st_ino)};
  if (stamp == stamp_) return Ok();
  if (stamp == broken_) return failed("it is no JSON object");
  std::ifstream file(path_, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  if (!file) return failed("it cannot be read");
  auto json = ParseJson(text);
  if (!json || !json->is_map()) {
    broken_ = stamp;
    return failed("it is no JSON object");  // the parser's words may repeat a secret
  }
  values_.clear();
  for (auto& [name, value] : json->map()) values_[name] = std::move(value);
  stamp_ = stamp;
  is_known_ = true;
  return Ok();
}

TaskValues::TaskValues(Options options, Vault* vault, const Clock& clock)
    : options_(std::move(options)),
      vault_(vault),
      clock_(clock),
      variables_(options_.variables_file),
      connections_(options_.connections_file) {}

bool TaskValues::IsFresh(Micros at) const {
  return clock_.Monotonic() - at < options_.remember;
}

template <class T, class Ask>
Result<T> TaskValues::Recall(Memory<T>& known, const std::string& name, Ask ask) {
  const auto found = known.find(name);
  if (found != known.end() && IsFresh(found->second.at)) return found->second.answer;
  // Else each look-up would wait for the whole time-out of a vault that does not answer.
  if (away_ && IsFresh(away_->at)) return away_->answer.error();
  const Micros asked = clock_.Monotonic();
  Result<T> answer = ask();
  if (!answer && answer.error().code == ErrorCode::kUnavailable) {
    away_ = Said<Value>{answer.error(), clock_.Monotonic()};
    return answer;
  }
  if (known.size() >= kMostKnown) known.clear();
  known.insert_or_assign(name, Said<T>{answer, asked});
  return answer;
}

Result<std::string> TaskValues::Variable(const std::string& key) {
  if (auto text = InEnvironment(options_, "VAR", key)) return *std::move(text);
  const auto entry = variables_.Find(key);
  if (!entry) return entry.error();
  if (*entry) return VariableText(**entry);
  return Recall(known_variables_, key, [&] { return ReadVariable(key); });
}

Result<Value> TaskValues::Connection(const std::string& id) {
  std::string name;
  if (const auto text = InEnvironment(options_, "CONN", id, &name)) {
    auto parsed = ParseConnection(*text);
    return parsed ? parsed : Result<Value>(InPlace(name, parsed.error()));
  }
  const auto entry = connections_.Find(id);
  if (!entry) return entry.error();
  if (*entry) {
    auto parsed = ParseConnection((*entry)->is_string() ? (*entry)->string() : ToJson(**entry));
    return parsed ? parsed
                  : Result<Value>(
                        InPlace(fmt::format("{}: {}", options_.connections_file, id.substr(0, 80)), parsed.error()));
  }
  return Recall(known_connections_, id, [&] { return ReadConnection(id); });
}

Result<std::string> TaskValues::Open(const Sealed& secret, VaultKind kind, const std::string& name) const {
  const auto keys = options_.keys();
  auto plain = keys ? keys->Open(secret, kind, name) : Result<std::string>(keys.error());
  if (plain) return plain;
  return Error{ErrorCode::kFailed,
               fmt::format("the {} \"{}\" cannot be decrypted: {}",
                           kind == VaultKind::kVariable ? "variable" : "connection", name, plain.error().message),
               ""};
}

Result<std::string> TaskValues::ReadVariable(const std::string& key) const {
  if (vault_ == nullptr || key.find('\0') != std::string::npos) return NoVariable(key);
  const auto row = vault_->Variable(key);
  if (!row) return row.error().code == ErrorCode::kNotFound ? NoVariable(key) : row.error();
  return Open(row->secret, VaultKind::kVariable, key);
}

Result<Value> TaskValues::ReadConnection(const std::string& id) const {
  if (vault_ == nullptr || id.find('\0') != std::string::npos) return NoConnection(id);
  const auto row = vault_->Connection(id);
  if (!row) return row.error().code == ErrorCode::kNotFound ? NoConnection(id) : row.error();
  const auto plain = Open(row->secret, VaultKind::kConnection, id);
  if (!plain) return plain.error();
  Value connection(Value::Map{{"conn_type", ConnectionType(row->conn_type)}});
  SetText(connection, "host", row->host.value_or(""));
  SetText(connection, "login", row->login.value_or(""));
  SetText(connection, "schema", row->schema.value_or(""));
  if (row->port) connection.Set("port", std::int64_t{*row->port});
  if (const auto secret = ParseJson(*plain); secret && secret->is_map()) {
    for (const char* key : {"password", "extra"}) {
      if (const Value* value = secret->Find(key); value != nullptr && value->is_string())
        SetText(connection, key, value->string());
    }
  }
  return connection;
}

}  // namespace pipelined::secrets
