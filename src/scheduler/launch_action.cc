#include "scheduler/launch_action.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "pipelined/base/base64.h"
#include "pipelined/base/secret_name.h"
#include "pipelined/schema/json.h"
#include "pipelined/template/sql_script.h"

namespace pipelined {
namespace {

class ActionMaker {
 public:
  ActionMaker(std::string_view kind, std::string_view place, const TryTemplates& templates,
              const std::string& working_dir, Secrets secrets)
      : kind_(kind), place_(place), templates_(templates), working_dir_(working_dir), secrets_(secrets) {}

  Result<Value> Make(const Value& spec) {
    if (spec.is_map()) {
      for (const auto& [key, value] : spec.map()) {
        if (const Status taken = Take(key, value); !taken) return taken.error();
      }
    }
    if (spec.Find("script") != nullptr) {
      if (const Status split = Split(spec); !split) return split.error();
    }
    return Value(Value::Map{{std::string(kind_), std::move(made_)}});
  }

 private:
  std::string Place(std::string_view key) const { return fmt::format("{}.{}", place_, key); }

  Status Take(const std::string& key, const Value& value) {
    if (key == "script" || (key == "params" && IsScript())) return Ok();  // see Split()
    if (key == "url") return Set(key, Text(ToText(value), Place(key), Quote::kUrl));
    if (key == "ca_file" || key == "path") return SetPath(key, Text(ToText(value), Place(key)));
    if (key == "attachments") return TakePaths(key, value);
    if (key == "json" || key == "params" || key == "form" || key == "expect")
      return SetValue(key, templates_.EvaluateAll(value, Place(key), secrets_));
    if (key == "output" || key == "retry_status" || !HoldsText(value)) return SetValue(key, value);
    if (value.is_string()) return Set(key, Text(value.string(), Place(key)));
    return TakeTexts(key, value);
  }

  Result<std::string> Text(const std::string& text, const std::string& place, Quote quote = Quote::kNone) const {
    return templates_.Render(text, place, quote, secrets_);
  }
  bool IsScript() const { return kind_ == "sql" || kind_ == "sqlite"; }
  static bool HoldsText(const Value& value) { return value.is_string() || value.is_list() || value.is_map(); }

  Status SetValue(const std::string& key, Result<Value> value) {
    if (!value) return value.error();
    made_.Set(key, std::move(*value));
    return Ok();
  }
  Status Set(const std::string& key, Result<std::string> text) {
    if (!text) return text.error();
    made_.Set(key, std::move(*text));
    return Ok();
  }
  Status SetPath(const std::string& key, Result<std::string> path) {
    if (!path) return path.error();
    made_.Set(key, Absolute(std::move(*path)));
    return Ok();
  }
  std::string Absolute(std::string path) const { return path.starts_with('/') ? path : working_dir_ + "/" + path; }

  // A list or a map of texts. An element of `to` that gives a list gives all of its elements.
  Status TakeTexts(const std::string& key, const Value& value) {
    if (value.is_map()) {
      Value::Map map;
      for (const auto& [name, text] : value.map()) {
        auto rendered = Text(ToText(text), Place(key) + "." + name);
        if (!rendered) return rendered.error();
        map.emplace_back(name, std::move(*rendered));
      }
      made_.Set(key, std::move(map));
      return Ok();
    }
    auto list = Texts(key, value);
    if (!list) return list.error();
    made_.Set(key, std::move(*list));
    return Ok();
  }

  Result<Value::List> Texts(const std::string& key, const Value& value) {
    Value::List list;
    for (const Value& item : value.list()) {
      auto one = templates_.Evaluate(ToText(item), Place(key), secrets_);
      if (!one) return one.error();
      if (!one->is_list()) {
        list.emplace_back(ToText(*one));
        continue;
      }
      for (const Value& part : one->list()) list.emplace_back(ToText(part));
    }
    return list;
  }

  Status TakePaths(const std::string& key, const Value& value) {
    auto list = Texts(key, value);
    if (!list) return list.error();
    for (Value& path : *list) path = Absolute(path.string());
    made_.Set(key, std::move(*list));
    return Ok();
  }

