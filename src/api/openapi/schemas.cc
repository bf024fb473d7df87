#include "api/openapi/schemas.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "pipelined/schema/json.h"

namespace pipelined::api {
namespace {

constexpr std::array<std::string_view, 4> kEnds{"gte", "gt", "lte", "lt"};

// "(1..250)" as the two keywords; either end may be missing.
struct Limits {
  std::string_view least, most;
};

bool IsWord(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

class TypeReader {
 public:
  explicit TypeReader(std::string_view text) : rest_(text) {}

  Value Read() {
    Value::List alternatives{One()};
    while (Take('|')) alternatives.push_back(One());
    const bool nullable = Take('?');
    if (nullable && alternatives.size() == 1) return OrNull(std::move(alternatives.front()));
    if (nullable) alternatives.emplace_back(Value::Map{{"type", "null"}});
    return alternatives.size() == 1 ? std::move(alternatives.front())
                                    : Value(Value::Map{{"anyOf", std::move(alternatives)}});
  }

 private:
  bool Take(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  std::string_view TakeUntil(std::size_t end) {
    const std::string_view taken = rest_.substr(0, end);
    rest_.remove_prefix(std::min(end, rest_.size()));
    return taken;
  }
  Limits TakeLimits() {
    if (!Take('(')) return {};
    const std::string_view inner = TakeUntil(rest_.find(')'));
    Take(')');
    const std::size_t dots = inner.find("..");
    return {inner.substr(0, dots), inner.substr(dots + 2)};
  }

  static Value OrNull(Value schema) {
    const Value* type = schema.Find("type");
    if (type != nullptr && type->is_string() && schema.Find("const") == nullptr) {
      const Value both = Value::List{*type, "null"};
      schema.Set("type", both);
      return schema;
    }
    return Value::Map{{"anyOf", Value::List{std::move(schema), Value::Map{{"type", "null"}}}}};
  }
  static Value Limited(Value::Map schema, const Limits& limits, std::string_view least, std::string_view most) {
    const auto add = [&](std::string_view key, std::string_view number) {
      if (number.empty()) return;
      if (const Result<Value> value = ParseJson(std::string(number)); value.ok()) schema.emplace_back(key, *value);
    };
    add(least, limits.least);
    add(most, limits.most);
    return schema;
  }

  Value One() {
    if (Take('[')) {
      Value items = Read();
      Take(']');
      return Limited({{"type", "array"}, {"items", std::move(items)}}, TakeLimits(), "minItems", "maxItems");
    }
    if (Take('{')) {
      Value of = Read();
      Take('}');
      return Value::Map{{"type", "object"}, {"additionalProperties", std::move(of)}};
    }
    if (Take('\'')) {
      const std::string_view word = TakeUntil(rest_.find('\''));
      Take('\'');
      return Value::Map{{"type", "string"}, {"const", word}};
    }
    const auto end = std::find_if_not(rest_.begin(), rest_.end(), IsWord);
    const std::string_view name = TakeUntil(static_cast<std::size_t>(end - rest_.begin()));
    return Named(name, TakeLimits());
  }

  static Value Text(const Limits& limits, std::string_view keyword = {}, std::string_view value = {}) {
    Value::Map schema{{"type", "string"}};
    if (!keyword.empty()) schema.emplace_back(keyword, value);
    return Limited(std::move(schema), limits, "minLength", "maxLength");
  }
  static Value Named(std::string_view name, const Limits& limits) {
    if (name == "text") return Text(limits);
    if (name == "visible") return Text(limits, "pattern", "\\S");
    if (name == "digits") return Text(limits, "pattern", "^[0-9]{1,18}$");
    if (name == "name") return Text(limits, "pattern", "^[A-Za-z0-9_.-]+$");
    if (name == "account_name") return Text(limits, "pattern", "^[A-Za-z0-9_.@+-]+$");
    if (name == "segment") return Text(limits, "pattern", "^[^/\\\\\\u0000-\\u001f\\u007f]+$");
    if (name == "moment") return Text(limits, "pattern", "^[-+][0-9]{1,6}[smhd]$");
    if (name == "path") return Text(limits, "pattern", "^(/([A-Za-z0-9._~-][A-Za-z0-9._~/-]*)?)?$");
    if (name == "true" || name == "false") return Value::Map{{"type", "boolean"}, {"const", name == "true"}};
    if (name == "when") return SchemaOfType("instant|number(-62135596800000..253402300799000)");
    if (name == "instant") return Text(limits, "format", "date-time");
    if (name == "duration") return Text(limits, "format", "duration");
    if (name == "uuid") return Text(limits, "format", "uuid");
    if (name == "integer" || name == "number") return Limited({{"type", name}}, limits, "minimum", "maximum");
    if (name == "positive") return Value::Map{{"type", "number"}, {"exclusiveMinimum", 0}};
    if (name == "boolean" || name == "null") return Value::Map{{"type", name}};
    if (name == "object") return Value::Map{{"type", name}, {"additionalProperties", true}};
    if (name == "any") return Value::Map{};
    return Value::Map{{"$ref", fmt::format("#/components/schemas/{}", name)}};
  }

  std::string_view rest_;
};

std::optional<ObjectRow> FindObject(std::string_view name) {
  for (const auto rows : {AnswerRows(), OwnRows(), BodyRows()}) {
    const auto found = std::find_if(rows.begin(), rows.end(), [&](const ObjectRow& row) { return row.name == name; });
    if (found != rows.end()) return *found;
  }
  return std::nullopt;
}

Field ReadField(std::string_view word) {
  Field field;
  const std::size_t colon = word.find(':');
  std::string_view name = word.substr(0, colon);
  field.required = !name.ends_with('?');
  if (!field.required) name.remove_suffix(1);
  field.name = name;
  const std::string_view type = word.substr(colon + 1);
  const std::size_t equals = type.find('=');
  field.type = type.substr(0, equals);
  if (equals != std::string_view::npos) field.standard = type.substr(equals + 1);
  return field;
}

void AddFields(std::string_view word, std::vector<Field>& fields) {
  if (word == "@total") {
    fields.push_back({"total_entries", "integer", {}, true});
    fields.push_back({"total_entries_limit", "integer", {}, false});
  } else if (word.starts_with('@')) {
    const Field field = ReadField(word.substr(1));
    for (const std::string_view end : kEnds)
      fields.push_back({fmt::format("{}_{}", field.name, end), field.type, {}, false});
  } else if (word.starts_with('~')) {
    for (const std::string_view end : {"pattern", "prefix_pattern"})
      fields.push_back({fmt::format("{}_{}", word.substr(1), end), "text", {}, false});
  } else if (word.starts_with('<')) {
    const std::optional<ObjectRow> other = FindObject(word.substr(1));
    for (Field& field : FieldsOf(other ? other->fields : std::string_view())) fields.push_back(std::move(field));
  } else {
    fields.push_back(ReadField(word));
  }
}

Value SchemaOfObject(const ObjectRow& row) {
  Value::Map properties;
  Value::List required;
  for (const Field& field : FieldsOf(row.fields)) {
    properties.emplace_back(field.name, SchemaOfField(field));
    if (field.required) required.emplace_back(field.name);
  }
  Value::Map schema{{"type", "object"}, {"properties", std::move(properties)}};
  if (!required.empty()) schema.emplace_back("required", std::move(required));
  schema.emplace_back("additionalProperties", false);
  return schema;
}

Value SchemaOfWords(std::string_view words) {
  Value::List list;
  while (!words.empty()) {
    const std::size_t end = std::min(words.find('|'), words.size());
    list.emplace_back(words.substr(0, end));
    words.remove_prefix(std::min(end + 1, words.size()));
  }
  return Value::Map{{"type", "string"}, {"enum", std::move(list)}};
}

}  // namespace

std::vector<Field> FieldsOf(std::string_view row) {
  std::vector<Field> fields;
  while (!row.empty()) {
    const std::size_t end = std::min(row.find(' '), row.size());
    if (end > 0) AddFields(row.substr(0, end), fields);
    row.remove_prefix(std::min(end + 1, row.size()));
  }
  return fields;
}

Value SchemaOfType(std::string_view type) {
  return TypeReader(type).Read();
}

Value SchemaOfField(const Field& field) {
  Value schema = SchemaOfType(field.type);
  if (field.standard.empty()) return schema;
  const Result<Value> value = ParseJson(field.standard);
  schema.Set("default", value.ok() ? *value : Value(field.standard));
  return schema;
}

Value AllSchemas() {
  Value::Map schemas;
  for (const auto rows : {AnswerRows(), OwnRows(), BodyRows()}) {
    for (const ObjectRow& row : rows) schemas.emplace_back(row.name, SchemaOfObject(row));
  }
  for (const WordsRow& row : WordRows()) schemas.emplace_back(row.name, SchemaOfWords(row.words));
  std::sort(schemas.begin(), schemas.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  return schemas;
}

}  // namespace pipelined::api
