// The days of a Calendar, resolved: a bit for each day from 1970 through 2199, weekdays alone before and after.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include "pipelined/timetable/schedule.h"

namespace pipelined {

// Immutable once made; thread-safe. Every question takes a few operations per 64 days looked at.
class ExcludedDays {
 public:
  using Day = std::chrono::sys_days;
  static constexpr int kFirstYear = 1970, kLastYear = 2199;

  ExcludedDays(std::uint8_t weekdays, OnExcluded on_excluded);
  void Add(Day first, Day last);  // what lies outside the years is left out

  bool moves() const { return on_excluded_ == OnExcluded::kNext; }
  bool Contains(Day day) const;
  // Bit n: day n of the month is excluded.
  std::uint32_t Month(int year, int month) const;
  // The first day at or after `day`, and the last one at or before it, that is not excluded.
  std::optional<Day> OpenFrom(Day day) const;
  std::optional<Day> OpenUpTo(Day day) const;

 private:
  static constexpr std::uint8_t kEveryWeekday = 0x7f;
  std::optional<std::size_t> PlaceOf(Day day) const;
  std::optional<Day> OpenWeekday(Day day, int direction) const;

  std::uint8_t weekdays_;
  OnExcluded on_excluded_;
  std::vector<std::uint64_t> bits_;
};

}  // namespace pipelined
