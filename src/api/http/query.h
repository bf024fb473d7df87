// Reading query parameters. Every mistake is gathered, and all come in one 422 answer of Airflow's shape.
#pragma once

#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/http/http.h"
#include "pipelined/base/time.h"
#include "pipelined/ports/catalog.h"

namespace pipelined::api {

// The list of {"type", "loc", "msg"[, "input"]} that a 422 carries.
class Violations {
 public:
  void Add(std::string_view type, Value::List where, std::string_view message,
           std::optional<Value> input = std::nullopt);
  void Add(const Violations& others);
  // The answer does not repeat what was sent: it may be a secret.
  void HideInputs() { hidden_ = true; }
  bool empty() const { return list_.empty(); }
  Response Answer() const;

 private:
  Value::List list_;
  bool hidden_ = false;
};

// A whole number, 0 or more, in the path; nothing: it is in `value`, else the refusal.
std::optional<Response> ReadPathId(std::string_view name, const std::string& text, std::int64_t& value);

class Query {
 public:
  explicit Query(const Request& request) : request_(request) {}

  // Each answers the parameter's value, or the default after noting what is wrong with it.
  std::int64_t Int(std::string_view name, std::int64_t standard, std::int64_t minimum);
  std::optional<bool> Bool(std::string_view name);
  std::optional<double> Number(std::string_view name);
  std::vector<std::int32_t> Ints(std::string_view name);
  std::string String(std::string_view name) const;  // empty when absent
  std::string Required(std::string_view name);
  std::vector<std::string> Strings(std::string_view name) const;
  // Each must be one of `words`. `type` kPlain: the refusal is a plain sentence, as Airflow has it for states.
  static constexpr std::string_view kPlain = "";
  std::vector<std::string> Words(std::string_view name, std::span<const std::string_view> words,
                                 std::string_view type = "enum");
  std::optional<Instant> Date(std::string_view name);
  // `field`_gte, _gt, _lte, _lt as two inclusive bounds: instants are whole microseconds.
  TimeRange Times(std::string_view field);
  LengthRange Lengths(std::string_view field);  // in seconds
  // `field`_pattern and `field`_prefix_pattern.
  TextSearch Search(std::string_view field) const;
  // limit, offset, order_by. Counts beyond kMostCounted are not made.
  Page ReadPage();
  Page ReadCursorPage();  // the same and `cursor`, of the two lists that have it
  // Parameters of Airflow's that would narrow the answer, and that this version cannot: better refused than ignored.
  void NotYet(std::initializer_list<std::string_view> names);

  // What the caller found wrong with a parameter.
  void Add(std::string_view type, std::string_view name, std::string_view message) {
    Refuse(type, name, message, String(name));
  }

  bool ok() const { return violations_.empty() && plain_.empty(); }
  Response Refusal() const { return violations_.empty() ? Detail(422, plain_) : violations_.Answer(); }

 private:
  const std::string* Find(std::string_view name) const;
  void Refuse(std::string_view type, std::string_view name, std::string_view message, const std::string& input);

  const Request& request_;
  Violations violations_;
  std::string plain_;
  std::vector<std::string> refused_;  // names of parameters
};

// Two inclusive bounds of what was given with each sign: instants and lengths are whole microseconds.
TimeRange TimesBetween(std::optional<Instant> gte, std::optional<Instant> gt, std::optional<Instant> lte,
                       std::optional<Instant> lt);
// In seconds; what is beyond some three thousand years bounds nothing.
LengthRange LengthsBetween(std::optional<double> gte, std::optional<double> gt, std::optional<double> lte,
                           std::optional<double> lt);

// RFC 3339 with an offset, or a Unix time (seconds; milliseconds beyond 2e10), as Airflow reads dates.
Result<Instant> ParseApiDate(std::string_view text);

inline constexpr std::int64_t kMaxLimit = 1000;
inline constexpr std::int64_t kMostCounted = 100'000;

// {`name`: [...], "total_entries": …}; and "total_entries_limit", Airflow's way to say that there may be more.
Value Collection(std::string_view name, Value::List rows, std::int64_t total);
// The same of a page that was asked for by a cursor: not counted; `next` empty: the last one.
Value CursorPage(std::string_view name, Value::List rows, const std::string& next);

}  // namespace pipelined::api
