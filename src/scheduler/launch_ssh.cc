#include "scheduler/launch_ssh.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

#include "pipelined/schema/json.h"
#include "scheduler/surroundings.h"

namespace pipelined {
namespace {

constexpr Millis kFarEnd(10'000);  // longer than the far end's grace, so that it can say that all is over
constexpr Micros kConnectTimeout = std::chrono::seconds(10);

std::string TextIn(const Value& job, const char* key) {
  const Value* value = job.Find(key);
  return value == nullptr ? "" : ToText(*value);
}

// ssh must not take it for an option, nor for one of its own escapes.
bool IsWord(const std::string& text) {
  return !text.empty() && !text.starts_with('-') && std::all_of(text.begin(), text.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || std::string_view("._-:%[]").find(c) != std::string::npos;
  });
}

bool IsTrue(const Value* value) {
  if (value == nullptr) return false;
  if (value->is_bool()) return value->boolean();
  return value->is_string() && (value->string() == "true" || value->string() == "True");
}

// What the connection says, under the names of the job; its extra has Airflow's words.
Result<Value> FromConnection(const Value& connection, const std::string& id) {
  const Value* type = connection.Find("conn_type");
  if (type != nullptr && type->is_string() && type->string() != "ssh")
    return Error{ErrorCode::kInvalid,
                 fmt::format("ssh.connection: \"{}\" is a connection of type {}", id, type->string()),
                 "one of type ssh is needed"};
  Value job{Value::Map{}};
  static constexpr std::array<std::pair<const char*, const char*>, 4> kPlain{
      {{"host", "host"}, {"port", "port"}, {"login", "user"}, {"password", "password"}}};
  for (const auto& [theirs, ours] : kPlain) {
    if (const Value* value = connection.Find(theirs); value != nullptr && !value->is_null()) job.Set(ours, *value);
  }
  const Value* text = connection.Find("extra");
  if (text == nullptr || !text->is_string() || text->string().empty()) return job;
  const auto extra = ParseJson(text->string());
  if (!extra || !extra->is_map())
    return Error{ErrorCode::kInvalid, fmt::format("ssh.connection: the extra of \"{}\" is no JSON object", id), ""};
  static constexpr std::array<std::pair<const char*, const char*>, 6> kExtra{{{"key_file", "key_file"},
                                                                              {"private_key", "private_key"},
                                                                              {"private_key_passphrase", "passphrase"},
                                                                              {"host_key", "host_key"},
                                                                              {"known_hosts", "known_hosts"},
                                                                              {"remote_host", "host"}}};
  for (const auto& [theirs, ours] : kExtra) {
    if (const Value* value = extra->Find(theirs); value != nullptr && value->is_string()) job.Set(ours, *value);
  }
  if (const Value* seconds = extra->Find("conn_timeout"); seconds != nullptr && seconds->is_number())
    job.Set("connect_timeout", static_cast<std::int64_t>(seconds->number() * 1e6));
  if (IsTrue(extra->Find("no_host_key_check"))) job.Set("host_key_checking", "no");
  return job;
}

// Any bytes, as JSON can hold them: each becomes the character of its number. pipelined-ssh takes that back.
Value BytesOf(const Value& value) {
  if (value.is_list()) {
    Value::List list;
    for (const Value& item : value.list()) list.push_back(BytesOf(item));
    return list;
  }
  if (value.is_map()) {
    Value::Map map;
    for (const auto& [key, item] : value.map()) map.emplace_back(key, BytesOf(item));
    return map;
  }
  if (!value.is_string()) return value;
  std::string text;
  for (const char c : value.string()) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x80) text.push_back(static_cast<char>(0xc0 | (byte >> 6)));
    text.push_back(static_cast<char>(byte < 0x80 ? byte : 0x80 | (byte & 0x3f)));
  }
  return text;
}

