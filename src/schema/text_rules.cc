#include "schema/text_rules.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <iterator>

#include "pipelined/base/time.h"
#include "pipelined/schema/json.h"

namespace pipelined {
namespace {

constexpr std::string_view kConditional[] = {
    "anyOf",        "oneOf",      "not", "if", "then", "else", "contains", "propertyNames", "patternProperties",
    "dependencies", "definitions"};

std::string Shown(const std::string& text) {
  constexpr std::size_t kLongest = 60;
  return ToJson(Value(text.size() > kLongest ? text.substr(0, kLongest) + "…" : text));
}

bool HasFormat(const std::string& format, const std::string& text) {
  if (format == "date") return text.size() == 10 && ParseLocal(text).ok();
  if (format == "date-time") return ParseInstant(text).ok();
  if (format == "time") return ParseInstant("2000-01-01T" + text).ok();
  return true;  // as JSON Schema wants it for formats that one does not know
}

class Walk {
 public:
  explicit Walk(TextRules& rules) : rules_(rules) {}

  // `instance` is nullptr where there is nothing to judge.
  Value Strip(const std::string& path, const Value& schema, const Value* instance) {
    if (!schema.is_map()) return schema;
    Value stripped = Value(Value::Map{});
    for (const auto& [key, value] : schema.map()) {
      if (key == "pattern") {
        Pattern(path, value, instance);
      } else if (key == "format") {
        Format(path, value, instance);
      } else {
        stripped.Set(key, Below(path, key, value, instance, schema));
      }
    }
    return stripped;
  }

 private:
  Value Below(const std::string& path, const std::string& key, const Value& value, const Value* instance,
              const Value& schema) {
    if (key == "properties" && value.is_map()) return Properties(path, value, instance);
    if (key == "items") return Items(path, value, instance);
    if (key == "additionalProperties" && value.is_map())
      return Additional(path, value, instance, schema.Find("properties"));
    if (key == "allOf" && value.is_list()) return Each(path, value, instance);
    if (std::find(std::begin(kConditional), std::end(kConditional), key) != std::end(kConditional)) Refuse(key, value);
    return value;
  }

  Value Properties(const std::string& path, const Value& properties, const Value* instance) {
    Value stripped = Value(Value::Map{});
    for (const auto& [name, schema] : properties.map()) {
      stripped.Set(name, Strip(path.empty() ? name : path + "." + name, schema,
                               instance == nullptr ? nullptr : instance->Find(name)));
    }
    return stripped;
  }

  Value Additional(const std::string& path, const Value& schema, const Value* instance, const Value* properties) {
    if (instance != nullptr && instance->is_map()) {
      for (const auto& [name, member] : instance->map()) {
        if (properties == nullptr || properties->Find(name) == nullptr)
          Strip(path.empty() ? name : path + "." + name, schema, &member);
      }
    }
    return Strip(path, schema, nullptr);
  }

  Value Items(const std::string& path, const Value& items, const Value* instance) {
    if (items.is_list()) return Each(path, items, nullptr);
    if (instance != nullptr && instance->is_list()) {
      for (std::size_t i = 0; i < instance->list().size(); ++i)
        Strip(fmt::format("{}[{}]", path, i), items, &instance->list()[i]);
    }
    return Strip(path, items, nullptr);
  }

  Value Each(const std::string& path, const Value& schemas, const Value* instance) {
    Value::List stripped;
    for (const Value& schema : schemas.list()) stripped.push_back(Strip(path, schema, instance));
    return stripped;
  }

  void Pattern(const std::string& path, const Value& pattern, const Value* instance) {
    if (!pattern.is_string()) return Broken("a pattern must be a text");
    const re2::RE2 expression(pattern.string(), re2::RE2::Quiet);
    if (!expression.ok()) return Broken(fmt::format("pattern {}: {}", Shown(pattern.string()), expression.error()));
    if (instance == nullptr || !instance->is_string() || re2::RE2::PartialMatch(instance->string(), expression)) return;
    rules_.violations.push_back(
        {path, fmt::format("{} does not match the pattern {}", Shown(instance->string()), Shown(pattern.string()))});
  }

  void Format(const std::string& path, const Value& format, const Value* instance) {
    if (!format.is_string()) return Broken("a format must be a text");
    if (instance == nullptr || !instance->is_string() || HasFormat(format.string(), instance->string())) return;
    rules_.violations.push_back({path, fmt::format("{} is not a {}", Shown(instance->string()), format.string())});
  }

  // Whether such a schema holds depends on others: what is found here would be no violation yet.
  void Refuse(const std::string& where, const Value& schema) {
    if (schema.is_list()) {
      for (const Value& item : schema.list()) Refuse(where, item);
    }
    if (!schema.is_map()) return;
    if (where == "patternProperties") return Broken("patternProperties is not supported");
    for (const auto& [key, value] : schema.map()) {
      if ((key == "pattern" || key == "format") && value.is_string())
        Broken(fmt::format("{} is not supported below {}", key, where));
      Refuse(where, value);
    }
  }

  void Broken(std::string why) {
    if (std::none_of(rules_.broken.begin(), rules_.broken.end(),
                     [&](const SchemaViolation& v) { return v.message == why; })) {
      rules_.broken.push_back({"", std::move(why)});
    }
  }

  TextRules& rules_;
};

}  // namespace

TextRules CheckTextRules(const Value& schema, const Value& instance) {
  TextRules rules;
  Walk walk(rules);
  rules.stripped = walk.Strip("", schema, &instance);
  return rules;
}

}  // namespace pipelined
