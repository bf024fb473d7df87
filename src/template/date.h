// Dates as Python and pendulum know them: a wall-clock reading, with or without the zone that it was read in.
#pragma once

#include <string>
#include <string_view>

#include "pipelined/base/time.h"

namespace pipelined {
class Scope;
}

namespace pipelined::tmpl {

struct DateTime {
  Micros local{0};    // the reading, as if it were UTC, since 1970
  bool aware = true;  // false: no zone at all
  bool date_only = false;
  Seconds offset{0};  // east of UTC
  std::string zone = "UTC";
  const Scope* zones = nullptr;  // knows the offsets of `zone`; lives as long as the rendering

  Micros utc() const { return local - offset; }
  static DateTime Utc(Instant instant) {
    DateTime date;
    date.local = instant.time_since_epoch();
    return date;
  }
};

struct Fields {
  int year = 1970, month = 1, day = 1, hour = 0, minute = 0, second = 0, micro = 0;
  int weekday = 0;   // Monday is 0
  int year_day = 1;  // from 1
};

// Years 1 to 9999, as in Python; otherwise ValueError.
Fields FieldsOf(const DateTime& date);
Micros LocalOf(const Fields& fields);  // ValueError when there is no such day or time
int LastDay(int year, int month);
DateTime AtReading(const DateTime& date, Micros local);  // in the same zone, the clock showing something else

std::string DateText(const DateTime& date);  // str(): "2026-03-01 06:00:00+00:00"
std::string DateIso(const DateTime& date, char separator = 'T');
std::string OffsetText(Seconds offset, bool colon);  // "+01:00"
std::string DeltaText(Micros delta);                 // "1 day, 1:30:00"

std::string Strftime(const DateTime& date, std::string_view format);
DateTime Strptime(std::string_view text, std::string_view format);          // ValueError when it does not match
DateTime ParseAnyDate(std::string_view text);                               // ISO-like texts; ValueError otherwise
std::string PendulumFormat(const DateTime& date, std::string_view format);  // "YYYY-MM-DD HH:mm"
// CLDR's pattern ("EEEE dd MMMM yyyy") in a language: "de_DE", "fr" …; ValueError for others and for what it has not.
std::string LocaleFormat(const DateTime& date, std::string_view pattern, std::string_view locale);

DateTime AddMonths(const DateTime& date, std::int64_t months);  // the day is cut to the month's last
DateTime AddDays(const DateTime& date, std::int64_t days);      // by the wall clock
DateTime AddMicros(const DateTime& date, Micros by);            // elapsed time
DateTime StartOf(const DateTime& date, std::string_view unit);  // "month" …
DateTime EndOf(const DateTime& date, std::string_view unit);
DateTime InZone(const DateTime& date, std::string_view zone, const Scope& zones);

}  // namespace pipelined::tmpl
