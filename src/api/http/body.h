// Reading a JSON body: an object with known keys. Mistakes are gathered like those of the query.
#pragma once

#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/http/http.h"
#include "api/http/query.h"
#include "pipelined/model/dag.h"

namespace pipelined::api {

// A date as it was given: the answer to a trigger echoes its offset.
struct GivenDate {
  Instant instant{};
  Seconds offset{0};
};
std::string FormatGiven(Instant instant, Seconds offset);

// Whether any text in it, keys included, holds a NUL: PostgreSQL can store none, and C interfaces end there.
bool HoldsNul(const Value& value);

class Body {
 public:
  // Parses the body; keys other than `known` are refused.
  Body(const Request& request, std::initializer_list<std::string_view> known);
  // A part of a body, at `where` in it: {"body", "actions", 0}.
  Body(Value part, Value::List where, std::initializer_list<std::string_view> known);

  bool Has(std::string_view key) const { return value_.Find(key) != nullptr; }
  void Require(std::string_view key);
  void RequireValue(std::string_view key);  // null is none
  // Each: nothing when absent, null, or (noted) of the wrong type.
  std::optional<std::string> String(std::string_view key);
  std::optional<bool> Bool(std::string_view key);
  std::optional<bool> BoolOrNull(std::string_view key);  // where the schema allows null
  // Ids of tasks: texts, or pairs of an id and a map index (-1: all of the task, as a text).
  std::optional<std::vector<std::pair<std::string, std::int32_t>>> TaskIds(std::string_view key);
  // Also from a text or a float that is a whole number, as Airflow reads them; `most` is what our columns hold.
  std::optional<std::int64_t> Int(std::string_view key, std::int64_t least, std::int64_t most);
  std::optional<double> Number(std::string_view key);
  // Lists; empty when absent or null. Of Words a null counts as "none".
  std::vector<std::string> Strings(std::string_view key);
  std::vector<std::string> Words(std::string_view key, std::span<const std::string_view> words);
  std::optional<GivenDate> Date(std::string_view key);
  std::optional<Value> Object(std::string_view key);
  // There are no teams: null only.
  void RefuseTeam();
  // The model as a whole is wrong ("both or neither of …").
  void Refuse(std::string_view message);
  // The text of `key` may have `most` characters (of UTF-8).
  void LimitLength(std::string_view key, std::size_t most);
  void RefuseEnum(std::string_view key, std::string_view words);
  // The value of a key is wrong.
  void Refuse(std::string_view key, std::string_view type, std::string_view message);
  void HideInputs() { violations_.HideInputs(); }  // as Violations'

  // Where `key` is: {"body", "key"}.
  Value::List At(std::string_view key) const;
  const Value* Given(std::string_view key) const { return value_.Find(key); }  // null included

  bool ok() const { return violations_.empty(); }
  Response Refusal() const { return violations_.Answer(); }
  const Violations& violations() const { return violations_; }
  Violations& violations() { return violations_; }

 private:
  void Take(Value value, std::initializer_list<std::string_view> known);
  const Value* Find(std::string_view key) const;  // nullptr for null, too
  Value::List Where(std::string_view key, std::optional<std::int64_t> index = std::nullopt) const;
  Value value_;
  Value::List where_{"body"};
  Violations violations_;
};

}  // namespace pipelined::api