  // Each value that stands in the script is bound, not pasted.
  Status Split(const Value& spec) {
    std::vector<Value> given, bound;
    if (const Value* params = spec.Find("params"); params != nullptr && params->is_list()) {
      auto values = templates_.EvaluateAll(*params, Place("params"), secrets_);
      if (!values) return values.error();
      given = values->list();
    }
    auto script = templates_.RenderBound(ToText(*spec.Find("script")), Place("query"), bound, secrets_);
    if (!script) return script.error();
    const auto dialect = kind_ == "sqlite" ? SqlDialect::kSqlite : SqlDialect::kPostgres;
    const Value* autocommit = spec.Find("autocommit");
    const bool own = autocommit != nullptr && *autocommit == Value(true);
    SqlFault fault;
    auto statements =
        SplitSql(*script, dialect, own ? SqlTransaction::kOwn : SqlTransaction::kAroundAll, bound, given, &fault);
    if (!statements) {
      std::string message = fmt::format("{}: line {}: {}", Place("query"), fault.line, fault.message);
      if (!fault.hint.empty()) message += fmt::format(" ({})", fault.hint);
      return Error{ErrorCode::kInvalid, std::move(message), ""};
    }
    Value::List list;
    for (SqlStatement& statement : *statements) {
      Value one(Value::Map{{"text", std::move(statement.text)}, {"line", statement.line}});
      if (!statement.params.empty()) one.Set("params", Value::List(std::move(statement.params)));
      list.push_back(std::move(one));
    }
    made_.Set("statements", std::move(list));
    return Ok();
  }

  const std::string_view kind_, place_;
  const TryTemplates& templates_;
  const std::string& working_dir_;
  const Secrets secrets_;
  Value made_{Value::Map{}};
};

// Of the extra of an HTTP connection: options of the request, and what every client says. All other headers may be what
// lets one in.
bool IsPlainHeader(std::string_view name) {
  constexpr std::array<std::string_view, 10> kPlain{"timeout",        "verify",    "allow_redirects", "stream",
                                                    "max_redirects",  "trust_env", "endpoint_prefix", "user-agent",
                                                    "check_response", "ca_file"};
  std::string lower(name);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
  return lower.starts_with("accept") || lower.starts_with("content-") ||
         std::find(kPlain.begin(), kPlain.end(), lower) != kPlain.end();
}

}  // namespace

Result<Value> RenderAction(std::string_view kind, std::string_view place, const Value& spec,
                           const TryTemplates& templates, const std::string& working_dir, Secrets secrets) {
  return ActionMaker(kind, place, templates, working_dir, secrets).Make(spec);
}

Result<Value> Connect(Value action, const LookUpConnection& look_up) {
  if (!action.is_map() || action.map().empty()) return action;
  const auto& [kind, spec] = action.map().front();
  const Value* id = spec.Find("connection");
  if (id == nullptr || !id->is_string()) return action;
  if (!look_up) return Error{ErrorCode::kNotFound, "there are no connections here", ""};
  auto connection = look_up(id->string());
  if (!connection) return connection.error();
  Value connected = spec;
  connected.Set("connection", std::move(*connection));
  return Value(Value::Map{{kind, std::move(connected)}});
}

std::vector<std::string> SecretsOf(const Value& connected, SecretMask known) {
  const Value* connection =
      !connected.is_map() || connected.map().empty() ? nullptr : connected.map().front().second.Find("connection");
  if (connection == nullptr) return known.Forms();
  if (const Value* password = connection->Find("password"); password != nullptr && password->is_string()) {
    known.Add(password->string());
    const Value* login = connection->Find("login");
    const std::string user = login != nullptr && login->is_string() ? login->string() : "";
    known.Add(Base64(user + ":" + password->string()));  // Authorization: Basic
  }
  const bool http = connected.map().front().first == "http";
  const Value* text = connection->Find("extra");
  const auto extra = ParseJson(text != nullptr && text->is_string() ? text->string() : "");
  if (!extra || !extra->is_map()) return known.Forms();
  for (const auto& [name, value] : extra->map()) {
    const bool hidden = IsSecretName(name) || (http && !IsPlainHeader(name));
    if (hidden && !value.is_bool() && !value.is_null()) known.Add(ToText(value));
  }
  return known.Forms();
}

Status PrepareAction(const Task& task, const TryTemplates& templates, const std::string& working_dir,
                     const LaunchOptions& options, AttemptStart& start) {
  const std::string_view kind = OperatorName(task.action.kind);
  const Value spec = task.action.spec == nullptr ? Value() : *task.action.spec;
  auto action = RenderAction(kind, kind, spec, templates, working_dir, Secrets::kAllowed);
  if (!action) return action.error();
  SecretMask known = templates.secrets();
  auto connected = Connect(*std::move(action), options.connection);
  if (!connected) return connected.error();
  start.secrets = SecretsOf(*connected, std::move(known));
  start.action = *std::move(connected);
  return Ok();
}

}  // namespace pipelined
