// What the next run of a schedule costs: `Next` of timetables on dense, ordinary and rare expressions, in zones with
// and without summer time, near and far in time.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include "pipelined/base/clock.h"
#include "pipelined/timetable/timetable.h"
#include "pipelined/zoneinfo/system_zones.h"

namespace {

using namespace pipelined;

constexpr int kFires = 200, kCallsPerFire = 50, kRounds = 5;

struct Case {
  const char* cron;
  const char* zone;
  const char* from;
};

constexpr Case kCases[] = {
    {"* * * * *", "UTC", "2026-01-01T00:00:00Z"},
    {"0 6 * * *", "UTC", "2026-01-01T00:00:00Z"},
    {"0 6 * * *", "Europe/Berlin", "2026-01-01T00:00:00Z"},
    {"*/15 8-18 * * MON-FRI", "America/New_York", "2026-01-01T00:00:00Z"},
    {"0 * * * *", "Europe/Berlin", "2026-01-01T00:00:00Z"},
    {"*/10 * * * * */5", "Australia/Lord_Howe", "2026-01-01T00:00:00Z"},
    {"0 0 1 * *", "Europe/Berlin", "2026-01-01T00:00:00Z"},
    {"0 0 L * *", "Asia/Kolkata", "2026-01-01T00:00:00Z"},
    {"0 0 15W */3 *", "Europe/Berlin", "2026-01-01T00:00:00Z"},
    {"0 6 * * *", "Europe/Berlin", "2350-01-01T00:00:00Z"},
    {"0 0 29 2 *", "UTC", "2026-01-01T00:00:00Z"},
    {"0 0 29 2 *", "Europe/Berlin", "2026-01-01T00:00:00Z"},
    {"0 0 * 2 1#5", "Europe/Berlin", "2026-01-01T00:00:00Z"},
    {"0 0 * 2 1#5", "Australia/Lord_Howe", "2226-01-01T00:00:00Z"},
    {"0 0 29 2 1#5", "Europe/Berlin", "2026-01-01T00:00:00Z"},
    {"*/30 * 29 2 *", "Europe/Dublin", "2026-01-01T00:00:00Z"},
    {"0 0 1 1 * 0 2099", "Europe/Berlin", "2049-06-01T00:00:00Z"},
    {"0 0 30 2 *", "Europe/Berlin", "2026-01-01T00:00:00Z"},
};

std::shared_ptr<const Timetable> Make(const Case& c, DataIntervalMeaning meaning, const ZoneSource& zones) {
  Schedule schedule;
  schedule.kind = ScheduleKind::kCron;
  schedule.crons = {c.cron};
  schedule.timezone = c.zone;
  schedule.catchup = true;
  schedule.data_interval = meaning;
  auto made = MakeTimetable(schedule, zones);
  if (!made) std::abort();
  return *made;
}

// Microseconds of one call, for each of the next fires; each the least of some rounds, which leaves out what the
// machine did meanwhile.
std::vector<double> Times(const Timetable& timetable, Instant from) {
  const Clock& clock = SystemClock();
  std::vector<double> times;
  DataInterval last{from, from};
  for (int fire = 0; fire < kFires; ++fire) {
    double least = 1e9;
    std::optional<DueRun> run;
    for (int round = 0; round < kRounds; ++round) {
      const Micros start = clock.Monotonic();
      for (int call = 0; call < kCallsPerFire; ++call) run = timetable.Next(last, from);
      least = std::min(least, static_cast<double>((clock.Monotonic() - start).count()) / kCallsPerFire);
    }
    times.push_back(least);
    if (!run) break;
    last = run->interval;
  }
  std::sort(times.begin(), times.end());
  return times;
}

}  // namespace

int main() {
  const SystemZones zones;
  std::vector<double> all;
  fmt::print("{:<22} {:<20} {:>6}  {:>12} {:>9}  {:>12} {:>9}\n", "cron", "zone", "from", "trigger p50", "worst",
             "interval p50", "worst, µs");
  for (const Case& c : kCases) {
    fmt::print("{:<22} {:<20} {:>6.4}", c.cron, c.zone, c.from);
    for (const auto meaning : {DataIntervalMeaning::kTrigger, DataIntervalMeaning::kInterval}) {
      const auto times = Times(*Make(c, meaning, zones), *ParseInstant(c.from));
      fmt::print("  {:>12.2f} {:>9.2f}", times[times.size() / 2], times.back());
      if (meaning == DataIntervalMeaning::kTrigger) all.insert(all.end(), times.begin(), times.end());
    }
    fmt::print("\n");
  }
  std::sort(all.begin(), all.end());
  fmt::print("all triggers: p50 {:.2f} µs, p99 {:.2f} µs, worst {:.2f} µs, {} fires\n", all[all.size() / 2],
             all[all.size() * 99 / 100], all.back(), all.size());
}
