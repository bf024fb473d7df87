#include "api/http/body.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>

#include <fmt/format.h>

#include "api/http/letters.h"
#include "pipelined/schema/json.h"

namespace pipelined::api {
namespace {

// Of a text that ParseInstant accepted: "…Z" or "…+02:00".
Seconds OffsetOf(std::string_view text) {
  const std::size_t sign = text.find_last_of("+-");
  if (text.empty() || text.back() == 'Z' || text.back() == 'z' || sign == std::string_view::npos || sign < 11)
    return Seconds(0);
  std::string digits;
  for (const char c : text.substr(sign + 1)) {
    if (std::isdigit(static_cast<unsigned char>(c)) != 0) digits += c;
  }
  digits.resize(4, '0');
  const int hours = (digits[0] - '0') * 10 + digits[1] - '0';
  const int minutes = (digits[2] - '0') * 10 + digits[3] - '0';
  const Seconds offset(hours * 3600 + minutes * 60);
  return text[sign] == '-' ? -offset : offset;
}

}  // namespace

bool HoldsNul(const Value& value) {
  if (value.is_string()) return value.string().find('\0') != std::string::npos;
  if (value.is_list()) return std::any_of(value.list().begin(), value.list().end(), HoldsNul);
  if (!value.is_map()) return false;
  return std::any_of(value.map().begin(), value.map().end(), [](const auto& entry) {
    return entry.first.find('\0') != std::string::npos || HoldsNul(entry.second);
  });
}

std::string FormatGiven(Instant instant, Seconds offset) {
  if (offset == Seconds(0)) return FormatInstant(instant);
  std::string text = FormatInstant(instant + offset);
  text.pop_back();  // its Z
  const std::int64_t minutes = std::abs(offset.count()) / 60;
  return fmt::format("{}{}{:02}:{:02}", text, offset < Seconds(0) ? '-' : '+', minutes / 60, minutes % 60);
}

Body::Body(const Request& request, std::initializer_list<std::string_view> known) {
  Result<Value> parsed = ParseJson(request.body, WideIntegers::kRefuse);
  if (!parsed.ok()) {
    violations_.Add("json_invalid", {"body", static_cast<std::int64_t>(request.body.size())},
                    "JSON decode error: " + parsed.error().message, Value(Value::Map{}));
    return;
  }
  Take(*std::move(parsed), known);
}

Body::Body(Value part, Value::List where, std::initializer_list<std::string_view> known) : where_(std::move(where)) {
  Take(std::move(part), known);
}

void Body::Take(Value value, std::initializer_list<std::string_view> known) {
  if (!value.is_map()) {
    violations_.Add("model_attributes_type", where_,
                    "Input should be a valid dictionary or object to extract fields from", value);
    return;
  }
  if (HoldsNul(value)) {
    violations_.Add("value_error", where_, "the body may not hold the character NUL");
    return;
  }
  value_ = std::move(value);
  for (const auto& [key, field] : value_.map()) {
    if (std::find(known.begin(), known.end(), key) == known.end())
      violations_.Add("extra_forbidden", At(key), "Extra inputs are not permitted", field);
  }
}

Value::List Body::At(std::string_view key) const {
  return Where(key);
}

Value::List Body::Where(std::string_view key, std::optional<std::int64_t> index) const {
  Value::List where = where_;
  where.emplace_back(key);
  if (index) where.emplace_back(*index);
  return where;
}

const Value* Body::Find(std::string_view key) const {
  const Value* found = value_.Find(key);
  return found == nullptr || found->is_null() ? nullptr : found;
}

void Body::Require(std::string_view key) {
  if (value_.is_map() && !Has(key)) violations_.Add("missing", At(key), "Field required", value_);
}

void Body::RequireValue(std::string_view key) {
  Require(key);
  if (Has(key) && Find(key) == nullptr) violations_.Add("null_forbidden", At(key), "Input may not be null", Value());
}

std::optional<std::string> Body::String(std::string_view key) {
  const Value* value = Find(key);
  if (value == nullptr) return std::nullopt;
  if (value->is_string()) return value->string();
  violations_.Add("string_type", At(key), "Input should be a valid string", *value);
  return std::nullopt;
}

void Body::LimitLength(std::string_view key, std::size_t most) {
  const Value* value = Find(key);
  if (value != nullptr && value->is_string() && CharacterCount(value->string()) > most)
    Refuse(key, "string_too_long", fmt::format("String should have at most {} characters", most));
}

std::optional<bool> Body::Bool(std::string_view key) {
  const Value* value = value_.Find(key);
  if (value == nullptr) return std::nullopt;
  if (value->is_bool()) return value->boolean();
  violations_.Add("bool_type", At(key), "Input should be a valid boolean", *value);
  return std::nullopt;
}

std::optional<bool> Body::BoolOrNull(std::string_view key) {
  return Find(key) == nullptr ? std::nullopt : Bool(key);
}

std::optional<std::vector<std::pair<std::string, std::int32_t>>> Body::TaskIds(std::string_view key) {
  const Value* value = Find(key);
  if (value == nullptr) return std::nullopt;
  std::vector<std::pair<std::string, std::int32_t>> ids;
  const auto refuse = [&] {
    violations_.Add("list_type", At(key), "Input should be a valid list of task ids", *value);
    return std::nullopt;
  };
  if (!value->is_list()) return refuse();
  for (const Value& item : value->list()) {
    if (item.is_string()) {
      ids.emplace_back(item.string(), kNotMapped);
      continue;
    }
    const bool pair =
        item.is_list() && item.list().size() == 2 && item.list()[0].is_string() && item.list()[1].is_int();
    if (!pair) return refuse();
    const std::int64_t index = item.list()[1].integer();
    if (index < kNotMapped || index > std::numeric_limits<std::int32_t>::max()) return refuse();
    ids.emplace_back(item.list()[0].string(), static_cast<std::int32_t>(index));
  }
  return ids;
}

std::optional<std::int64_t> Body::Int(std::string_view key, std::int64_t least, std::int64_t most) {
  const Value* value = Find(key);
  if (value == nullptr) return std::nullopt;
  const auto refuse = [&](std::string_view type, const std::string& message) {
    violations_.Add(type, At(key), message, *value);
    return std::nullopt;
  };
  std::int64_t number = 0;
  if (value->is_int()) {
    number = value->integer();
  } else if (value->is_string()) {
    const std::string& text = value->string();
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size())
      return refuse("int_parsing", "Input should be a valid integer, unable to parse string as an integer");
  } else if (value->is_number()) {
    const double given = value->number();
    if (std::abs(given) > 1e15 || std::trunc(given) != given)
      return refuse("int_from_float", "Input should be a valid integer, got a number with a fractional part");
    number = static_cast<std::int64_t>(given);
  } else {
    return refuse("int_type", "Input should be a valid integer");
  }
  if (number < least)
    return refuse("greater_than_equal", fmt::format("Input should be greater than or equal to {}", least));
  if (number > most) return refuse("less_than_equal", fmt::format("Input should be less than or equal to {}", most));
  return number;
}

