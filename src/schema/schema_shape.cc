#include "schema/schema_shape.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <set>

#include "pipelined/schema/json.h"

namespace pipelined::schema {
namespace {

using References = std::vector<const std::string*>;

constexpr std::array<std::string_view, 7> kTypes{"null", "boolean", "integer", "number", "string", "array", "object"};

bool IsType(const Value& value) {
  return value.is_string() && std::find(kTypes.begin(), kTypes.end(), value.string()) != kTypes.end();
}
bool IsCount(const Value& value) {
  return (value.is_int() && value.integer() >= 0) ||
         (value.is_double() && value.number() >= 0 && value.number() < 9e15 &&
          value.number() == static_cast<double>(static_cast<std::int64_t>(value.number())));
}
bool AreTexts(const Value& value) {
  return value.is_list() &&
         std::all_of(value.list().begin(), value.list().end(), [](const Value& one) { return one.is_string(); });
}

std::string PatternFault(const std::string& pattern) {
  const re2::RE2 expression(pattern, re2::RE2::Quiet);
  return expression.ok() ? "" : fmt::format("pattern {}: {}", ToJson(Value(pattern.substr(0, 60))), expression.error());
}

std::string Fault(const Value& schema, int depth, References& references);

std::string MapFault(const std::string& key, const Value& map, int depth, References& references) {
  if (!map.is_map()) return key + " must be an object of schemas";
  for (const auto& [name, schema] : map.map()) {
    if (key == "dependencies" && AreTexts(schema)) continue;
    if (key == "patternProperties") {
      if (std::string fault = PatternFault(name); !fault.empty()) return fault;
    }
    if (std::string fault = Fault(schema, depth, references); !fault.empty()) return fault;
  }
  return {};
}

std::string ListFault(const std::string& key, const Value& list, int depth, References& references) {
  if (!list.is_list() || list.list().empty()) return key + " must be a list of schemas";
  for (const Value& schema : list.list()) {
    if (std::string fault = Fault(schema, depth, references); !fault.empty()) return fault;
  }
  return {};
}

bool Is(std::string_view key, std::initializer_list<std::string_view> keys) {
  return std::find(keys.begin(), keys.end(), key) != keys.end();
}

std::string KeyFault(const std::string& key, const Value& value, int depth, References& references) {
  if (key == "type") {
    const bool types =
        value.is_list() && !value.list().empty() && std::all_of(value.list().begin(), value.list().end(), IsType);
    return IsType(value) || types ? "" : fmt::format("type must be of {}", fmt::join(kTypes, ", "));
  }
  if (key == "enum") return value.is_list() ? "" : "enum must be a list";
  if (Is(key, {"maximum", "minimum", "exclusiveMaximum", "exclusiveMinimum"}))
    return value.is_number() ? "" : key + " must be a number";
  if (key == "multipleOf") return value.is_number() && value.number() > 0 ? "" : "multipleOf must be a number above 0";
  if (Is(key, {"maxLength", "minLength", "maxItems", "minItems", "maxProperties", "minProperties"}))
    return IsCount(value) ? "" : key + " must be a whole number from 0 on";
  if (key == "pattern") return value.is_string() ? PatternFault(value.string()) : "a pattern must be a text";
  if (Is(key, {"format", "$ref"})) {
    if (key == "$ref" && value.is_string()) references.push_back(&value.string());
    return value.is_string() ? "" : fmt::format("a {} must be a text", key);
  }
  if (key == "uniqueItems") return value.is_bool() ? "" : "uniqueItems must be true or false";
  if (key == "required") return AreTexts(value) ? "" : "required must be a list of names";
  if (Is(key, {"properties", "patternProperties", "definitions", "dependencies"}))
    return MapFault(key, value, depth, references);
  if (Is(key, {"allOf", "anyOf", "oneOf"})) return ListFault(key, value, depth, references);
  if (key == "items" && value.is_list()) return value.list().empty() ? "" : ListFault(key, value, depth, references);
  if (Is(key, {"items", "additionalItems", "additionalProperties", "contains", "propertyNames", "not", "if", "then",
               "else"}))
    return Fault(value, depth, references);
  return {};  // a note, or unknown
}

std::string Fault(const Value& schema, int depth, References& references) {
  if (schema.is_bool()) return {};
  if (!schema.is_map()) return "it must be an object";
  if (depth >= kDeepest) return "it is too deep";
  for (const auto& [key, value] : schema.map()) {
    if (std::string fault = KeyFault(key, value, depth + 1, references); !fault.empty()) return fault;
  }
  return {};
}

// "~1" is "/", "~0" is "~"; and what is percent-encoded.
std::string Decoded(std::string_view step) {
  std::string text;
  for (std::size_t i = 0; i < step.size(); ++i) {
    int byte = 0;
    if (step[i] == '%' && i + 2 < step.size() &&
        std::from_chars(step.data() + i + 1, step.data() + i + 3, byte, 16).ptr == step.data() + i + 3) {
      text += static_cast<char>(byte);
      i += 2;
    } else {
      text += step[i];
    }
  }
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escaped = text[i] == '~' && i + 1 < text.size() && (text[i + 1] == '0' || text[i + 1] == '1');
    decoded += escaped ? (text[++i] == '1' ? '/' : '~') : text[i];
  }
  return decoded;
}

}  // namespace

std::string FaultOf(const Value& root) {
  References references;
  if (std::string fault = Fault(root, 0, references); !fault.empty()) return fault;
  std::set<const Value*> seen;
  for (std::size_t i = 0; i < references.size(); ++i) {
    const std::string* name = references[i];
    for (int hops = 0; name != nullptr; ++hops) {
      if (hops > kDeepest) return fmt::format("{} refers to itself without end", ToJson(Value(*references[i])));
      const Value* to = Resolve(root, *name);
      if (to == nullptr) return fmt::format("there is no {} in it", ToJson(Value(name->substr(0, 60))));
      if (seen.insert(to).second) {  // it may stand where no schema is looked for
        if (std::string fault = Fault(*to, 0, references); !fault.empty()) return fault;
      }
      const Value* next = to->Find("$ref");
      name = next == nullptr ? nullptr : &next->string();
    }
  }
  return {};
}

const Value* Resolve(const Value& root, const std::string& reference) {
  if (!reference.starts_with('#')) return nullptr;
  const Value* at = &root;
  std::string_view rest = std::string_view(reference).substr(1);
  while (!rest.empty()) {
    if (rest.front() != '/') return nullptr;
    rest.remove_prefix(1);
    const std::size_t end = std::min(rest.find('/'), rest.size());
    const std::string step = Decoded(rest.substr(0, end));
    rest.remove_prefix(end);
    if (at->is_list()) {
      std::size_t index = 0;
      const auto read = std::from_chars(step.data(), step.data() + step.size(), index);
      if (read.ec != std::errc() || read.ptr != step.data() + step.size() || index >= at->list().size()) return nullptr;
      at = &at->list()[index];
    } else {
      at = at->is_map() ? at->Find(step) : nullptr;
    }
    if (at == nullptr) return nullptr;
  }
  return at->is_map() || at->is_bool() ? at : nullptr;
}

std::string PointerStep(const std::string& name) {
  std::string step = "/";
  for (const char c : name) {
    if (c == '~') {
      step += "~0";
    } else if (c == '/') {
      step += "~1";
    } else {
      step += c;
    }
  }
  return step;
}

}  // namespace pipelined::schema
