#include "api/http/query.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "api/http/letters.h"

namespace pipelined::api {
namespace {

// What is beyond all numbers here is the greatest or the least of them: a limit of 10^30 is no mistake.
std::optional<std::int64_t> ToInt(std::string_view text) {
  using Limits = std::numeric_limits<std::int64_t>;
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc::invalid_argument || end != text.data() + text.size()) return std::nullopt;
  if (error == std::errc::result_out_of_range) return text.front() == '-' ? Limits::min() : Limits::max();
  return value;
}

std::optional<double> ToNumber(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

std::optional<bool> ToBool(std::string_view given) {
  const std::string text = LowerCase(given);
  for (const std::string_view yes : {"true", "1", "yes", "on", "t", "y"})
    if (text == yes) return true;
  for (const std::string_view no : {"false", "0", "no", "off", "f", "n"})
    if (text == no) return false;
  return std::nullopt;
}

}  // namespace

void Violations::Add(std::string_view type, Value::List where, std::string_view message, std::optional<Value> input) {
  Value::Map entry{{"type", type}, {"loc", std::move(where)}, {"msg", message}};
  if (input) entry.emplace_back("input", *std::move(input));
  list_.emplace_back(std::move(entry));
}

void Violations::Add(const Violations& others) {
  list_.insert(list_.end(), others.list_.begin(), others.list_.end());
}

Response Violations::Answer() const {
  Value::List shown = list_;
  if (hidden_) {
    for (Value& entry : shown) std::erase_if(entry.map(), [](const auto& field) { return field.first == "input"; });
  }
  return Json(422, Value::Map{{"detail", std::move(shown)}});
}

std::optional<Response> ReadPathId(std::string_view name, const std::string& text, std::int64_t& value) {
  Violations violations;
  if (const std::optional<std::int64_t> number = ToInt(text); !number) {
    violations.Add("int_parsing", {"path", name},
                   "Input should be a valid integer, unable to parse string as an integer", Value(text));
  } else if (*number < 0) {
    violations.Add("greater_than_equal", {"path", name}, "Input should be greater than or equal to 0", Value(text));
  } else {
    value = *number;
    return std::nullopt;
  }
  return violations.Answer();
}

const std::string* Query::Find(std::string_view name) const {
  // The last one counts, as in Airflow.
  const auto found = std::find_if(request_.query.rbegin(), request_.query.rend(),
                                  [&](const auto& pair) { return pair.first == name; });
  return found == request_.query.rend() ? nullptr : &found->second;
}

void Query::Refuse(std::string_view type, std::string_view name, std::string_view message, const std::string& input) {
  refused_.emplace_back(name);
  violations_.Add(type, {"query", name}, message, Value(input));
}

std::int64_t Query::Int(std::string_view name, std::int64_t standard, std::int64_t minimum) {
  const std::string* text = Find(name);
  if (text == nullptr) return standard;
  const std::optional<std::int64_t> value = ToInt(*text);
  if (!value) {
    Refuse("int_parsing", name, "Input should be a valid integer, unable to parse string as an integer", *text);
  } else if (*value < minimum) {
    Refuse("greater_than_equal", name, fmt::format("Input should be greater than or equal to {}", minimum), *text);
  } else {
    return *value;
  }
  return standard;
}

std::optional<bool> Query::Bool(std::string_view name) {
  const std::string* text = Find(name);
  if (text == nullptr) return std::nullopt;
  const std::optional<bool> value = ToBool(*text);
  if (!value) Refuse("bool_parsing", name, "Input should be a valid boolean, unable to interpret input", *text);
  return value;
}

std::optional<double> Query::Number(std::string_view name) {
  const std::string* text = Find(name);
  if (text == nullptr) return std::nullopt;
  const std::optional<double> value = ToNumber(*text);
  if (!value)
    Refuse("float_parsing", name, "Input should be a valid number, unable to parse string as a number", *text);
  return value;
}

std::vector<std::int32_t> Query::Ints(std::string_view name) {
  std::vector<std::int32_t> numbers;
  for (const std::string& text : Strings(name)) {
    const std::optional<std::int64_t> value = ToInt(text);
    if (value && *value >= std::numeric_limits<std::int32_t>::min() &&
        *value <= std::numeric_limits<std::int32_t>::max()) {
      numbers.push_back(static_cast<std::int32_t>(*value));
    } else {
      Refuse("int_parsing", name, "Input should be a valid integer, unable to parse string as an integer", text);
    }
  }
  return numbers;
}

std::string Query::String(std::string_view name) const {
  const std::string* text = Find(name);
  return text == nullptr ? std::string() : *text;
}

std::string Query::Required(std::string_view name) {
  if (Find(name) == nullptr) violations_.Add("missing", {"query", name}, "Field required");
  return String(name);
}

std::vector<std::string> Query::Strings(std::string_view name) const {
  std::vector<std::string> values;
  for (const auto& [key, value] : request_.query) {
    if (key == name) values.push_back(value);
  }
  return values;
}

std::vector<std::string> Query::Words(std::string_view name, std::span<const std::string_view> words,
                                      std::string_view type) {
  std::vector<std::string> values = Strings(name);
  for (const std::string& value : values) {
    if (std::find(words.begin(), words.end(), value) != words.end()) continue;
    if (type == kPlain) {
      plain_ = fmt::format("Invalid value for {}. Valid values are {}", name, fmt::join(words, ", "));
    } else {
      Refuse(type, name, fmt::format("Input should be one of '{}'", fmt::join(words, "', '")), value);
    }
  }
  return values;
}

std::optional<Instant> Query::Date(std::string_view name) {
  const std::string* text = Find(name);
  if (text == nullptr) return std::nullopt;
  const Result<Instant> instant = ParseApiDate(*text);
  if (instant.ok()) return *instant;
  Refuse("datetime_parsing", name, instant.error().message, *text);
  return std::nullopt;
}

TimeRange Query::Times(std::string_view field) {
  const auto read = [&](std::string_view end) { return Date(fmt::format("{}_{}", field, end)); };
  const auto gte = read("gte"), lte = read("lte"), gt = read("gt"), lt = read("lt");
  return TimesBetween(gte, gt, lte, lt);
}

LengthRange Query::Lengths(std::string_view field) {
  const auto read = [&](std::string_view end) { return Number(fmt::format("{}_{}", field, end)); };
  const auto gte = read("gte"), lte = read("lte"), gt = read("gt"), lt = read("lt");
  return LengthsBetween(gte, gt, lte, lt);
}

TimeRange TimesBetween(std::optional<Instant> gte, std::optional<Instant> gt, std::optional<Instant> lte,
                       std::optional<Instant> lt) {
  if (gt) gte = gte ? std::max(*gte, *gt + Micros(1)) : *gt + Micros(1);
  if (lt) lte = lte ? std::min(*lte, *lt - Micros(1)) : *lt - Micros(1);
  return TimeRange{gte, lte};
}

LengthRange LengthsBetween(std::optional<double> gte, std::optional<double> gt, std::optional<double> lte,
                           std::optional<double> lt) {
  const auto length = [](std::optional<double> seconds, std::int64_t beyond) -> std::optional<Micros> {
    if (!seconds || std::abs(*seconds) > 1e11) return std::nullopt;
    return Micros(std::llround(*seconds * 1e6) + beyond);
  };
  LengthRange range{length(gte, 0), length(lte, 0)};
  if (const auto above = length(gt, 1)) range.gte = range.gte ? std::max(*range.gte, *above) : *above;
  if (const auto below = length(lt, -1)) range.lte = range.lte ? std::min(*range.lte, *below) : *below;
  return range;
}

TextSearch Query::Search(std::string_view field) const {
  return TextSearch{String(fmt::format("{}_pattern", field)), String(fmt::format("{}_prefix_pattern", field))};
}

Value Collection(std::string_view name, Value::List rows, std::int64_t total) {
  Value::Map map{{std::string(name), std::move(rows)}, {"total_entries", total}};
  if (total >= kMostCounted) map.emplace_back("total_entries_limit", kMostCounted);
  return map;
}

Value CursorPage(std::string_view name, Value::List rows, const std::string& next) {
  return Value::Map{{std::string(name), std::move(rows)},
                    {"total_entries", Value()},
                    {"next_cursor", next.empty() ? Value() : Value(next)},
                    {"previous_cursor", Value()}};
}

Page Query::ReadPage() {
  Page page;
  page.most_counted = kMostCounted;
  page.limit = std::min(Int("limit", 50, 0), kMaxLimit);
  page.offset = Int("offset", 0, 0);
  page.order_by = Strings("order_by");
  return page;
}

Page Query::ReadCursorPage() {
  Page page = ReadPage();
  if (const std::string* cursor = Find("cursor")) page.cursor = *cursor;
  return page;
}

void Query::NotYet(std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names) {
    const bool refused = std::find(refused_.begin(), refused_.end(), name) != refused_.end();
    if (const std::string* text = Find(name); text != nullptr && !refused)
      Refuse("not_available", name, "not available yet in this version", *text);
  }
}

Result<Instant> ParseApiDate(std::string_view text) {
  if (const std::optional<double> number = ToNumber(text)) {
    const double seconds = std::abs(*number) > 2e10 ? *number / 1000 : *number;
    if (seconds < -62135596800.0 || seconds > 253402300799.0)
      return Error{ErrorCode::kInvalid, "the date lies outside of the years 1 to 9999", ""};
    return Instant(Micros(static_cast<std::int64_t>(std::llround(seconds * 1e6))));
  }
  return ParseInstant(text);
}

}  // namespace pipelined::api
