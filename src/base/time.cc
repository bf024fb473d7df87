#include "pipelined/base/time.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

namespace pipelined {
namespace {

using std::chrono::days;

struct Civil {
  int year;
  unsigned month, day;
  int hour, minute, second, micro;
};

Civil ToCivil(Instant instant) {
  const auto day = std::chrono::floor<days>(instant);
  const std::chrono::year_month_day date(day);
  const std::int64_t micros = (instant - day).count();
  const auto seconds = static_cast<int>(micros / 1'000'000);
  return Civil{static_cast<int>(date.year()),
               static_cast<unsigned>(date.month()),
               static_cast<unsigned>(date.day()),
               seconds / 3600,
               seconds / 60 % 60,
               seconds % 60,
               static_cast<int>(micros % 1'000'000)};
}

std::string Format(Instant instant, std::string_view zone) {
  const Civil c = ToCivil(instant);
  std::string text =
      fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", c.year, c.month, c.day, c.hour, c.minute, c.second);
  if (c.micro != 0) text += fmt::format(".{:06}", c.micro);
  return text.append(zone);
}

// Reads fixed-width fields from the front of a text; after the first failure every read fails.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  int Number(std::size_t width) {
    int number = 0;
    if (text_.size() < width) return Fail();
    for (const char c : text_.substr(0, width)) {
      if (c < '0' || c > '9') return Fail();
      number = number * 10 + (c - '0');
    }
    text_.remove_prefix(width);
    return number;
  }
  bool Take(std::string_view any_of) {
    if (failed_ || text_.empty() || any_of.find(text_.front()) == std::string_view::npos) return false;
    text_.remove_prefix(1);
    return true;
  }
  void Expect(std::string_view any_of) {
    if (!Take(any_of)) Fail();
  }
  int Fraction() {  // the digits after the point, as microseconds; further digits are cut
    int micros = 0;
    int digits = 0;
    for (; !text_.empty() && text_.front() >= '0' && text_.front() <= '9'; text_.remove_prefix(1), ++digits) {
      if (digits < 6) micros = micros * 10 + (text_.front() - '0');
    }
    if (digits == 0) return Fail();
    for (; digits < 6; ++digits) micros *= 10;
    return micros;
  }
  int Fail() {
    failed_ = true;
    return 0;
  }
  char Peek() const { return text_.empty() ? '\0' : text_.front(); }
  bool AtEnd() const { return text_.empty(); }
  bool failed() const { return failed_; }

 private:
  std::string_view text_;
  bool failed_ = false;
};

// Date, and a time if there is one; leaves the reader behind it.
std::optional<LocalTime> ReadLocal(Reader& in, bool& has_time) {
  const int year = in.Number(4);
  in.Expect("-");
  const auto month = static_cast<unsigned>(in.Number(2));
  in.Expect("-");
  const auto day = static_cast<unsigned>(in.Number(2));
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(month), std::chrono::day(day)};
  if (in.failed() || !date.ok()) return std::nullopt;
  LocalTime local = std::chrono::local_days(date);
  has_time = in.Take("Tt ");
  if (!has_time) return local;
  const int hour = in.Number(2);
  in.Expect(":");
  const int minute = in.Number(2);
  const int second = in.Take(":") ? in.Number(2) : 0;
  const int micro = in.Take(".,") ? in.Fraction() : 0;
  if (in.failed() || hour > 23 || minute > 59 || second > 59) return std::nullopt;
  return local + std::chrono::hours(hour) + std::chrono::minutes(minute) + Seconds(second) + Micros(micro);
}

std::optional<Micros> ReadOffset(Reader& in) {
  if (in.Take("Zz")) return Micros(0);
  const bool west = in.Peek() == '-';
  in.Expect("+-");
  const int hours = in.Number(2);
  in.Take(":");
  const int minutes = in.AtEnd() ? 0 : in.Number(2);
  if (in.failed() || hours > 23 || minutes > 59) return std::nullopt;
  const Micros offset = std::chrono::hours(hours) + std::chrono::minutes(minutes);
  return west ? -offset : offset;
}