// The connection, with what the task says itself on top of it.
Result<Value> ServerOf(const Value& spec, const TryTemplates& templates, const LookUpConnection& look_up) {
  Value job{Value::Map{}};
  if (const Value* name = spec.Find("connection")) {
    auto id = templates.Render(name->string(), "ssh.connection");
    if (!id) return id.error();
    if (!look_up) return Error{ErrorCode::kNotFound, "there are no connections here", ""};
    const auto connection = look_up(*id);
    if (!connection) return connection.error();
    auto known = FromConnection(*connection, *id);
    if (!known) return known.error();
    job = *std::move(known);
  }
  for (const auto& [key, value] : spec.map()) {
    if (key == "connection") continue;
    if (!value.is_string()) {
      job.Set(key, value);
      continue;
    }
    auto text = templates.Render(value.string(), "ssh." + key);
    if (!text) return text.error();
    job.Set(key, *std::move(text));
  }
  return job;
}

// Relative paths are from the task's working directory, as ssh would take them from its own.
Status CheckServer(Value& job, const std::string& working_dir) {
  for (const char* key : {"host", "user"}) {
    const Value* word = job.Find(key);
    if (word == nullptr && key == std::string_view("user")) continue;
    if (word != nullptr && IsWord(ToText(*word))) continue;
    return Error{
        ErrorCode::kInvalid,
        fmt::format("ssh.{}: {}", key,
                    word == nullptr ? "the connection has none" : fmt::format("\"{}\" cannot be one", ToText(*word))),
        ""};
  }
  for (const char* key : {"key_file", "known_hosts"}) {
    const std::string path = TextIn(job, key);
    if (!path.empty() && !path.starts_with('/') && !path.starts_with('~')) job.Set(key, working_dir + "/" + path);
  }
  const Value* timeout = job.Find("connect_timeout");
  const std::int64_t wait = timeout == nullptr ? kConnectTimeout.count() : static_cast<std::int64_t>(timeout->number());
  job.Set("connect_timeout", std::max<std::int64_t>((wait + 999'999) / 1'000'000, 1));
  return Ok();
}

// Its script and what it runs in. What a local command would take from `start` goes there instead.
Status TakeCommand(const Task& task, const TryTemplates& templates, AttemptStart& start, Value& job) {
  auto env = EnvironmentOf(task, templates, {}, Secrets::kAllowed);
  if (!env) return env.error();
  Value::Map variables;
  for (auto& [name, value] : *env) variables.emplace_back(name, std::move(value));
  job.Set("env", std::move(variables));

  if (const Status taken = TakeInvocation(task, templates, start); !taken) return taken;
  if (start.input) job.Set("stdin", *std::move(start.input));
  if (!start.input_path.empty()) job.Set("stdin_file", std::exchange(start.input_path, {}));
  if (start.umask) job.Set("umask", fmt::format("{:03o}", *std::exchange(start.umask, std::nullopt)));
  if (start.nice) job.Set("nice", std::int64_t{*std::exchange(start.nice, std::nullopt)});

  auto words = WordsOf(task, templates);
  if (!words) return words.error();
  job.Set("command", std::move(words->words.front()));
  if (task.invocation != nullptr && !task.invocation->shell.empty())
    job.Set("shell", Value::List(task.invocation->shell.begin(), task.invocation->shell.end()));
  return Ok();
}

}  // namespace

Status PrepareSsh(const Task& task, const TryTemplates& templates, const LaunchOptions& options, AttemptStart& start) {
  start.env = options.environment;  // that of the task is for the command at the other end
  auto dir = WorkingDirOf(task, templates);
  if (!dir) return dir.error();
  start.working_dir = *std::move(dir);
  auto job = ServerOf(*task.action.spec, templates, options.connection);
  if (!job) return job.error();
  if (const Status sane = CheckServer(*job, start.working_dir); !sane) return sane;
  // The command there is killed before this end is: whoever is killed cannot say that the other is gone.
  job->Set("grace", std::max<std::int64_t>((start.grace.count() + 999) / 1000, 1));
  start.grace = std::max<Millis>(start.grace, Millis(1000)) + kFarEnd;
  if (const Status taken = TakeCommand(task, templates, start, *job); !taken) return taken;

  const std::string user = TextIn(*job, "user");
  start.argv = {options.programs_dir + "/pipelined-ssh", (user.empty() ? "" : user + "@") + TextIn(*job, "host")};
  start.input = ToJson(BytesOf(*job));
  SecretMask secrets = templates.secrets();  // of all that was rendered until now
  for (const char* key : {"password", "passphrase", "private_key"}) secrets.Add(TextIn(*job, key));
  start.secrets = secrets.Forms();
  return Ok();
}

}  // namespace pipelined
