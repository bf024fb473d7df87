// What a DAG file says about when its runs are due. Plain data; MakeTimetable (timetable.h) turns it into behaviour.
#pragma once

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
};

// Airflow 3's default fires at the tick, with an interval of no length; Airflow 2's fires at the end of [tick, next).
enum class DataIntervalMeaning : std::uint8_t { kTrigger, kInterval };

struct Schedule {
  ScheduleKind kind = ScheduleKind::kNone;
  std::vector<std::string> crons;
  Micros every{0};
  std::vector<std::string> assets;  // names or URIs, flattened
  std::string text;                 // as a person wrote it, for listings: "0 6 * * *", "@daily", "every 15m"
  std::string timezone = "UTC";
  std::optional<Instant> start_date;
  std::optional<Instant> end_date;
  bool catchup = false;
  DataIntervalMeaning data_interval = DataIntervalMeaning::kTrigger;

  friend bool operator==(const Schedule&, const Schedule&) = default;
};

}  // namespace pipelined
