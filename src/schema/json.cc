#include "pipelined/schema/json.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "schema/nlohmann_value.h"

namespace pipelined {

namespace {

constexpr int kDeepest = 128;

// Of several entries with one key the last one stays, at the place of the first. Not Value::Set for each: that would be
// quadratic, and objects come from anywhere.
void KeepLast(Value::Map& map) {
  std::unordered_map<std::string_view, std::size_t> first;
  std::vector<bool> gone(map.size());
  bool any = false;
  for (std::size_t i = 0; i < map.size(); ++i) {
    const auto [known, added] = first.emplace(map[i].first, i);
    if (added) continue;
    map[known->second].second = std::move(map[i].second);
    gone[i] = any = true;
  }
  if (!any) return;
  std::size_t kept = 0;
  for (std::size_t i = 0; i < map.size(); ++i) {
    if (gone[i]) continue;
    if (kept != i) map[kept] = std::move(map[i]);
    ++kept;
  }
  map.resize(kept);
}

// Builds a Value from parse events. A callback that returns false ends the parse.
class Builder : public nlohmann::json_sax<nlohmann::ordered_json> {
 public:
  explicit Builder(WideIntegers wide) : wide_(wide) {}
  bool null() override { return Put(Value()); }
  bool boolean(bool b) override { return Put(Value(b)); }
  bool number_integer(number_integer_t i) override { return Put(Value(std::int64_t{i})); }
  bool number_unsigned(number_unsigned_t u) override {
    if (u > static_cast<number_unsigned_t>(INT64_MAX)) return PutWide(static_cast<double>(u), std::to_string(u));
    return Put(Value(static_cast<std::int64_t>(u)));
  }
  bool number_float(number_float_t d, const string_t& digits) override {
    return digits.find_first_of(".eE") == std::string::npos ? PutWide(d, digits) : Put(Value(d));
  }
  bool string(string_t& s) override { return Put(Value(std::move(s))); }
  bool binary(binary_t&) override { return false; }
  bool start_object(std::size_t) override { return Open(Value::Map{}); }
  bool key(string_t& name) override {
    keys_.back() = std::move(name);
    return true;
  }
  bool end_object() override { return Close(); }
  bool start_array(std::size_t) override { return Open(Value::List{}); }
  bool end_array() override { return Close(); }
  bool parse_error(std::size_t, const std::string&, const nlohmann::json::exception& error) override {
    message_ = WithoutInput(error.what());
    return false;
  }

  // The place is enough: what was read last may be a secret, and messages go to logs.
  static std::string WithoutInput(std::string message) {
    const std::size_t read = message.find("; last read:");
    if (read == std::string::npos) return message;
    const std::size_t expected = message.rfind("; expected ");
    const bool behind = expected != std::string::npos && expected > read;
    return message.erase(read, behind ? expected - read : std::string::npos);
  }

  Value TakeRoot() { return std::move(root_); }
  const std::string& message() const { return message_; }

 private:
  bool PutWide(double rounded, const std::string& digits) {
    if (wide_ == WideIntegers::kRound) return Put(Value(rounded));
    if (wide_ == WideIntegers::kText) return Put(Value(digits));
    message_ = "a whole number has more than 64 bits: write it as a text";
    return false;
  }
  bool Put(Value value) {
    if (open_.empty()) {
      root_ = std::move(value);
    } else if (open_.back().is_list()) {
      open_.back().list().push_back(std::move(value));
    } else {
      open_.back().map().emplace_back(std::move(keys_.back()), std::move(value));
    }
    return true;
  }
  bool Open(Value container) {
    if (open_.size() >= kDeepest) {
      message_ = fmt::format("nested deeper than {} levels", kDeepest);
      return false;
    }
    open_.push_back(std::move(container));
    keys_.emplace_back();
    return true;
  }
  bool Close() {
    Value done = std::move(open_.back());
    if (done.is_map()) KeepLast(done.map());
    open_.pop_back();
    keys_.pop_back();
    return Put(std::move(done));
  }

  const WideIntegers wide_;
  Value root_;
  std::vector<Value> open_;
  std::vector<std::string> keys_;
  std::string message_;
};

std::string Dump(const nlohmann::ordered_json& json) {
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

void AppendString(std::string& text, const std::string& value) {
  const bool plain =
      std::all_of(value.begin(), value.end(), [](char c) { return c >= 0x20 && c < 0x7f && c != '"' && c != '\\'; });
  if (!plain) {
    text += Dump(value);
    return;
  }
  text += '"';
  text += value;
  text += '"';
}

// Answers consist of many small values: put down one after the other, they take a third of the time that it takes to
// make the library's objects of them first. What is not plain the library prints.
void Append(std::string& text, const Value& value) {
  if (value.is_string()) return AppendString(text, value.string());
  if (value.is_int()) {
    text += fmt::format_int(value.integer()).c_str();
  } else if (value.is_list()) {
    text += '[';
    for (const Value& item : value.list()) {
      if (&item != &value.list().front()) text += ',';
      Append(text, item);
    }
    text += ']';
  } else if (value.is_map()) {
    text += '{';
    for (const auto& entry : value.map()) {
      if (&entry != &value.map().front()) text += ',';
      AppendString(text, entry.first);
      text += ':';
      Append(text, entry.second);
    }
    text += '}';
  } else {
    text += Dump(ToNlohmann(value));
  }
}

}  // namespace

nlohmann::ordered_json ToNlohmann(const Value& value) {
  if (value.is_bool()) return value.boolean();
  if (value.is_int()) return value.integer();
  if (value.is_double()) return value.number();
  if (value.is_string()) return value.string();
  if (value.is_list()) {
    auto array = nlohmann::ordered_json::array();
    for (const Value& item : value.list()) array.push_back(ToNlohmann(item));
    return array;
  }
  if (value.is_map()) {
    auto object = nlohmann::ordered_json::object();
    for (const auto& [key, item] : value.map()) object[key] = ToNlohmann(item);
    return object;
  }
  return nullptr;
}

Result<Value> ParseJson(std::string_view text, WideIntegers wide) {
  Builder builder(wide);
  if (!nlohmann::ordered_json::sax_parse(text, &builder)) {
    // nlohmann's message begins with its exception's name and number in brackets, which say nothing to a user.
    std::string message = builder.message();
    if (const auto end = message.find("] "); message.starts_with("[json") && end != std::string::npos)
      message.erase(0, end + 2);
    return Error{ErrorCode::kInvalid, "not valid JSON: " + message, ""};
  }
  return builder.TakeRoot();
}

std::string ToJson(const Value& value) {
  std::string text;
  Append(text, value);
  return text;
}

std::string ToAsciiJson(const Value& value) {
  return ToNlohmann(value).dump(-1, ' ', true, nlohmann::ordered_json::error_handler_t::replace);
}

std::string ToText(const Value& value) {
  return value.is_string() ? value.string() : value.is_null() ? std::string() : ToJson(value);
}

std::string ToPrettyJson(const Value& value) {
  return ToNlohmann(value).dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace pipelined
