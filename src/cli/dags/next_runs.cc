#include "cli/dags/next_runs.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

namespace pipelined::cli {

NextRuns ListNextRuns(const Timetable& timetable, std::optional<DataInterval> last, Instant now, std::size_t count) {
  NextRuns next;
  while (next.runs.size() < count) {
    const auto due = timetable.Next(last, now);
    if (!due) {
      next.ended = true;
      break;
    }
    next.runs.push_back(*due);
    last = due->interval;
    now = std::max(now, due->run_after);
  }
  return next;
}

std::string FormatInZone(Instant instant, const Zone& zone) {
  static constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  const Instant shifted(zone.ToLocal(std::chrono::floor<Seconds>(instant)).time_since_epoch());
  const std::string text = FormatInstant(shifted);  // 2026-11-28T06:00:00Z
  const auto minutes = std::chrono::duration_cast<std::chrono::minutes>(zone.OffsetAt(instant)).count();
  const std::chrono::weekday day(std::chrono::floor<std::chrono::days>(shifted));
  return fmt::format("{} {} {}{}{:02}:{:02}", kDays[day.c_encoding()], text.substr(0, 10), text.substr(11, 8),
                     minutes < 0 ? "-" : "+", std::abs(minutes) / 60, std::abs(minutes) % 60);
}

}  // namespace pipelined::cli
