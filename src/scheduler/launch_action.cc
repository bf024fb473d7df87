#include "scheduler/launch_action.h"

#include <fmt/format.h>

#include <algorithm>

#include "pipelined/schema/json.h"
#include "pipelined/template/sql_script.h"

namespace pipelined {
namespace {

std::string TextOf(const Value& value) {
  return value.is_string() ? value.string() : value.is_null() ? "" : ToJson(value);
}

class ActionMaker {
 public:
  ActionMaker(const Task& task, const TryTemplates& templates, const std::string& working_dir,
              const LaunchOptions& options)
      : task_(task), templates_(templates), working_dir_(working_dir), options_(options) {}

  Result<Value> Make() {
    const Value none;
    const Value& spec = task_.action.spec == nullptr ? none : *task_.action.spec;
    made_ = Value(Value::Map{});
    if (spec.is_map()) {
      for (const auto& [key, value] : spec.map()) {
        if (const Status taken = Take(key, value); !taken) return taken.error();
      }
    }
    if (spec.Find("script") != nullptr) {
      if (const Status split = Split(spec); !split) return split.error();
    }
    return Value(Value::Map{{std::string(OperatorName(task_.action.kind)), std::move(made_)}});
  }

 private:
  std::string Place(std::string_view key) const { return fmt::format("{}.{}", OperatorName(task_.action.kind), key); }

  Status Take(const std::string& key, const Value& value) {
    if (key == "script" || (key == "params" && IsScript())) return Ok();  // see Split()
    if (key == "connection") return TakeConnection(value);
    if (key == "url") return Set(key, templates_.Render(TextOf(value), Place(key), Quote::kUrl));
    if (key == "ca_file" || key == "path") return SetPath(key, templates_.Render(TextOf(value), Place(key)));
    if (key == "attachments") return TakePaths(key, value);
    if (key == "json" || key == "params" || key == "form" || key == "expect")
      return SetValue(key, templates_.EvaluateAll(value, Place(key)));
    if (key == "output" || key == "retry_status" || !HoldsText(value)) return SetValue(key, value);
    if (value.is_string()) return Set(key, templates_.Render(value.string(), Place(key)));
    return TakeTexts(key, value);
  }

  bool IsScript() const { return task_.action.kind == ActionKind::kSql || task_.action.kind == ActionKind::kSqlite; }
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
        auto rendered = templates_.Render(TextOf(text), Place(key) + "." + name);
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
      auto one = templates_.Evaluate(TextOf(item), Place(key));
      if (!one) return one.error();
      if (!one->is_list()) {
        list.emplace_back(TextOf(*one));
        continue;
      }
      for (const Value& part : one->list()) list.emplace_back(TextOf(part));
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

  // As late as can be: a new password counts from the next try on.
  Status TakeConnection(const Value& value) {
    auto id = templates_.Render(TextOf(value), Place("connection"));
    if (!id) return id.error();
    if (!options_.connection) return Error{ErrorCode::kNotFound, "there are no connections here", ""};
    auto connection = options_.connection(*id);
    if (!connection) return connection.error();
    made_.Set("connection", std::move(*connection));
    return Ok();
  }

  // Each value that stands in the script is bound, not pasted.
  Status Split(const Value& spec) {
    std::vector<Value> given, bound;
    if (const Value* params = spec.Find("params"); params != nullptr && params->is_list()) {
      auto values = templates_.EvaluateAll(*params, Place("params"));
      if (!values) return values.error();
      given = values->list();
    }
    auto script = templates_.RenderBound(TextOf(*spec.Find("script")), Place("query"), bound);
    if (!script) return script.error();
    const auto dialect = task_.action.kind == ActionKind::kSqlite ? SqlDialect::kSqlite : SqlDialect::kPostgres;
    SqlFault fault;
    auto statements = SplitSql(*script, dialect, bound, given, &fault);
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

  const Task& task_;
  const TryTemplates& templates_;
  const std::string& working_dir_;
  const LaunchOptions& options_;
  Value made_;
};

}  // namespace

Result<Value> PrepareAction(const Task& task, const TryTemplates& templates, const std::string& working_dir,
                            const LaunchOptions& options) {
  return ActionMaker(task, templates, working_dir, options).Make();
}

}  // namespace pipelined
