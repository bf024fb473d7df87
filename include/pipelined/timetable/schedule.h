// What a DAG file says about when its runs are due. Plain data; MakeTimetable (timetable.h) turns it into behaviour.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "pipelined/base/time.h"

namespace pipelined {

enum class ScheduleKind : std::uint8_t {
  kNone,        // only by hand (`schedule: null`)
  kCron,        // one or several cron expressions; presets are resolved to theirs ("@daily" -> "0 0 * * *")
  kEvery,       // a fixed length of elapsed time
  kOnce,        // @once
  kContinuous,  // @continuous
  kAssets,      // loads and is shown; what starts such a run comes later
  kEvents,      // a list of instants
};

// Airflow 3's default fires at the tick, with an interval of no length; Airflow 2's fires at the end of [tick, next).
enum class DataIntervalMeaning : std::uint8_t { kTrigger, kInterval };

// A step of the calendar (in UTC): months first, the day cut down to the month's last one, then days, then
// `Schedule::every`.
struct CalendarParts {
  std::int32_t months = 0;
  std::int32_t days = 0;
  friend bool operator==(const CalendarParts&, const CalendarParts&) = default;
};

// Airflow's run_immediately: whether a trigger schedule without a start date and without an earlier run takes the slot
// that has just passed. kWhenRecent: at most max(a tenth of the gap, 5 minutes) ago; kWithin: at most
// `first_slot_within` ago.
enum class FirstSlot : std::uint8_t { kWhenRecent, kAlways, kWithin };

// The days from `first` through `last`.
struct DayRange {
  std::chrono::sys_days first;
  std::chrono::sys_days last;
  friend bool operator==(const DayRange&, const DayRange&) = default;
};

// What becomes of a tick on an excluded day: it is left out, or moves to the same wall time on the next day that is not
// excluded. Two ticks that meet there are one.
enum class OnExcluded : std::uint8_t { kSkip, kNext };

// Days, on the wall clock of the schedule's zone, on which no run is due.
struct Calendar {
  std::vector<DayRange> days;
  std::uint8_t weekdays = 0;          // bits 0 (Sunday)..6
  std::vector<std::string> holidays;  // iCalendar files, absolute paths; a ZoneSource reads them
  OnExcluded on_excluded = OnExcluded::kSkip;

  bool empty() const { return days.empty() && weekdays == 0 && holidays.empty(); }
  friend bool operator==(const Calendar&, const Calendar&) = default;
};

struct Schedule {
  ScheduleKind kind = ScheduleKind::kNone;
  std::vector<std::string> crons;
  Micros every{0};
  CalendarParts every_calendar;     // together with `every`; all zero: a fixed length
  std::vector<Instant> events;      // in any order
  bool restrict_to_events = false;  // a run by hand takes the interval of the latest past event
  std::vector<std::string> assets;  // names or URIs, flattened
  std::string text;                 // as a person wrote it, for listings: "0 6 * * *", "@daily", "every 15m"
  std::string timezone = "UTC";
  std::optional<Instant> start_date;
  std::optional<Instant> end_date;
  bool catchup = false;
  DataIntervalMeaning data_interval = DataIntervalMeaning::kTrigger;
  CalendarParts interval_calendar;  // kTrigger: the length of the data interval before the tick …
  Micros interval{0};               // … together with this
  FirstSlot first_slot = FirstSlot::kWhenRecent;
  Micros first_slot_within{0};
  Calendar calendar;        // kCron, kEvery and kEvents only
  Micros jitter{0};         // as written
  Micros jitter_offset{0};  // this DAG's own part of it, in [0, jitter): JitterOffset()

  friend bool operator==(const Schedule&, const Schedule&) = default;
};

}  // namespace pipelined
