#include "timetable/step.h"

namespace pipelined {

namespace {

using std::chrono::days;

Instant AddSigned(Instant instant, const Step& step, int sign) {
  if (step.calendar.months != 0) {
    const auto midnight = std::chrono::floor<days>(instant);
    std::chrono::year_month_day date(midnight);
    date += std::chrono::months(sign * step.calendar.months);
    if (!date.ok()) date = date.year() / date.month() / std::chrono::last;
    instant = std::chrono::sys_days(date) + (instant - midnight);
  }
  return instant + sign * (days(step.calendar.days) + step.fixed);
}

}  // namespace

Instant Add(Instant instant, const Step& step) {
  return AddSigned(instant, step, 1);
}
Instant Subtract(Instant instant, const Step& step) {
  return AddSigned(instant, step, -1);
}

Micros RoughLength(const Step& step) {
  const int years = step.calendar.months / 12, months = step.calendar.months % 12;
  return days(years * 365 + months * 30 + step.calendar.days) + step.fixed;
}

}  // namespace pipelined
