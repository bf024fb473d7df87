// dateutil's relativedelta: months and years that a length of time cannot hold, and parts of a date to set.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "template/machine.h"

namespace pipelined::tmpl {
namespace {

constexpr std::size_t kParts = 7;
constexpr std::array<std::string_view, kParts> kPlural{"years",   "months",  "days",        "hours",
                                                       "minutes", "seconds", "microseconds"};
constexpr std::array<std::string_view, kParts> kSingular{"year",   "month",  "day",        "hour",
                                                         "minute", "second", "microsecond"};
enum Part : std::size_t { kYear, kMonth, kDay, kHour, kMinute, kSecond, kMicro };
constexpr std::int64_t kMost = 1'000'000'000'000;

class Relative : public Object {
 public:
  std::array<std::int64_t, kParts> by{};
  std::array<std::optional<int>, kParts> to;

  // Carries what is too much for a part over to the next, keeping its sign.
  void Carry() {
    const auto carry = [this](Part from, std::int64_t size, Part into) {
      by[into] += by[from] / size;
      by[from] %= size;
    };
    carry(kMicro, 1'000'000, kSecond);
    carry(kSecond, 60, kMinute);
    carry(kMinute, 60, kHour);
    carry(kHour, 24, kDay);
    carry(kMonth, 12, kYear);
    for (const std::int64_t part : by) {
      if (std::abs(part) > 2 * kMost) Raise(TemplateFault::kLimit, "the length of time is too large");
    }
  }

