#include "timetable/posix_rule.h"

#include <cctype>
#include <chrono>
#include <utility>

namespace pipelined {

namespace {

constexpr std::int64_t kDay = 86400;
constexpr int kMostHoursOfOffset = 24, kMostHoursOfChange = 167;  // RFC 8536

std::int64_t DaysSince1970(std::chrono::year_month_day date) {
  return std::chrono::sys_days(date).time_since_epoch().count();
}

}  // namespace

// Reads from the left; every function says whether it could.
class PosixRule::Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  bool done() const { return rest_.empty(); }
  bool Take(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }

  // "CET" or "<+0330>".
  bool Name() {
    std::size_t length = 0;
    if (Take('<')) {
      const std::size_t close = rest_.find('>');
      if (close == std::string_view::npos) return false;
      rest_.remove_prefix(close + 1);
      return close >= 3;
    }
    while (length < rest_.size() && std::isalpha(static_cast<unsigned char>(rest_[length]))) ++length;
    rest_.remove_prefix(length);
    return length >= 3;
  }

  bool Number(int max, int& out) {
    std::size_t digits = 0;
    out = 0;
    while (digits < rest_.size() && digits < 4 && std::isdigit(static_cast<unsigned char>(rest_[digits]))) {
      out = out * 10 + (rest_[digits++] - '0');
    }
    rest_.remove_prefix(digits);
    return digits > 0 && out <= max;
  }

  // "[+-]hh[:mm[:ss]]" in seconds.
  bool Time(std::int32_t& out, int most_hours) {
    const bool negative = Take('-');
    if (!negative) Take('+');
    int hours = 0, minutes = 0, seconds = 0;
    if (!Number(most_hours, hours)) return false;
    if (Take(':') && !Number(59, minutes)) return false;
    if (Take(':') && !Number(59, seconds)) return false;
    out = (hours * 60 + minutes) * 60 + seconds;
    if (negative) out = -out;
    return true;
  }

  bool Date(Day& out) {
    if (Take('M')) {
      out.kind = Day::Kind::kMonthWeekDay;
      if (!Number(12, out.month) || !Take('.') || !Number(5, out.week) || !Take('.') || !Number(6, out.day))
        return false;
      if (out.month == 0 || out.week == 0) return false;
    } else if (Take('J')) {
      out.kind = Day::Kind::kJulian;
      if (!Number(365, out.day) || out.day == 0) return false;
    } else if (!Number(365, out.day)) {
      return false;
    }
    return !Take('/') || Time(out.time, kMostHoursOfChange);
  }

 private:
  std::string_view rest_;
};

std::optional<PosixRule> PosixRule::Parse(std::string_view text) {
  Reader in(text);
  PosixRule rule;
  std::int32_t west = 0;  // POSIX counts offsets westward
  if (!in.Name() || !in.Time(west, kMostHoursOfOffset)) return std::nullopt;
  rule.standard_ = -west;
  if (in.done()) return rule;
  if (!in.Name()) return std::nullopt;
  rule.summer_ = rule.standard_ + 3600;
  if (!in.Take(',')) {
    if (!in.Time(west, kMostHoursOfOffset) || !in.Take(',')) return std::nullopt;
    rule.summer_ = -west;
  }
  if (!in.Date(rule.to_summer_) || !in.Take(',') || !in.Date(rule.to_standard_) || !in.done()) return std::nullopt;
  return rule;
}

std::int64_t PosixRule::WallSeconds(const Day& day, std::int64_t year) {
  using namespace std::chrono;
  const auto y = std::chrono::year(static_cast<int>(year));
  std::int64_t days = DaysSince1970(y / January / 1);
  switch (day.kind) {
    case Day::Kind::kMonthWeekDay: {
      const month m(static_cast<unsigned>(day.month));
      const weekday w(static_cast<unsigned>(day.day));
      days = day.week == 5 ? sys_days(y / m / w[last]).time_since_epoch().count()
                           : sys_days(y / m / w[static_cast<unsigned>(day.week)]).time_since_epoch().count();
      break;
    }
    case Day::Kind::kJulian:  // 1..365; 29 February is never counted
      days += day.day - 1 + (y.is_leap() && day.day >= 60 ? 1 : 0);
      break;
    case Day::Kind::kZeroBased:
      days += day.day;
      break;
  }
  return days * kDay + day.time;
}

std::array<PosixRule::Change, 2> PosixRule::ChangesOf(std::int64_t year) const {
  // Each change is written in the wall clock that ends with it.
  Change summer{WallSeconds(to_summer_, year) - standard_, *summer_};
  Change winter{WallSeconds(to_standard_, year) - *summer_, standard_};
  if (winter.at < summer.at) std::swap(summer, winter);
  return {summer, winter};
}

}  // namespace pipelined
