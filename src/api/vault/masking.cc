#include "api/vault/masking.h"

#include <fmt/format.h>

#include <algorithm>

#include "pipelined/schema/json.h"

namespace pipelined::api {
namespace {

// With all of it secret, or only what has a secret name.
Value Mask(const Value& value, bool secret) {
  if (value.is_map()) {
    Value::Map masked;
    for (const auto& [key, item] : value.map()) masked.emplace_back(key, Mask(item, secret || IsSecretName(key)));
    return masked;
  }
  if (value.is_list()) {
    Value::List masked;
    for (const Value& item : value.list()) masked.push_back(Mask(item, secret));
    return masked;
  }
  return secret && !value.is_null() ? Value(kMasked) : value;
}

}  // namespace

Value MaskSecrets(const Value& value) {
  return Mask(value, false);
}

std::string PythonJson(const Value& value) {
  std::string text;
  if (value.is_map()) {
    for (const auto& [key, item] : value.map())
      text += fmt::format("{}{}: {}", text.empty() ? "" : ", ", ToAsciiJson(Value(key)), PythonJson(item));
    return "{" + text + "}";
  }
  if (value.is_list()) {
    for (const Value& item : value.list()) text += (text.empty() ? "" : ", ") + PythonJson(item);
    return "[" + text + "]";
  }
  return ToAsciiJson(value);
}

std::string ShowValue(std::string_view name, const std::string& text) {
  const bool secret = IsSecretName(name);
  const Result<Value> json = ParseJson(text);
  const bool holds_names = json.ok() && (json->is_map() || json->is_list());
  if (!holds_names) return secret ? std::string(kMasked) : text;
  return PythonJson(Mask(*json, secret));
}

Value Unmask(Value sent, const Value& stored) {
  if (sent.is_string() && sent.string() == kMasked) return stored;
  if (sent.is_map()) {
    for (auto& [key, item] : sent.map()) {
      if (const Value* known = stored.Find(key)) item = Unmask(std::move(item), *known);
    }
  } else if (sent.is_list() && stored.is_list()) {
    const std::size_t both = std::min(sent.list().size(), stored.list().size());
    for (std::size_t i = 0; i < both; ++i) sent.list()[i] = Unmask(std::move(sent.list()[i]), stored.list()[i]);
  }
  return sent;
}

}  // namespace pipelined::api
