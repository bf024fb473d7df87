#include "pipelined/schema/json_schema.h"

#include <fmt/format.h>

#include <algorithm>

#include <nlohmann/json.hpp>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validation_results.hpp>
#include <valijson/validator.hpp>

#include "pipelined/schema/json.h"

namespace pipelined {
namespace {

// The library's adapter knows the unordered type only.
nlohmann::json Convert(const Value& value) { return nlohmann::json::parse(ToJson(value)); }

// ["<root>", "[limits]", "[0]"] -> "limits.0"
std::string PathOf(const std::vector<std::string>& context) {
  std::string path;
  for (const std::string& step : context) {
    if (step.size() < 3 || step.front() != '[') continue;
    if (!path.empty()) path += '.';
    path += step.substr(1, step.size() - 2);
  }
  return path;
}

std::string Enumerated(const Value& words) {
  std::string text;
  for (const Value& word : words.is_list() ? words.list() : Value::List{}) {
    if (!text.empty()) text += ", ";
    text += ToJson(word);
  }
  return text;
}

// The value that `path` leads to, and the schema that stands there; false: not along plain `properties`.
bool Follow(std::string_view path, const Value*& schema, const Value*& instance) {
  while (!path.empty()) {
    const std::string_view step = path.substr(0, path.find('.'));
    path.remove_prefix(std::min(path.size(), step.size() + 1));
    const Value* properties = schema->Find("properties");
    schema = properties == nullptr ? nullptr : properties->Find(step);
    instance = instance->Find(step);
    if (schema == nullptr || instance == nullptr) return false;
  }
  return true;
}

// What a person wants to read, where the reason is one of the common keywords; otherwise the library's own words.
std::string Explain(const Value& schema, const Value& instance, const std::string& description) {
  const std::string shown = ToJson(instance);
  if (const Value* words = schema.Find("enum"); words != nullptr && description.find("enum") != std::string::npos) {
    return fmt::format("{} is not one of {}", shown, Enumerated(*words));
  }
  if (const Value* type = schema.Find("type"); type != nullptr && description.find("type") != std::string::npos) {
    return fmt::format("{} is not of type {}", shown, type->is_list() ? Enumerated(*type) : type->is_string() ? type->string() : ToJson(*type));
  }
  const Value* least = schema.Find("minimum");
  if (least != nullptr && least->is_number() && instance.is_number() && instance.number() < least->number()) {
    return fmt::format("{} is less than {}", shown, ToJson(*least));
  }
  const Value* most = schema.Find("maximum");
  if (most != nullptr && most->is_number() && instance.is_number() && instance.number() > most->number()) {
    return fmt::format("{} is greater than {}", shown, ToJson(*most));
  }
  if (const Value* pattern = schema.Find("pattern"); pattern != nullptr && description.find("regular expression") != std::string::npos) {
    return fmt::format("{} does not match {}", shown, ToJson(*pattern));
  }
  return description;
}

std::vector<SchemaViolation> Violations(const Value& schema, const Value& instance, valijson::ValidationResults& results) {
  std::vector<SchemaViolation> violations;
  valijson::ValidationResults::Error error;
  while (results.popError(error)) {
    const std::string path = PathOf(error.context);
    const bool wraps = error.description.find("Failed to validate against schema associated with property") != std::string::npos;
    if (wraps && !violations.empty()) continue;  // says again what a deeper one said already
    const Value* at_schema = &schema;
    const Value* at_instance = &instance;
    const bool found = Follow(path, at_schema, at_instance);
    violations.push_back({path, found ? Explain(*at_schema, *at_instance, error.description) : error.description});
  }
  if (violations.empty()) violations.push_back({"", "does not fit its schema"});
  return violations;
}

}  // namespace

std::vector<SchemaViolation> ValidateSchema(const Value& schema, const Value& instance) {
  try {
    const nlohmann::json schema_json = Convert(schema);
    const nlohmann::json instance_json = Convert(instance);
    valijson::Schema parsed;
    valijson::SchemaParser parser(valijson::SchemaParser::kDraft7);
    parser.populateSchema(valijson::adapters::NlohmannJsonAdapter(schema_json), parsed);
    valijson::Validator validator;
    valijson::ValidationResults results;
    if (validator.validate(parsed, valijson::adapters::NlohmannJsonAdapter(instance_json), &results)) return {};
    return Violations(schema, instance, results);
  } catch (const std::exception& failure) {
    return {{"", fmt::format("the schema itself is broken: {}", failure.what())}};
  }
}

}  // namespace pipelined