std::optional<double> Body::Number(std::string_view key) {
  const Value* value = Find(key);
  if (value == nullptr) return std::nullopt;
  if (value->is_number()) return value->number();
  violations_.Add("float_type", At(key), "Input should be a valid number", *value);
  return std::nullopt;
}

std::vector<std::string> Body::Strings(std::string_view key) {
  const Value* value = Find(key);
  if (value == nullptr) return {};
  if (!value->is_list()) {
    violations_.Add("list_type", At(key), "Input should be a valid list", *value);
    return {};
  }
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < value->list().size(); ++i) {
    const Value& item = value->list()[i];
    if (item.is_string()) {
      texts.push_back(item.string());
    } else {
      violations_.Add("string_type", Where(key, static_cast<std::int64_t>(i)), "Input should be a valid string", item);
    }
  }
  return texts;
}

std::vector<std::string> Body::Words(std::string_view key, std::span<const std::string_view> words) {
  const Value* value = Find(key);
  if (value == nullptr) return {};
  if (!value->is_list()) {
    violations_.Add("list_type", At(key), "Input should be a valid list", *value);
    return {};
  }
  std::vector<std::string> chosen;
  for (std::size_t i = 0; i < value->list().size(); ++i) {
    const Value& item = value->list()[i];
    if (item.is_null()) {
      chosen.emplace_back("none");
    } else if (item.is_string() && std::find(words.begin(), words.end(), item.string()) != words.end()) {
      chosen.push_back(item.string() == "no_status" ? "none" : item.string());
    } else {
      violations_.Add("enum", Where(key, static_cast<std::int64_t>(i)),
                      fmt::format("Input should be '{}'", fmt::join(words, "', '")), item);
    }
  }
  return chosen;
}

std::optional<GivenDate> Body::Date(std::string_view key) {
  const Value* value = Find(key);
  if (value == nullptr) return std::nullopt;
  const bool text = value->is_string();
  if (!text && !value->is_number()) {
    violations_.Add("datetime_type", At(key), "Input should be a valid datetime", *value);
    return std::nullopt;
  }
  const Result<Instant> instant = ParseApiDate(text ? value->string() : fmt::format("{}", value->number()));
  if (instant.ok()) return GivenDate{*instant, text ? OffsetOf(value->string()) : Seconds(0)};
  const bool only_offset_missing = text && ParseLocal(value->string()).ok();
  violations_.Add(only_offset_missing ? "timezone_aware" : "datetime_from_date_parsing", At(key),
                  only_offset_missing ? "Input should have timezone info"
                                      : "Input should be a valid datetime: " + instant.error().message,
                  *value);
  return std::nullopt;
}

std::optional<Value> Body::Object(std::string_view key) {
  const Value* value = Find(key);
  if (value == nullptr) return std::nullopt;
  if (value->is_map()) return *value;
  violations_.Add("dict_type", At(key), "Input should be a valid dictionary", *value);
  return std::nullopt;
}

void Body::RefuseTeam() {
  if (String("team_name")) Refuse("team_name can not be set: there are no teams");
}

void Body::Refuse(std::string_view message) {
  violations_.Add("value_error", where_, message, value_);
}

void Body::RefuseEnum(std::string_view key, std::string_view words) {
  const Value* value = value_.Find(key);
  violations_.Add("enum", At(key), fmt::format("Input should be {}", words), value == nullptr ? Value() : *value);
}

void Body::Refuse(std::string_view key, std::string_view type, std::string_view message) {
  const Value* value = value_.Find(key);
  violations_.Add(type, At(key), message, value == nullptr ? Value() : *value);
}

}  // namespace pipelined::api
