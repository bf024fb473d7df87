#include "pipelined/base/value.h"

namespace pipelined {

const Value* Value::Find(std::string_view key) const {
  if (!is_map()) return nullptr;
  for (const auto& [name, value] : map()) {
    if (name == key) return &value;
  }
  return nullptr;
}

std::string Value::TextOf(std::string_view key) const {
  const Value* value = Find(key);
  return value != nullptr && value->is_string() ? value->string() : std::string();
}

Value& Value::Set(std::string_view key, Value value) {
  if (is_null()) data_ = Map{};
  for (auto& [name, old] : map()) {
    if (name == key) return old = std::move(value);
  }
  return map().emplace_back(std::string(key), std::move(value)).second;
}

}  // namespace pipelined
