#include "pipelined/dagfile/schema.h"

#include "dagfile/schema_table.h"
#include "pipelined/schema/json.h"

namespace pipelined {
namespace dagfile {
namespace {

// "@task" -> {"$ref": "#/definitions/task"}
Value Resolve(Value schema) {
  if (schema.is_string() && schema.string().starts_with("@"))
    return Value::Map{{"$ref", "#/definitions/" + schema.string().substr(1)}};
  if (schema.is_list()) {
    for (Value& item : schema.list()) item = Resolve(std::move(item));
  } else if (schema.is_map()) {
    for (auto& [key, value] : schema.map()) value = Resolve(std::move(value));
  }
  return schema;
}

Value SchemaOf(const KeyRow& row, std::string_view place) {
  const KeyDescription* described = Describe(place, row.name);
  if (described == nullptr) return Value::Map{};
  const bool reference = described->schema.starts_with("@");
  auto parsed = reference ? Result<Value>(Value(described->schema)) : ParseJson(described->schema);
  Value schema = parsed ? Resolve(*std::move(parsed)) : Value(Value::Map{});
  if (row.may_be_null) schema = Value::Map{{"anyOf", Value::List{Value::Map{{"type", "null"}}, std::move(schema)}}};
  if (schema.Find("$ref") != nullptr) schema = Value::Map{{"allOf", Value::List{std::move(schema)}}};
  schema.Set("description", described->meaning);
  return schema;
}

bool IsThere(const KeyRow& row) {
  return row.key != Key::kLater || !row.no_op.empty();
}

Value Definition(const KeyPlace& place) {
  Value properties{Value::Map{}};
  for (const KeyRow& row : place.keys) {
    if (IsThere(row)) properties.Set(row.name, SchemaOf(row, place.name));
  }
  return Value::Map{{"type", "object"}, {"additionalProperties", false}, {"properties", std::move(properties)}};
}

Value Defaults() {
  Value properties{Value::Map{}};
  for (const KeyRow& row : kTaskKeys) {
    if (IsThere(row) && !IsOfOneTask(row.key)) properties.Set(row.name, SchemaOf(row, "task"));
  }
  return Value::Map{{"type", "object"}, {"additionalProperties", false}, {"properties", std::move(properties)}};
}

}  // namespace
}  // namespace dagfile

Value DagFileSchema() {
  Value schema = Value::Map{{"$schema", "http://json-schema.org/draft-07/schema#"},
                            {"title", "A DAG of pipelined"},
                            {"description", "One document of a DAG file"}};
  Value definitions{Value::Map{}};
  for (const dagfile::KeyPlace& place : dagfile::KeyPlaces()) {
    Value definition = dagfile::Definition(place);
    if (place.name == "dag") {
      for (auto& [key, value] : definition.map()) schema.Set(key, std::move(value));
    } else {
      definitions.Set(place.name, std::move(definition));
    }
  }
  definitions.Set("defaults", dagfile::Defaults());
  schema.Set("definitions", std::move(definitions));
  return schema;
}

std::vector<KeyTable> DagFileKeys() {
  std::vector<KeyTable> tables;
  for (const dagfile::KeyPlace& place : dagfile::KeyPlaces()) {
    KeyTable& table = tables.emplace_back(KeyTable{place.what, {}});
    for (const dagfile::KeyRow& row : place.keys) {
      const dagfile::KeyDescription* described = dagfile::Describe(place.name, row.name);
      if (dagfile::IsThere(row) && described != nullptr) table.keys.push_back({row.name, described->meaning});
    }
  }
  return tables;
}

}  // namespace pipelined