  Val Get(std::string_view name) const override {
    for (std::size_t i = 0; i < kParts; ++i) {
      if (name == kPlural[i]) return Val::Int(by[i]);
      if (name == kSingular[i]) return to[i] ? Val::Int(*to[i]) : Val();
    }
    if (name == "weeks") return Val::Int(by[kDay] / 7);
    return Val::Undefined(fmt::format("there is no \"{}\" in relativedelta", name.substr(0, 80)));
  }
  std::vector<std::string> Names() const override {
    std::vector<std::string> names(kPlural.begin(), kPlural.end());
    names.insert(names.end(), kSingular.begin(), kSingular.end());
    return names;
  }
  std::string Text() const override {
    std::string text;
    for (std::size_t i = 0; i < kParts; ++i) {
      if (by[i] != 0) text += fmt::format("{}{}={:+d}", text.empty() ? "" : ", ", kPlural[i], by[i]);
    }
    for (std::size_t i = 0; i < kParts; ++i) {
      if (to[i]) text += fmt::format("{}{}={}", text.empty() ? "" : ", ", kSingular[i], *to[i]);
    }
    return "relativedelta(" + text + ")";
  }
};

Val Of(Relative relative) {
  relative.Carry();
  return Val::Of(std::shared_ptr<const Object>(std::make_shared<Relative>(std::move(relative))));
}

const Relative* RelativeOf(const Val& val) {
  return val.is(Kind::kObject) ? dynamic_cast<const Relative*>(&val.object()) : nullptr;
}

DateTime Moved(DateTime date, const Relative& by) {
  const bool has_time = std::any_of(by.by.begin() + kHour, by.by.end(), [](std::int64_t part) { return part != 0; }) ||
                        std::any_of(by.to.begin() + kHour, by.to.end(), [](const auto& part) { return part; });
  if (has_time) date.date_only = false;
  Fields f = FieldsOf(date);
  const int day = by.to[kDay].value_or(f.day);
  f.year = by.to[kYear].value_or(f.year);
  f.month = by.to[kMonth].value_or(f.month);
  f.hour = by.to[kHour].value_or(f.hour);
  f.minute = by.to[kMinute].value_or(f.minute);
  f.second = by.to[kSecond].value_or(f.second);
  f.micro = by.to[kMicro].value_or(f.micro);
  f.day = 1;
  LocalOf(f);  // a ValueError when they are none
  const std::int64_t months = by.by[kYear] * 12 + by.by[kMonth];
  const std::int64_t month = static_cast<std::int64_t>(f.year) * 12 + f.month - 1 + months;
  if (month < 12 || month >= 120'000) ValueError("the date is out of range: years 1 to 9999");
  f.year = static_cast<int>(month / 12);
  f.month = static_cast<int>(month % 12) + 1;
  f.day = std::min(day, LastDay(f.year, f.month));
  if (std::abs(by.by[kDay]) > 4'000'000) ValueError("the date is out of range: years 1 to 9999");
  const Micros length = Seconds(by.by[kDay] * 86'400 + by.by[kHour] * 3600 + by.by[kMinute] * 60 + by.by[kSecond]) +
                        Micros(by.by[kMicro]);
  return AddMicros(AtReading(date, LocalOf(f)), length);
}

// What leads from one date to another.
Relative Between(const Val& to, const Val& from) {
  if (!to.is(Kind::kDate) || !from.is(Kind::kDate)) TypeError("relativedelta() takes two dates, or names and numbers");
  const DateTime &end = to.date(), &begin = from.date();
  if (end.aware != begin.aware) TypeError("can't compare offset-naive and offset-aware datetimes");
  const Fields e = FieldsOf(end), b = FieldsOf(begin);
  Relative made;
  made.by[kMonth] = (e.year - b.year) * 12 + e.month - b.month;
  DateTime at = Moved(begin, made);
  const bool back = end.utc() < begin.utc();
  while (back ? end.utc() > at.utc() : end.utc() < at.utc()) {  // at most twice: it is within the month already
    made.by[kMonth] += back ? 1 : -1;
    at = Moved(begin, made);
  }
  made.by[kMicro] = (end.utc() - at.utc()).count();
  return made;
}

Val Sum(const Relative& a, const Relative& b, std::int64_t sign) {
  Relative sum = a;
  for (std::size_t i = 0; i < kParts; ++i) {
    sum.by[i] += sign * b.by[i];
    // The other one's counts where it is added, one's own where it is taken away; as dateutil.
    if (sign > 0 ? b.to[i].has_value() : !a.to[i].has_value()) sum.to[i] = b.to[i];
  }
  return Of(std::move(sum));
}

Val Times(const Relative& a, std::int64_t factor) {
  Relative product = a;
  for (std::int64_t& part : product.by) {
    if (__builtin_mul_overflow(part, factor, &part) || part > kMost || part < -kMost)
      Raise(TemplateFault::kLimit, "the length of time is too large");
  }
  return Of(std::move(product));
}

}  // namespace

Val RelativeDelta(Machine&, Args& args) {
  const Val* first = args.Optional("dt1");
  const Val* second = args.Optional("dt2");
  if (first != nullptr || second != nullptr) {
    if (first == nullptr || second == nullptr) TypeError("relativedelta() takes two dates, or names and numbers");
    return Of(Between(*first, *second));
  }
  Relative made;
  for (std::size_t i = 0; i < kParts; ++i) {
    if (const Val* given = args.Named(kPlural[i])) made.by[i] = AsInteger(*given, kPlural[i]);
    if (std::abs(made.by[i] / 2) > kMost / 2) Raise(TemplateFault::kLimit, fmt::format("{} is too large", kPlural[i]));
    const Val* set = args.Named(kSingular[i]);
    if (set == nullptr || set->is(Kind::kNone)) continue;
    const std::int64_t value = AsInteger(*set, kSingular[i]);
    if (value < 0 || value > 999'999) ValueError(fmt::format("{} is out of range", kSingular[i]));
    if (value != 0 || i >= kHour) made.to[i] = static_cast<int>(value);
  }
  if (const Val* weeks = args.Named("weeks")) {
    const std::int64_t count = AsInteger(*weeks, "weeks");
    if (std::abs(count / 2) > kMost / 20) Raise(TemplateFault::kLimit, "weeks is too large");
    made.by[kDay] += count * 7;
  }
  for (const std::string_view absent : {"weekday", "leapdays", "yearday", "nlyearday"}) {
    if (args.Named(absent) != nullptr)
      Raise(TemplateFault::kType, fmt::format("relativedelta() knows no {} here", absent),
            "use start_of, end_of, add and subtract of a date");
  }
  return Of(std::move(made));
}

std::optional<Val> RelativeTimes(std::string_view op, const Val& a, const Val& b) {
  const Relative *left = RelativeOf(a), *right = RelativeOf(b);
  const bool plus = op == "+", minus = op == "-";
  if (a.is(Kind::kDate) && right != nullptr && plus) return Val::Date(Moved(a.date(), *right));
  if (left != nullptr && b.is(Kind::kDate) && plus) return Val::Date(Moved(b.date(), *left));
  if (a.is(Kind::kDate) && right != nullptr && minus) return Val::Date(Moved(a.date(), *RelativeOf(Times(*right, -1))));
  if (left != nullptr && right != nullptr && (plus || minus)) return Sum(*left, *right, plus ? 1 : -1);
  if (left != nullptr && b.is_integer() && op == "*") return Times(*left, b.integer());
  if (a.is_integer() && right != nullptr && op == "*") return Times(*right, a.integer());
  return std::nullopt;
}

}  // namespace pipelined::tmpl
