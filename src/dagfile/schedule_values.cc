#include "dagfile/schedule_values.h"

#include <fmt/format.h>

#include "dagfile/keys.h"
#include "dagfile/mistakes.h"
#include "dagfile/values.h"

namespace pipelined::dagfile {
namespace {

constexpr std::string_view kDateHint =
    "for example 2026-01-01, 2026-01-01T06:00 (both in the DAG's timezone) or 2026-01-01T06:00:00Z";
constexpr std::string_view kLengthHint = "for example 500ms, 30s, 5m, 1h30m, PT5M, or seconds as a number";

struct Part {
  Key key;
  std::int64_t months, days, seconds;  // of one
};
constexpr Part kParts[] = {
    {Key::kYears, 12, 0, 0},   {Key::kMonths, 1, 0, 0},   {Key::kWeeks, 0, 7, 0},   {Key::kDays, 0, 1, 0},
    {Key::kHours, 0, 0, 3600}, {Key::kMinutes, 0, 0, 60}, {Key::kSeconds, 0, 0, 1},
};

bool TooLong(const Entry& entry, Reporter& reporter) {
  reporter.Error(Code::kBadLength, entry.place(), fmt::format("{} is longer than thirty years", entry.name()));
  return false;
}

bool ReadParts(const Entry& entry, Reporter& reporter, CalendarParts& calendar, Micros& fixed) {
  const std::size_t errors = reporter.errors();
  std::int64_t months = 0, days = 0, seconds = 0;
  EachKey(entry.value, kPartKeys, entry.name(), reporter, [&](Key key, const Entry& part) {
    constexpr std::int32_t kMost = 1'000'000'000;
    std::int32_t number = 0;
    if (!ReadInt(part, reporter, number, 0, kMost)) return;
    for (const Part& known : kParts) {
      if (known.key != key) continue;
      months += number * known.months;
      days += number * known.days;
      seconds += number * known.seconds;
    }
  });
  if (reporter.errors() != errors) return false;
  if (months + days + seconds == 0) {
    reporter.Error(Code::kBadLength, entry.place(), fmt::format("{} must be longer than nothing", entry.name()),
                   "for example {months: 1}");
    return false;
  }
  constexpr std::int64_t kMostSeconds = std::chrono::floor<Seconds>(kLongestLength).count();
  if (months > kMostSeconds / 86400 / 30 || days > kMostSeconds / 86400 || seconds > kMostSeconds)
    return TooLong(entry, reporter);
  calendar = {static_cast<std::int32_t>(months), static_cast<std::int32_t>(days)};
  fixed = Seconds(seconds);
  return true;
}

}  // namespace

std::optional<Instant> ReadInstant(NodeRef node, std::string_view name, const Zone& zone, Reporter& reporter) {
  const std::string_view text = node.text();
  if (const auto instant = ParseInstant(text)) return *instant;
  if (const auto local = ParseLocal(text)) return zone.ToInstant(*local);
  reporter.Error(Code::kBadDate, PlaceIn(node, DateMistake(text)),
                 fmt::format("{} is not a date: {}", name, Quoted(text)), std::string(kDateHint));
  return std::nullopt;
}

bool ReadPlainLength(const Entry& entry, Reporter& reporter, Micros& out) {
  if (!entry.value.is_scalar()) {
    ReportType(entry, reporter, "a duration", std::string(kLengthHint));
    return false;
  }
  const std::string_view text = entry.value.text();
  const Result<Micros> length = ParseDuration(text);
  if (length && *length > Micros(0) && *length <= kLongestLength) {
    out = *length;
    return true;
  }
  if (length && *length <= Micros(0)) {
    reporter.Error(Code::kBadLength, entry.place(), fmt::format("{} must be longer than nothing", entry.name()));
    return false;
  }
  if (!length && text.starts_with('-') && ParseDuration(text.substr(1))) {
    reporter.Error(Code::kBadLength, entry.place(), fmt::format("{} cannot be negative", entry.name()));
    return false;
  }
  const TextSpan mistake = DurationMistake(text);
  if (length || (mistake.length == 0 && !text.empty())) return TooLong(entry, reporter);
  reporter.Error(Code::kBadDuration, PlaceIn(entry.value, mistake),
                 fmt::format("{} is not a duration: {}", entry.name(), Quoted(text)), std::string(kLengthHint));
  return false;
}

bool ReadLength(const Entry& entry, Reporter& reporter, CalendarParts& calendar, Micros& fixed) {
  if (entry.value.is_map()) return ReadParts(entry, reporter, calendar, fixed);
  Micros length{0};
  if (!ReadPlainLength(entry, reporter, length)) return false;
  calendar = {};
  fixed = length;
  return true;
}

std::string LengthText(const CalendarParts& calendar, Micros fixed) {
  std::string text;
  const auto add = [&text](std::int64_t number, std::string_view unit) {
    if (number != 0) text += fmt::format("{}{} {}{}", text.empty() ? "" : " ", number, unit, number == 1 ? "" : "s");
  };
  add(calendar.months / 12, "year");
  add(calendar.months % 12, "month");
  add(calendar.days, "day");
  if (fixed != Micros(0)) text += (text.empty() ? "" : " ") + FormatDuration(fixed);
  return text;
}

}  // namespace pipelined::dagfile
