// The footer of a TZif file: a POSIX TZ text such as "CET-1CEST,M3.5.0,M10.5.0/3", with RFC 8536's wider hours.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace pipelined {

// Immutable. Seconds since 1970 (UTC) throughout; offsets are seconds east of Greenwich.
class PosixRule {
 public:
  struct Change {
    std::int64_t at;
    std::int32_t offset;  // from `at` on
  };

  // Nothing when the text is no POSIX TZ value.
  static std::optional<PosixRule> Parse(std::string_view text);

  bool has_summer_time() const { return summer_.has_value(); }
  std::int32_t standard_offset() const { return standard_; }
  // The two changes of a local calendar year, in order of time. Only with summer time.
  std::array<Change, 2> ChangesOf(std::int64_t year) const;

 private:
  struct Day {
    enum class Kind : std::uint8_t { kMonthWeekDay, kJulian, kZeroBased } kind = Kind::kZeroBased;
    int month = 0, week = 0, day = 0;
    std::int32_t time = 7200;  // wall-clock seconds after midnight; may be negative or beyond a day
  };
  class Reader;
  static std::int64_t WallSeconds(const Day& day, std::int64_t year);

  std::int32_t standard_ = 0;
  std::optional<std::int32_t> summer_;
  Day to_summer_, to_standard_;
};

}  // namespace pipelined
