#include "template/date.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "pipelined/template/template.h"
#include "template/fault.h"

namespace pipelined::tmpl {
namespace {

using std::chrono::days;
constexpr std::int64_t kDay = 86'400'000'000;

std::int64_t FloorDiv(std::int64_t a, std::int64_t b) {
  return a / b - (a % b < 0 ? 1 : 0);
}

std::chrono::year_month_day Civil(Micros local) {
  return std::chrono::year_month_day(std::chrono::sys_days(days(FloorDiv(local.count(), kDay))));
}

}  // namespace

int LastDay(int year, int month) {
  const std::chrono::year_month_day_last last{
      std::chrono::year(year), std::chrono::month_day_last(std::chrono::month(static_cast<unsigned>(month)))};
  return static_cast<int>(static_cast<unsigned>(last.day()));
}

DateTime AtReading(const DateTime& date, Micros local) {
  constexpr Micros kFirst(std::chrono::sys_days(std::chrono::year(1) / 1 / 1).time_since_epoch());
  constexpr Micros kEnd(std::chrono::sys_days(std::chrono::year(10000) / 1 / 1).time_since_epoch());
  if (local < kFirst || local >= kEnd) ValueError("the date is out of range: years 1 to 9999");
  DateTime moved = date;
  moved.local = local;
  if (date.zones != nullptr) {  // the offset that holds there; a reading in a gap or a fold may be off by its length
    for (int pass = 0; pass < 2; ++pass) {
      moved.offset = date.zones->ZoneOffset(date.zone, Instant(local - moved.offset)).value_or(moved.offset);
    }
  }
  return moved;
}

Fields FieldsOf(const DateTime& date) {
  const auto civil = Civil(date.local);
  const std::int64_t day_number = FloorDiv(date.local.count(), kDay);
  const std::int64_t micros = date.local.count() - day_number * kDay;
  const auto seconds = static_cast<int>(micros / 1'000'000);
  Fields f;
  f.year = static_cast<int>(civil.year());
  f.month = static_cast<int>(static_cast<unsigned>(civil.month()));
  f.day = static_cast<int>(static_cast<unsigned>(civil.day()));
  f.hour = seconds / 3600;
  f.minute = seconds / 60 % 60;
  f.second = seconds % 60;
  f.micro = static_cast<int>(micros % 1'000'000);
  f.weekday = static_cast<int>(((day_number + 3) % 7 + 7) % 7);
  f.year_day =
      static_cast<int>(day_number - std::chrono::sys_days(civil.year() / 1 / 1).time_since_epoch().count()) + 1;
  return f;
}

Micros LocalOf(const Fields& f) {
  if (f.year < 1 || f.year > 9999) ValueError(fmt::format("year {} is out of range", f.year));
  if (f.month < 1 || f.month > 12) ValueError("month must be in 1..12");
  if (f.day < 1 || f.day > LastDay(f.year, f.month)) ValueError("day is out of range for month");
  if (f.hour < 0 || f.hour > 23) ValueError("hour must be in 0..23");
  if (f.minute < 0 || f.minute > 59) ValueError("minute must be in 0..59");
  if (f.second < 0 || f.second > 59) ValueError("second must be in 0..59");
  if (f.micro < 0 || f.micro > 999'999) ValueError("microsecond must be in 0..999999");
  const std::chrono::sys_days day(std::chrono::year(f.year) / f.month / f.day);
  return Micros(day.time_since_epoch()) + Seconds(f.hour * 3600 + f.minute * 60 + f.second) + Micros(f.micro);
}

std::string OffsetText(Seconds offset, bool colon) {
  const std::int64_t total = std::abs(offset.count());
  std::string text =
      fmt::format("{}{:02}{}{:02}", offset.count() < 0 ? '-' : '+', total / 3600, colon ? ":" : "", total / 60 % 60);
  if (total % 60 != 0) text += fmt::format("{}{:02}", colon ? ":" : "", total % 60);
  return text;
}

std::string DateIso(const DateTime& date, char separator) {
  const Fields f = FieldsOf(date);
  std::string text = fmt::format("{:04}-{:02}-{:02}", f.year, f.month, f.day);
  if (date.date_only) return text;
  text += fmt::format("{}{:02}:{:02}:{:02}", separator, f.hour, f.minute, f.second);
  if (f.micro != 0) text += fmt::format(".{:06}", f.micro);
  if (date.aware) text += OffsetText(date.offset, true);
  return text;
}

std::string DateText(const DateTime& date) {
  return DateIso(date, ' ');
}

std::string DeltaText(Micros delta) {
  const std::int64_t day = FloorDiv(delta.count(), kDay);
  const std::int64_t micros = delta.count() - day * kDay;
  const std::int64_t seconds = micros / 1'000'000;
  std::string text;
  if (day != 0) text = fmt::format("{} day{}, ", day, day == 1 || day == -1 ? "" : "s");
  text += fmt::format("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
  if (micros % 1'000'000 != 0) text += fmt::format(".{:06}", micros % 1'000'000);
  return text;
}

DateTime AddMonths(const DateTime& date, std::int64_t months) {
  if (months > 120'000 || months < -120'000) ValueError("the date is out of range: years 1 to 9999");
  Fields f = FieldsOf(date);
  const std::int64_t month = static_cast<std::int64_t>(f.year) * 12 + f.month - 1 + months;
  if (month < 12 || month >= 120'000) ValueError("the date is out of range: years 1 to 9999");
  f.year = static_cast<int>(month / 12);
  f.month = static_cast<int>(month % 12) + 1;
  f.day = std::min(f.day, LastDay(f.year, f.month));
  return AtReading(date, LocalOf(f));
}

DateTime AddDays(const DateTime& date, std::int64_t count) {
  if (count > 4'000'000 || count < -4'000'000) ValueError("the date is out of range: years 1 to 9999");
  return AtReading(date, date.local + days(count));
}

DateTime AddMicros(const DateTime& date, Micros by) {
  std::int64_t sum = 0;
  if (__builtin_add_overflow(date.local.count(), by.count(), &sum))
    ValueError("the date is out of range: years 1 to 9999");
  if (date.zones == nullptr) return AtReading(date, Micros(sum));
  const DateTime utc = AtReading(DateTime::Utc(Instant(date.utc())), Micros(sum) - date.offset);
  return InZone(utc, date.zone, *date.zones);
}

DateTime StartOf(const DateTime& date, std::string_view unit) {
  Fields f = FieldsOf(date);
  f.micro = 0;
  if (unit == "second") return AtReading(date, LocalOf(f));
  f.second = 0;
  if (unit == "minute") return AtReading(date, LocalOf(f));
  f.minute = 0;
  if (unit == "hour") return AtReading(date, LocalOf(f));
  f.hour = 0;
  if (unit == "day") return AtReading(date, LocalOf(f));
  if (unit == "week") return AtReading(date, LocalOf(f) - days(f.weekday));
  f.day = 1;
  if (unit == "month") return AtReading(date, LocalOf(f));
  f.month = 1;
  if (unit == "year") return AtReading(date, LocalOf(f));
  if (unit == "decade") f.year -= f.year % 10;
  if (unit == "century") f.year = (f.year - 1) / 100 * 100 + 1;
  if (unit != "decade" && unit != "century")
    ValueError(fmt::format("\"{}\" is no unit of time: second, minute, hour, day, week, month, year", unit));
  return AtReading(date, LocalOf(f));
}

DateTime EndOf(const DateTime& date, std::string_view unit) {
  const DateTime start = StartOf(date, unit);
  const int months = unit == "month" ? 1 : unit == "year" ? 12 : unit == "decade" ? 120 : unit == "century" ? 1200 : 0;
  if (months != 0) return AddMicros(AddMonths(start, months), Micros(-1));
  const std::int64_t seconds = unit == "second"   ? 1
                               : unit == "minute" ? 60
                               : unit == "hour"   ? 3600
                               : unit == "day"    ? 86'400
                                                  : 604'800;
  return AddMicros(start, Seconds(seconds) - Micros(1));
}

DateTime InZone(const DateTime& date, std::string_view zone, const Scope& zones) {
  const Instant at(date.aware ? date.utc() : date.local);
  DateTime moved;
  moved.zone = std::string(zone);
  if (zone != "UTC") {
    const std::optional<Seconds> offset = zones.ZoneOffset(zone, at);
    if (!offset) ValueError(fmt::format("there is no time zone \"{}\"", zone));
    moved.offset = *offset;
    moved.zones = &zones;
  }
  return AtReading(moved, at.time_since_epoch() + moved.offset);
}

}  // namespace pipelined::tmpl
