#include "timetable/excluded_days.h"

#include <algorithm>
#include <bit>

namespace pipelined {

namespace {

using Day = ExcludedDays::Day;
using std::chrono::days;

constexpr Day kFirst{std::chrono::year(ExcludedDays::kFirstYear) / 1 / 1};
constexpr Day kEnd{std::chrono::year(ExcludedDays::kLastYear + 1) / 1 / 1};
constexpr std::size_t kDays = static_cast<std::size_t>((kEnd - kFirst).count());
constexpr std::size_t kWords = (kDays + 63) / 64;

bool IsIn(std::uint8_t weekdays, Day day) {
  return (weekdays >> std::chrono::weekday(day).c_encoding() & 1) != 0;
}

}  // namespace

ExcludedDays::ExcludedDays(std::uint8_t weekdays, OnExcluded on_excluded)
    : weekdays_(weekdays & kEveryWeekday), on_excluded_(on_excluded), bits_(kWords) {
  for (std::size_t i = 0; i < kDays && weekdays_ != 0; ++i) {
    if (IsIn(weekdays_, kFirst + days(i))) bits_[i / 64] |= std::uint64_t{1} << (i % 64);
  }
}

void ExcludedDays::Add(Day first, Day last) {
  first = std::max(first, kFirst);
  last = std::min(last, kEnd - days(1));
  for (Day day = first; day <= last; day += days(1)) {
    const auto i = static_cast<std::size_t>((day - kFirst).count());
    bits_[i / 64] |= std::uint64_t{1} << (i % 64);
  }
}

// Its bit; nothing outside the years.
std::optional<std::size_t> ExcludedDays::PlaceOf(Day day) const {
  if (day < kFirst || day >= kEnd) return std::nullopt;
  return static_cast<std::size_t>((day - kFirst).count());
}

bool ExcludedDays::Contains(Day day) const {
  const auto place = PlaceOf(day);
  return place ? (bits_[*place / 64] >> (*place % 64) & 1) != 0 : IsIn(weekdays_, day);
}

std::uint32_t ExcludedDays::Month(int year, int month) const {
  const Day first(std::chrono::year(year) / month / 1);
  const auto place = PlaceOf(first);
  if (place) {
    const std::size_t word = *place / 64, shift = *place % 64;
    std::uint64_t month_bits = bits_[word] >> shift;
    if (shift > 32 && word + 1 < kWords) month_bits |= bits_[word + 1] << (64 - shift);
    return static_cast<std::uint32_t>(month_bits << 1);  // bit 0 is free, days past the month's end do no harm
  }
  if (weekdays_ == 0) return 0;
  std::uint32_t mask = 0;
  for (int day = 0; day < 31; ++day) mask |= IsIn(weekdays_, first + days(day)) ? std::uint32_t{2} << day : 0;
  return mask;
}

std::optional<Day> ExcludedDays::OpenWeekday(Day day, int direction) const {
  if (weekdays_ == kEveryWeekday) return std::nullopt;
  while (IsIn(weekdays_, day)) day += days(direction);
  return day;
}

std::optional<Day> ExcludedDays::OpenFrom(Day day) const {
  const auto place = PlaceOf(day);
  if (!place) {
    const auto open = OpenWeekday(day, 1);
    return open && day < kFirst && *open >= kFirst ? OpenFrom(kFirst) : open;
  }
  std::uint64_t open = ~bits_[*place / 64] & (~std::uint64_t{0} << (*place % 64));
  for (std::size_t word = *place / 64;; open = ~bits_[word]) {
    if (open != 0) {
      const std::size_t found = word * 64 + static_cast<std::size_t>(std::countr_zero(open));
      return found < kDays ? kFirst + days(found) : OpenWeekday(kEnd, 1);
    }
    if (++word == kWords) return OpenWeekday(kEnd, 1);
  }
}

std::optional<Day> ExcludedDays::OpenUpTo(Day day) const {
  const auto place = PlaceOf(day);
  if (!place) {
    const auto open = OpenWeekday(day, -1);
    return open && day >= kEnd && *open < kEnd ? OpenUpTo(kEnd - days(1)) : open;
  }
  std::uint64_t open = ~bits_[*place / 64] & (~std::uint64_t{0} >> (63 - *place % 64));
  for (std::size_t word = *place / 64;; open = ~bits_[--word]) {
    if (open != 0) return kFirst + days(word * 64 + 63 - static_cast<std::size_t>(std::countl_zero(open)));
    if (word == 0) return OpenWeekday(kFirst - days(1), -1);
  }
}

}  // namespace pipelined