Error BadTime(std::string_view text) {
  return {ErrorCode::kInvalid, fmt::format("\"{}\" is not a date and time", text), "write it as 2026-01-31T06:00:00Z"};
}

Error BadDuration(std::string_view text) {
  return {ErrorCode::kInvalid, fmt::format("\"{}\" is not a duration", text),
          "write it as 500ms, 30s, 5m, 1h30m, PT5M or seconds"};
}

// One unit of "1h30m" (or of "PT1H30M" in lower case), in microseconds; 0 when unknown.
double UnitMicros(std::string_view unit, bool date_part) {
  if (unit == "us") return 1;
  if (unit == "ms") return 1e3;
  if (unit == "s" || unit == "sec") return 1e6;
  if (unit == "m" || unit == "min") return date_part ? 0 : 60e6;
  if (unit == "h") return 3600e6;
  if (unit == "d") return 86400e6;
  if (unit == "w") return 7 * 86400e6;
  return 0;
}

}  // namespace

std::string FormatInstant(Instant instant) {
  return Format(instant, "Z");
}
std::string FormatIso(Instant instant) {
  return Format(instant, "+00:00");
}

Result<Instant> ParseInstant(std::string_view text) {
  Reader in(text);
  bool has_time = false;
  const auto local = ReadLocal(in, has_time);
  if (!local || !has_time) return BadTime(text);
  const auto offset = ReadOffset(in);
  if (!offset || !in.AtEnd()) return BadTime(text);
  return Instant(local->time_since_epoch() - *offset);
}

Result<LocalTime> ParseLocal(std::string_view text) {
  Reader in(text);
  bool has_time = false;
  const auto local = ReadLocal(in, has_time);
  if (!local || in.failed() || !in.AtEnd()) return BadTime(text);
  return *local;
}

Result<Micros> ParseDuration(std::string_view text) {
  constexpr double kMost = 1e9 * 1e6;  // some thirty years
  std::string_view rest = text;
  bool iso = false;
  bool date_part = false;
  if (!rest.empty() && (rest.front() == 'P' || rest.front() == 'p')) {
    iso = date_part = true;
    rest.remove_prefix(1);
  }
  if (rest.empty()) return BadDuration(text);
  double total = 0;
  while (!rest.empty()) {
    if (iso && (rest.front() == 'T' || rest.front() == 't')) {
      date_part = false;
      rest.remove_prefix(1);
      continue;
    }
    double number = 0;
    if (rest.front() < '0' || rest.front() > '9') return BadDuration(text);
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), number, std::chars_format::fixed);
    if (error != std::errc()) return BadDuration(text);
    rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
    std::string unit;
    while (!rest.empty() && std::isalpha(static_cast<unsigned char>(rest.front())) != 0 &&
           !(iso && std::toupper(rest.front()) == 'T')) {
      unit += static_cast<char>(std::tolower(rest.front()));
      rest.remove_prefix(1);
    }
    const bool bare = unit.empty() && !iso && rest.empty() && total == 0;
    const double factor = bare ? 1e6 : UnitMicros(unit, date_part);
    if (factor == 0) return BadDuration(text);
    total += number * factor;
    if (total > kMost) return BadDuration(text);
  }
  return Micros(std::llround(total));
}

std::string FormatDuration(Micros duration) {
  std::int64_t rest = duration.count();
  if (rest == 0) return "0s";
  constexpr std::pair<std::int64_t, const char*> kUnits[] = {
      {86'400'000'000, "d"}, {3'600'000'000, "h"}, {60'000'000, "m"}, {1'000'000, "s"}, {1'000, "ms"}, {1, "us"}};
  std::string text;
  for (const auto& [size, name] : kUnits) {
    if (rest >= size) text += fmt::format("{}{}", rest / size, name);
    rest %= size;
  }
  return text;
}

}  // namespace pipelined
