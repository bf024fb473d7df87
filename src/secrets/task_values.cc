#include "pipelined/secrets/task_values.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <fstream>
#include <iterator>

#include "pipelined/schema/json.h"

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

ConnectionSource::Options ForEnvironment(const TaskValues::Options& options) {
  ConnectionSource::Options made;
  made.environment = options.environment;
  return made;
}

ConnectionSource::Options ForVault(const TaskValues::Options& options) {
  ConnectionSource::Options made;
  made.keys = options.keys;
  made.remember = options.remember;
  return made;
}

}  // namespace

Result<std::optional<Value>> ValueFile::Find(const std::string& name) {
  if (path_.empty()) return std::optional<Value>();
  if (const Status read = Read(); !read) return read.error();
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
  return Ok();
}

TaskValues::TaskValues(Options options, Vault* vault, const Clock& clock)
    : options_(std::move(options)),
      vault_(vault),
      clock_(clock),
      variables_(options_.variables_file),
      connections_(options_.connections_file),
      of_environment_(ForEnvironment(options_), nullptr, clock),
      of_vault_(ForVault(options_), vault, clock) {}

Result<std::string> TaskValues::Variable(const std::string& key) {
  for (const char* prefix : {"PIPELINED_VAR_", "AIRFLOW_VAR_"}) {
    auto text = options_.environment ? options_.environment(VariableName(prefix, key)) : std::nullopt;
    if (text) return *std::move(text);
  }
  const auto entry = variables_.Find(key);
  if (!entry) return entry.error();
  if (*entry) return VariableText(**entry);
  const Micros now = clock_.Monotonic();
  const auto known = known_.find(key);
  if (known != known_.end() && now - known->second.read < options_.remember)
    return known->second.text ? Result<std::string>(*known->second.text) : NoVariable(key);
  auto read = ReadVariable(key);
  if (known_.size() >= kMostKnown) known_.clear();
  if (read || read.error().code == ErrorCode::kNotFound) {
    known_[key] = {read ? std::optional(*read) : std::nullopt, now};
  } else {
    known_.erase(key);
  }
  return read;
}

Error TaskValues::NoVariable(const std::string& key) {
  return {ErrorCode::kNotFound, fmt::format("there is no variable \"{}\"", key), "pipectl variables set makes one"};
}

Result<std::string> TaskValues::ReadVariable(const std::string& key) const {
  const Error missing = NoVariable(key);
  if (vault_ == nullptr || key.find('\0') != std::string::npos) return missing;
  const auto row = vault_->Variable(key);
  if (!row && row.error().code == ErrorCode::kNotFound) return missing;
  if (!row) return row.error();
  const auto keys = options_.keys();
  auto plain = keys ? keys->Open(row->secret, VaultKind::kVariable, key) : Result<std::string>(keys.error());
  if (!plain) {
    return Error{ErrorCode::kFailed,
                 fmt::format("the variable \"{}\" cannot be decrypted: {}", key, plain.error().message), ""};
  }
  return plain;
}

Result<Value> TaskValues::Connection(const std::string& id) {
  if (id.find('\0') != std::string::npos)
    return Error{ErrorCode::kNotFound, "there is no connection with a NUL in its name", ""};
  auto found = of_environment_.Find(id);
  if (found || found.error().code != ErrorCode::kNotFound) return found;
  const auto entry = connections_.Find(id);
  if (!entry) return entry.error();
  if (!*entry) return of_vault_.Find(id);
  auto parsed = ParseConnection((*entry)->is_string() ? (*entry)->string() : ToJson(**entry));
  if (!parsed) {
    return Error{ErrorCode::kInvalid,
                 fmt::format("{}: {}: {}", options_.connections_file, id.substr(0, 80), parsed.error().message),
                 parsed.error().hint};
  }
  return parsed;
}

}  // namespace pipelined::secrets
