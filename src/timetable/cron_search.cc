// The next and the last match of a cron expression on the wall clock: month by month over a mask of its matching days,
// never minute by minute.
#include <algorithm>
#include <bit>

#include "pipelined/timetable/cron.h"
#include "timetable/excluded_days.h"

namespace pipelined {

namespace {

using std::chrono::days;
using std::chrono::local_days;

constexpr int kYearsAhead = 50;
constexpr int kSecondsOfDay = 86400;
constexpr std::uint32_t kEverySeventh = 1u | 1u << 7 | 1u << 14 | 1u << 21 | 1u << 28;

// Lowest set bit at or above `from`, or -1.
int BitFrom(std::uint64_t bits, int from) {
  if (from > 63) return -1;
  bits &= ~std::uint64_t{0} << from;
  return bits == 0 ? -1 : std::countr_zero(bits);
}

// Highest set bit at or below `to`, or -1.
int BitUpTo(std::uint64_t bits, int to) {
  if (to < 0) return -1;
  if (to < 63) bits &= (std::uint64_t{1} << (to + 1)) - 1;
  return bits == 0 ? -1 : 63 - std::countl_zero(bits);
}

std::chrono::year_month_day DateOf(int year, int month, int day) {
  return std::chrono::year(year) / std::chrono::month(static_cast<unsigned>(month)) /
         std::chrono::day(static_cast<unsigned>(day));
}

int LengthOf(int year, int month) {
  const auto last = std::chrono::year(year) / std::chrono::month(static_cast<unsigned>(month)) / std::chrono::last;
  return static_cast<int>(static_cast<unsigned>(last.day()));
}

int WeekdayOf(int year, int month, int day) {
  return static_cast<int>(std::chrono::weekday(std::chrono::sys_days(DateOf(year, month, day))).c_encoding());
}

LocalTime Join(int year, int month, int day, int second) {
  return local_days(DateOf(year, month, day)) + Micros(Seconds(second));
}

struct Moment {
  int year, month, day, second;
};

Moment Split(std::chrono::local_seconds local) {
  const auto day = std::chrono::floor<days>(local);
  const std::chrono::year_month_day date(day);
  return {static_cast<int>(date.year()), static_cast<int>(static_cast<unsigned>(date.month())),
          static_cast<int>(static_cast<unsigned>(date.day())), static_cast<int>((local - day).count())};
}

}  // namespace

bool Cron::YearMatches(int year) const {
  if (!years_) return true;
  return year >= kFirstYear && year <= kLastYear && years_->test(static_cast<std::size_t>(year - kFirstYear));
}

bool Cron::must_meet() const {
  return !any_day_ && std::any_of(nth_.begin(), nth_.end(), [](std::uint8_t nth) { return nth != 0; });
}

Cron::Days Cron::DaysOf(int year, int month) const {
  if ((months_ >> month & 1) == 0) return {};
  const int length = LengthOf(year, month);
  const std::uint32_t whole = static_cast<std::uint32_t>(((std::uint64_t{1} << length) - 1) << 1);
  if (any_weekday_ && nearest_weekday_ == 0) {  // no need to know what weekdays they are
    if (any_day_) return {whole, 0};
    return {(days_ & whole) | (last_day_ ? std::uint32_t{1} << length : 0), 0};
  }
  const int first_weekday = WeekdayOf(year, month, 1);
  std::uint32_t by_day = any_day_ ? whole : days_ & whole;
  if (last_day_) by_day |= std::uint32_t{1} << length;
  if (nearest_weekday_ != 0 && nearest_weekday_ <= length) {
    const int day = nearest_weekday_, weekday = (first_weekday + day - 1) % 7;
    int moved = day;  // Saturday back to Friday, Sunday on to Monday, but never out of the month
    if (weekday == 6) moved = day > 1 ? day - 1 : day + 2;
    if (weekday == 0) moved = day < length ? day + 1 : day - 2;
    by_day |= std::uint32_t{1} << moved;
  }
  std::uint32_t by_weekday = 0;
  for (int weekday = 0; weekday < 7; ++weekday) {
    const std::uint8_t nth = nth_[static_cast<std::size_t>(weekday)];
    const bool each = (weekdays_ >> weekday & 1) != 0;
    if (!each && nth == 0) continue;
    const int first = 1 + (weekday - first_weekday + 7) % 7;
    std::uint32_t chosen = each ? kEverySeventh << first : 0;
    for (int n = 1; n <= 5; ++n) chosen |= (nth >> n & 1) != 0 ? std::uint32_t{1} << first << 7 * (n - 1) : 0;
    if ((nth & 1) != 0) chosen |= std::uint32_t{1} << (first + (length - first) / 7 * 7);
    by_weekday |= chosen & whole;
  }
  if (any_day_) return {any_weekday_ ? whole : by_weekday, 0};
  if (must_meet()) return {by_weekday, by_day & by_weekday};
  return {any_weekday_ ? by_day : by_day | by_weekday, 0};
}

// The days of a month that match when excluded ones are left out or moved.
std::uint32_t Cron::MatchOf(int year, int month, const ExcludedDays* excluded) const {
  const std::uint32_t match = YearMatches(year) ? DaysOf(year, month).match : 0;
  if (excluded == nullptr) return match;
  const std::uint32_t open = match & ~excluded->Month(year, month);
  return excluded->moves() ? open | MovedDays(year, month, match, *excluded) : open;
}

// The open days that follow excluded ones with a match among them: every tick of those comes there.
std::uint32_t Cron::MovedDays(int year, int month, std::uint32_t match, const ExcludedDays& excluded) const {
  const std::uint32_t closed = excluded.Month(year, month);
  const int length = LengthOf(year, month);
  bool pending = MovesInto(year, month, excluded);
  std::uint32_t moved = 0;
  for (int day = 1; day <= length; ++day) {
    if ((closed >> day & 1) != 0) {
      pending = pending || (match >> day & 1) != 0;
    } else {
      if (pending) moved |= std::uint32_t{1} << day;
      pending = false;
    }
  }
  return moved;
}

// Whether a tick of an earlier month waits for the first open day of this one or a later one.
bool Cron::MovesInto(int year, int month, const ExcludedDays& excluded) const {
  for (int i = 0; i < kYearsAhead * 12; ++i) {
    if (--month == 0) {
      month = 12;
      --year;
    }
    const int length = LengthOf(year, month);
    const int run = std::min(length, std::countl_one(excluded.Month(year, month) << (31 - length)));
    const std::uint32_t last_days = ~((std::uint32_t{2} << (length - run)) - 1);
    if (run > 0 && YearMatches(year) && (DaysOf(year, month).match & last_days) != 0) return true;
    if (run < length) return false;
  }
  return false;
}

// Whether a day of month and an nth day of week ever fall together, searching forward (1) or backward (-1).
bool Cron::MeetsWithin50Years(int year, int direction) const {
  for (int i = 0; i <= kYearsAhead; ++i, year += direction) {
    if (!YearMatches(year)) continue;
    for (int month = 1; month <= 12; ++month) {
      if (DaysOf(year, month).meet != 0) return true;
    }
  }
  return false;
}

std::optional<int> Cron::SecondOfDayFrom(int second) const {
  int h = second / 3600, m = second / 60 % 60, s = second % 60;
  const int hour = BitFrom(hours_, h);
  if (hour < 0) return std::nullopt;
  if (hour > h) m = s = 0;
  int minute = BitFrom(minutes_, m);
  if (minute > m) s = 0;
  int sec = minute < 0 ? -1 : BitFrom(seconds_, s);
  if (minute >= 0 && sec < 0) {
    minute = BitFrom(minutes_, minute + 1);
    sec = BitFrom(seconds_, 0);
  }
  if (minute >= 0) return hour * 3600 + minute * 60 + sec;
  h = BitFrom(hours_, hour + 1);
  if (h < 0) return std::nullopt;
  return h * 3600 + BitFrom(minutes_, 0) * 60 + BitFrom(seconds_, 0);
}

std::optional<int> Cron::SecondOfDayUpTo(int second) const {
  int h = second / 3600, m = second / 60 % 60, s = second % 60;
  const int hour = BitUpTo(hours_, h);
  if (hour < 0) return std::nullopt;
  if (hour < h) m = s = 59;
  int minute = BitUpTo(minutes_, m);
  if (minute < m) s = 59;
  int sec = minute < 0 ? -1 : BitUpTo(seconds_, s);
  if (minute >= 0 && sec < 0) {
    minute = BitUpTo(minutes_, minute - 1);
    sec = BitUpTo(seconds_, 59);
  }
  if (minute >= 0) return hour * 3600 + minute * 60 + sec;
  h = BitUpTo(hours_, hour - 1);
  if (h < 0) return std::nullopt;
  return h * 3600 + BitUpTo(minutes_, 59) * 60 + BitUpTo(seconds_, 59);
}

std::optional<LocalTime> Cron::After(LocalTime local, const ExcludedDays* excluded) const {
  const Moment from = Split(std::chrono::floor<Seconds>(local) + Seconds(1));
  if (must_meet() && !MeetsWithin50Years(from.year, 1)) return std::nullopt;
  const bool may_move = excluded != nullptr && excluded->moves();
  const auto rest_of_day = SecondOfDayFrom(from.second);
  int first_day = rest_of_day ? from.day : from.day + 1;
  int month = from.month;
  for (int year = from.year; year <= from.year + kYearsAhead; ++year, month = 1) {
    if (!YearMatches(year) && !may_move) {
      first_day = 1;
      continue;
    }
    for (; month <= 12; ++month, first_day = 1) {
      if ((months_ >> month & 1) == 0 && !may_move) continue;
      const int day = BitFrom(MatchOf(year, month, excluded), first_day);
      if (day < 0) continue;
      const bool today = year == from.year && month == from.month && day == from.day;
      return Join(year, month, day, today ? *rest_of_day : *SecondOfDayFrom(0));
    }
  }
  return std::nullopt;
}

std::optional<LocalTime> Cron::Before(LocalTime local, const ExcludedDays* excluded) const {
  const Moment from = Split(std::chrono::ceil<Seconds>(local) - Seconds(1));
  if (must_meet() && !MeetsWithin50Years(from.year, -1)) return std::nullopt;
  const bool may_move = excluded != nullptr && excluded->moves();
  const auto start_of_day = SecondOfDayUpTo(from.second);
  int last_day = start_of_day ? from.day : from.day - 1;
  int month = from.month;
  for (int year = from.year; year >= from.year - kYearsAhead; --year, month = 12) {
    if (!YearMatches(year) && !may_move) {
      last_day = 31;
      continue;
    }
    for (; month >= 1; --month, last_day = 31) {
      if ((months_ >> month & 1) == 0 && !may_move) continue;
      const int day = BitUpTo(MatchOf(year, month, excluded), last_day);
      if (day < 0) continue;
      const bool today = year == from.year && month == from.month && day == from.day;
      return Join(year, month, day, today ? *start_of_day : *SecondOfDayUpTo(kSecondsOfDay - 1));
    }
  }
  return std::nullopt;
}

bool Cron::ever_matches() const {
  for (int year = kFirstYear - 1; year < kLastYear; year += kYearsAhead) {
    if (After(Join(year, 12, 31, kSecondsOfDay - 1))) return true;
  }
  return false;
}

}  // namespace pipelined
