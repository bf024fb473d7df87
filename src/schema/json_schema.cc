#include "pipelined/schema/json_schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <set>

// Otherwise a broken schema ends the process.
#define VALIJSON_USE_EXCEPTIONS 1
#include <nlohmann/json.hpp>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validation_results.hpp>
#include <valijson/validator.hpp>

#include "pipelined/schema/json.h"
#include "schema/nlohmann_value.h"
#include "schema/text_rules.h"

namespace pipelined {
namespace {

constexpr std::size_t kLongestShown = 60;

std::string Shown(const Value& value) {
  std::string text = ToJson(value);
  if (text.size() > kLongestShown) text = text.substr(0, kLongestShown) + "…";
  return text;
}

std::string NumberShown(const Value& value) {
  return Shown(value);
}

// What a type of JSON Schema is called in a message.
std::string TypeShown(const Value& type) {
  if (!type.is_list()) return type.is_string() ? type.string() : Shown(type);
  std::string text;
  for (std::size_t i = 0; i < type.list().size(); ++i) {
    text += fmt::format("{}{}", i == 0 ? "" : i + 1 == type.list().size() ? " or " : ", ", TypeShown(type.list()[i]));
  }
  return text;
}

std::string EnumShown(const Value& values) {
  std::string text;
  for (const Value& value : values.list()) text += (text.empty() ? "" : ", ") + Shown(value);
  return text;
}

bool Integral(const Value& value) {
  return value.is_int() ||
         (value.is_double() && value.number() == static_cast<double>(static_cast<long long>(value.number())));
}

bool HasType(const Value& value, std::string_view type) {
  if (type == "null") return value.is_null();
  if (type == "boolean") return value.is_bool();
  if (type == "integer") return Integral(value);
  if (type == "number") return value.is_number();
  if (type == "string") return value.is_string();
  if (type == "array") return value.is_list();
  if (type == "object") return value.is_map();
  return true;
}

bool HasAnyType(const Value& value, const Value& type) {
  if (type.is_string()) return HasType(value, type.string());
  if (!type.is_list()) return true;
  return std::any_of(type.list().begin(), type.list().end(), [&](const Value& one) { return HasAnyType(value, one); });
}

std::size_t Characters(const std::string& text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

// Says in plain words what the common keywords of `schema` find wrong with `value`. valijson decides whether it is
// valid; its own messages speak of constraints and sub-schemas, so they are only used where this finds no words.
class Explainer {
 public:
  std::vector<SchemaViolation> Take() { return std::move(found_); }

  void Explain(const std::string& path, const Value& schema, const Value& value) {
    if (!schema.is_map()) return;
    if (const Value* type = schema.Find("type"); type != nullptr && !HasAnyType(value, *type)) {
      return Say(path, fmt::format("{} is not of type {}", Shown(value), TypeShown(*type)));
    }
    if (const Value* values = schema.Find("enum"); values != nullptr && values->is_list()) Enum(path, *values, value);
    if (const Value* constant = schema.Find("const"); constant != nullptr && ToJson(*constant) != ToJson(value)) {
      Say(path, fmt::format("{} is not {}", Shown(value), Shown(*constant)));
    }
    if (value.is_number()) Number(path, schema, value);
    if (value.is_string()) Text(path, schema, value.string());
    if (value.is_list()) List(path, schema, value.list());
    if (value.is_map()) Object(path, schema, value);
  }

 private:
  void Say(const std::string& path, std::string message) {
    found_.push_back(SchemaViolation{path, std::move(message)});
  }

  void Enum(const std::string& path, const Value& values, const Value& value) {
    for (const Value& allowed : values.list()) {
      if (allowed == value || (allowed.is_number() && value.is_number() && allowed.number() == value.number())) return;
    }
    Say(path, fmt::format("{} is not one of {}", Shown(value), EnumShown(values)));
  }

  static const Value* Limit(const Value& schema, std::string_view keyword) {
    const Value* limit = schema.Find(keyword);
    return limit != nullptr && limit->is_number() ? limit : nullptr;
  }

  void Number(const std::string& path, const Value& schema, const Value& value) {
    const double n = value.number();
    if (const Value* least = Limit(schema, "minimum"); least && n < least->number())
      Say(path, fmt::format("must be ≥ {}, not {}", NumberShown(*least), Shown(value)));
    if (const Value* most = Limit(schema, "maximum"); most && n > most->number())
      Say(path, fmt::format("must be ≤ {}, not {}", NumberShown(*most), Shown(value)));
    if (const Value* least = Limit(schema, "exclusiveMinimum"); least && n <= least->number())
      Say(path, fmt::format("must be > {}, not {}", NumberShown(*least), Shown(value)));
    if (const Value* most = Limit(schema, "exclusiveMaximum"); most && n >= most->number())
      Say(path, fmt::format("must be < {}, not {}", NumberShown(*most), Shown(value)));
  }

  void Text(const std::string& path, const Value& schema, const std::string& text) {
    const auto length = static_cast<double>(Characters(text));
    if (const Value* least = Limit(schema, "minLength"); least && length < least->number()) {
      Say(path, fmt::format("must have at least {} characters, has {}", NumberShown(*least), length));
    }
    if (const Value* most = Limit(schema, "maxLength"); most && length > most->number()) {
      Say(path, fmt::format("must have at most {} characters, has {}", NumberShown(*most), length));
    }
  }

  void List(const std::string& path, const Value& schema, const Value::List& list) {
    const auto size = static_cast<double>(list.size());
    if (const Value* least = Limit(schema, "minItems"); least && size < least->number())
      Say(path, fmt::format("must have at least {} items, has {}", NumberShown(*least), size));
    if (const Value* most = Limit(schema, "maxItems"); most && size > most->number())
      Say(path, fmt::format("must have at most {} items, has {}", NumberShown(*most), size));
    const Value* items = schema.Find("items");
    for (std::size_t i = 0; items != nullptr && i < list.size(); ++i)
      Explain(fmt::format("{}[{}]", path, i), *items, list[i]);
  }

  void Object(const std::string& path, const Value& schema, const Value& value) {
    const auto below = [&path](const std::string& name) { return path.empty() ? name : path + "." + name; };
    if (const Value* required = schema.Find("required"); required != nullptr && required->is_list()) {
      for (const Value& name : required->list()) {
        if (name.is_string() && value.Find(name.string()) == nullptr) Say(below(name.string()), "is required");
      }
    }
    const Value* properties = schema.Find("properties");
    const Value* additional = schema.Find("additionalProperties");
    for (const auto& [name, member] : value.map()) {
      const Value* known = properties != nullptr ? properties->Find(name) : nullptr;
      if (known != nullptr) {
        Explain(below(name), *known, member);
      } else if (additional != nullptr && additional->is_bool() && !additional->boolean() &&
                 schema.Find("patternProperties") == nullptr) {
        Say(below(name), "is not known here");
      } else if (additional != nullptr && additional->is_map()) {
        Explain(below(name), *additional, member);
      }
    }
  }

  std::vector<SchemaViolation> found_;
};

// "<root>[limits][rows]" as "limits.rows".
std::string PathOf(const std::vector<std::string>& context) {
  std::string path;
  for (std::size_t i = 1; i < context.size(); ++i) {
    std::string step = context[i];
    if (step.size() >= 2 && step.front() == '[' && step.back() == ']') step = step.substr(1, step.size() - 2);
    const bool index = !step.empty() && step.find_first_not_of("0123456789") == std::string::npos;
    path += index ? fmt::format("[{}]", step) : (path.empty() ? step : "." + step);
  }
  return path;
}

// valijson's own words, deepest place first, when nothing better is known.
std::vector<SchemaViolation> Plain(valijson::ValidationResults& results, const Value& instance) {
  std::vector<SchemaViolation> found;
  valijson::ValidationResults::Error error;
  std::size_t deepest = 0;
  while (results.popError(error)) {
    if (error.context.size() < deepest) continue;
    if (error.context.size() > deepest) found.clear();
    deepest = error.context.size();
    found.push_back(SchemaViolation{PathOf(error.context), error.description});
  }
  if (found.size() > 1) found.erase(found.begin(), found.end() - 1);  // the others repeat it, branch by branch
  if (found.empty()) found.push_back(SchemaViolation{"", fmt::format("{} is not valid", Shown(instance))});
  return found;
}

SchemaViolation Broken(std::string_view why) {
  return SchemaViolation{"", fmt::format("the schema itself is not valid: {}", why)};
}

}  // namespace

std::vector<SchemaViolation> ValidateSchema(const Value& schema, const Value& instance) {
  if (schema.is_null() || (schema.is_map() && schema.map().empty())) return {};
  if (!schema.is_map() && !schema.is_bool()) return {Broken("it must be an object")};
  TextRules texts = CheckTextRules(schema, instance);
  if (!texts.broken.empty()) return {Broken(texts.broken.front().message)};
  try {
    const nlohmann::json document = ToNlohmann(texts.stripped);
    const nlohmann::json value = ToNlohmann(instance);
    valijson::Schema parsed;
    valijson::SchemaParser parser(valijson::SchemaParser::kDraft7);
    parser.populateSchema(valijson::adapters::NlohmannJsonAdapter(document), parsed);
    valijson::Validator validator(valijson::Validator::kStrongTypes);
    valijson::ValidationResults results;
    if (validator.validate(parsed, valijson::adapters::NlohmannJsonAdapter(value), &results))
      return std::move(texts.violations);
    Explainer explainer;
    explainer.Explain("", schema, instance);
    std::vector<SchemaViolation> found = explainer.Take();
    if (found.empty()) found = Plain(results, instance);
    std::move(texts.violations.begin(), texts.violations.end(), std::back_inserter(found));
    return found;
  } catch (const std::exception& error) {
    return {Broken(error.what())};
  }
}

}  // namespace pipelined
