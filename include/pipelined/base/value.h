// A JSON-like value: params, conf, outputs. Maps keep their order. Deep copies; not thread-safe while written.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace pipelined {

class Value {
 public:
  using List = std::vector<Value>;
  using Map = std::vector<std::pair<std::string, Value>>;

  Value() = default;                                    // null
  Value(std::nullptr_t) {}                              // NOLINT: implicit on purpose
  Value(bool b) : data_(b) {}                           // NOLINT
  Value(int i) : data_(std::int64_t{i}) {}              // NOLINT
  Value(std::int64_t i) : data_(i) {}                   // NOLINT
  Value(double d) : data_(d) {}                         // NOLINT
  Value(const char* s) : data_(std::string(s)) {}       // NOLINT
  Value(std::string_view s) : data_(std::string(s)) {}  // NOLINT
  Value(std::string s) : data_(std::move(s)) {}         // NOLINT
  Value(List l) : data_(std::move(l)) {}                // NOLINT
  Value(Map m) : data_(std::move(m)) {}                 // NOLINT

  bool is_null() const { return data_.index() == 0; }
  bool is_bool() const { return data_.index() == 1; }
  bool is_int() const { return data_.index() == 2; }
  bool is_double() const { return data_.index() == 3; }
  bool is_number() const { return is_int() || is_double(); }
  bool is_string() const { return data_.index() == 4; }
  bool is_list() const { return data_.index() == 5; }
  bool is_map() const { return data_.index() == 6; }

  // Each needs the kind that its name says (std::bad_variant_access otherwise).
  bool boolean() const { return std::get<bool>(data_); }
  std::int64_t integer() const { return std::get<std::int64_t>(data_); }
  double number() const { return is_int() ? static_cast<double>(integer()) : std::get<double>(data_); }
  const std::string& string() const { return std::get<std::string>(data_); }
  const List& list() const { return std::get<List>(data_); }
  List& list() { return std::get<List>(data_); }
  const Map& map() const { return std::get<Map>(data_); }
  Map& map() { return std::get<Map>(data_); }

  // The entry of a map, or nullptr (also when this is no map).
  const Value* Find(std::string_view key) const;
  // The text of an entry of a map; nothing when there is none, or one that is no text.
  std::string TextOf(std::string_view key) const;
  // Sets or replaces an entry; makes a map of a null.
  Value& Set(std::string_view key, Value value);

  friend bool operator==(const Value&, const Value&) = default;

 private:
  std::variant<std::monostate, bool, std::int64_t, double, std::string, List, Map> data_;
};

}  // namespace pipelined
