// Cron expressions: minute, hour, day of month, month, day of week, then optionally second and year (in that order, as
// Airflow reads them). Wall-clock arithmetic only; cron_clock.h adds the zone.
//
// Day of month and day of week: a day needs one of them when both are restricted; only a plain `*` or `?` is
// unrestricted. Where the day of week has # or L, the day of month does not count, but the two must be able to meet:
// Airflow's rule.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <optional>
#include <string_view>

#include "pipelined/base/time.h"

namespace pipelined {

class ExcludedDays;

// A part of a text, in bytes.
struct TextSpan {
  std::size_t offset = 0;
  std::size_t length = 0;
};

// Immutable and thread-safe.
class Cron {
 public:
  static constexpr int kFirstYear = 1970, kLastYear = 2099;  // what a year field may name
  static constexpr std::size_t kLongest = 1000;              // characters of an expression

  // Presets ("@daily") too. kInvalid names the field and what would be right; any bytes are safe. `mistake`, when
  // given, is where in the expression the offending part stands.
  static Result<Cron> Parse(std::string_view expression, TextSpan* mistake = nullptr);

  // The first match after `local` and the last one before it (strictly), or nothing when there is none within 50 years.
  // Days in `excluded` (which may be nullptr) do not match; when it moves their matches, the next day does instead.
  std::optional<LocalTime> After(LocalTime local, const ExcludedDays* excluded = nullptr) const;
  std::optional<LocalTime> Before(LocalTime local, const ExcludedDays* excluded = nullptr) const;

  bool Matches(LocalTime local, const ExcludedDays* excluded = nullptr) const {
    return After(local - Micros(1), excluded) == local;
  }

  // Whether there is any date like that: not for "0 0 30 2 *".
  bool ever_matches() const;

  // Whether all 24 hours match: such a schedule follows elapsed time over a change of the clock.
  bool every_hour() const { return hours_ == kAllHours; }

 private:
  friend class CronParser;
  static constexpr std::uint64_t kAllHours = (std::uint64_t{1} << 24) - 1;

  Cron() = default;
  bool YearMatches(int year) const;
  struct Days {
    std::uint32_t match = 0;  // bit n: day n of that month matches
    std::uint32_t meet = 0;   // bit n: day of month and day of week both match
  };
  Days DaysOf(int year, int month) const;
  std::uint32_t MatchOf(int year, int month, const ExcludedDays* excluded) const;
  std::uint32_t MovedDays(int year, int month, std::uint32_t match, const ExcludedDays& excluded) const;
  bool MovesInto(int year, int month, const ExcludedDays& excluded) const;
  bool must_meet() const;
  bool MeetsWithin50Years(int year, int direction) const;
  std::optional<int> SecondOfDayFrom(int second) const;  // first match at or after
  std::optional<int> SecondOfDayUpTo(int second) const;  // last match at or before

  std::uint64_t seconds_ = 1, minutes_ = 0, hours_ = 0;
  std::uint32_t days_ = 0;             // bits 1..31
  std::uint32_t months_ = 0;           // bits 1..12
  std::uint32_t weekdays_ = 0;         // bits 0 (Sunday)..6
  bool any_day_ = false;               // day of month is `*` or `?`
  bool any_weekday_ = false;           // day of week is `*` or `?`
  bool last_day_ = false;              // L
  int nearest_weekday_ = 0;            // 15W; 0: none
  std::array<std::uint8_t, 7> nth_{};  // by weekday: bits 1..5 the nth of the month (1#2), bit 0 the last (L1)
  std::optional<std::bitset<kLastYear - kFirstYear + 1>> years_;
};

}  // namespace pipelined
