#include "dagfile/params_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "dagfile/values.h"
#include "pipelined/base/near_match.h"
#include "pipelined/schema/json_schema.h"

namespace pipelined::dagfile {
namespace {

constexpr std::array<std::string_view, 7> kTypes{"string", "integer", "number", "boolean", "array", "object", "null"};

// The words of JSON Schema that people mistype; others may stand in a schema, too.
constexpr std::array<std::string_view, 43> kWords{
    "type", "default", "enum", "const", "title", "description", "format", "pattern", "minimum", "maximum", "minLength",
    "maxLength", "minItems", "maxItems", "items", "properties", "required", "additionalProperties", "anyOf", "oneOf",
    "allOf", "not", "examples", "multipleOf", "exclusiveMinimum", "exclusiveMaximum", "uniqueItems", "contains",
    "additionalItems", "minProperties", "maxProperties", "patternProperties", "propertyNames", "dependencies", "if",
    "then", "else", "definitions", "$ref",
    // of forms, as Airflow has them
    "section", "values_display", "description_md", "custom_html_form"};

bool IsName(std::string_view name) {
  const auto word = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  return !name.empty() && !(name[0] >= '0' && name[0] <= '9') && std::all_of(name.begin(), name.end(), word);
}

void CheckType(const Entry& type, Reporter& reporter) {
  std::vector<std::string> names;
  if (!ReadTexts(type, reporter, names)) return;
  for (const std::string& name : names) {
    if (std::find(kTypes.begin(), kTypes.end(), name) != kTypes.end()) continue;
    const auto near = NearMatch(name, kTypes);
    reporter.Error(
        Code::kBadParam, type.place(), fmt::format("JSON Schema has no type {}", Quoted(name)),
        near ? fmt::format("did you mean \"{}\"?", *near) : fmt::format("known are: {}", fmt::join(kTypes, ", ")));
  }
}

bool IsWord(std::string_view name) {
  return std::find(kWords.begin(), kWords.end(), name) != kWords.end();
}

void CheckWord(const Entry& entry, Reporter& reporter) {
  if (IsWord(entry.name())) return;
  if (const auto near = NearMatch(entry.name(), kWords)) {
    reporter.Warning(Code::kBadParam, entry.key.place(), fmt::format("JSON Schema has no key {}", Quoted(entry.name())),
                     fmt::format("did you mean \"{}\"?", *near));
  }
}

// Airflow takes a mapping for the default itself.
void CheckAnyWord(const Entry& param, Reporter& reporter) {
  std::string first;
  for (const Entry part : EntriesOf(param.value)) {
    if (IsWord(part.name()) || part.name() == "<<" || NearMatch(part.name(), kWords)) return;
    if (first.empty()) first = part.name();
  }
  if (first.empty()) return;
  reporter.Warning(
      Code::kBadParam, param.key.place(),
      fmt::format("the param {} is a JSON Schema that says nothing, and has no default", Quoted(param.name())),
      fmt::format("for a mapping as the default write {}: {{default: {{{}: …}}}}", param.name(), first));
}

void CheckDefault(const Param& param, const Entry& entry, Reporter& reporter) {
  for (const SchemaViolation& violation : ValidateSchema(param.schema, *param.default_value)) {
    const std::string where = violation.path.empty() ? "" : "." + violation.path;
    reporter.Error(Code::kBadParam, entry.place(),
                   fmt::format("the default of {}{} does not fit its schema: {}", param.name, where, violation.message),
                   entry.value.is_null() ? "leave the default out when the param must be given with each run" : "");
  }
}

Param ReadParam(const Entry& entry, Reporter& reporter) {
  Param param;
  param.name = entry.name();
  param.schema = Value(Value::Map{});
  if (!entry.value.is_map()) {
    param.default_value = ToValue(entry.value);
    return param;
  }
  CheckAnyWord(entry, reporter);
  const std::size_t errors = reporter.errors();
  std::optional<Entry> default_entry;
  for (const Entry part : EntriesOf(entry.value)) {
    if (part.name() == "default") {
      param.default_value = ToValue(part.value);
      default_entry = part;
      continue;
    }
    if (part.name() == "<<" && part.key.is_plain()) continue;
    if (part.name() == "type") CheckType(part, reporter);
    CheckWord(part, reporter);
    param.schema.map().emplace_back(std::string(part.name()), ToValue(part.value));
  }
  if (reporter.errors() == errors) {
    if (const std::string fault = SchemaFault(param.schema); !fault.empty())
      reporter.Error(Code::kBadParam, entry.key.place(),
                     fmt::format("the schema of {} is not valid: {}", param.name, fault), "JSON Schema, draft 7");
  }
  if (default_entry && reporter.errors() == errors) CheckDefault(param, *default_entry, reporter);
  return param;
}

}  // namespace

std::vector<Param> ReadParams(const Entry& params, Reporter& reporter) {
  std::vector<Param> all;
  if (!RequireMap(params, reporter, "a mapping of names to JSON Schemas or values")) return all;
  for (const Entry entry : EntriesOf(params.value)) {
    if (entry.name() == "<<" && entry.key.is_plain()) continue;
    if (IsName(entry.name())) {
      all.push_back(ReadParam(entry, reporter));
    } else {
      reporter.Error(Code::kBadId, entry.key.place(),
                     fmt::format("{} cannot be the name of a param", Quoted(entry.name())),
                     "letters, digits and _ make a name that templates can use");
    }
  }
  return all;
}

}  // namespace pipelined::dagfile
