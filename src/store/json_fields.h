// Fields of the JSON objects in columns. What is missing or of another type reads as nothing, so that rows of an older
// version stay readable.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pipelined/base/time.h"
#include "pipelined/base/value.h"

namespace pipelined::json_fields {

inline Value Strings(const std::vector<std::string>& strings) {
  return Value::List(strings.begin(), strings.end());
}

inline std::string Text(const Value& map, std::string_view key) {
  const Value* found = map.Find(key);
  return found != nullptr && found->is_string() ? found->string() : std::string();
}

inline std::int64_t Number(const Value& map, std::string_view key, std::int64_t otherwise = 0) {
  const Value* found = map.Find(key);
  return found != nullptr && found->is_int() ? found->integer() : otherwise;
}

inline bool Flag(const Value& map, std::string_view key) {
  const Value* found = map.Find(key);
  return found != nullptr && found->is_bool() && found->boolean();
}

inline std::vector<std::string> List(const Value& map, std::string_view key) {
  std::vector<std::string> strings;
  if (const Value* found = map.Find(key); found != nullptr && found->is_list()) {
    for (const Value& value : found->list()) {
      if (value.is_string()) strings.push_back(value.string());
    }
  }
  return strings;
}

inline std::vector<std::int64_t> Numbers(const Value& map, std::string_view key) {
  std::vector<std::int64_t> numbers;
  if (const Value* found = map.Find(key); found != nullptr && found->is_list()) {
    for (const Value& value : found->list()) {
      if (value.is_int()) numbers.push_back(value.integer());
    }
  }
  return numbers;
}

inline void SetInstant(Value& map, std::string_view key, const std::optional<Instant>& instant) {
  if (instant) map.Set(key, static_cast<std::int64_t>(instant->time_since_epoch().count()));
}

inline std::optional<Instant> GetInstant(const Value& map, std::string_view key) {
  const Value* found = map.Find(key);
  if (found == nullptr || !found->is_int()) return std::nullopt;
  return Instant(Micros(found->integer()));
}

}  // namespace pipelined::json_fields
