// Next runs, fire times and data intervals, as Airflow gives them.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "pipelined/timetable/cron.h"
#include "pipelined/timetable/timetable.h"
#include "pipelined/zoneinfo/system_zones.h"
#include "support/conformance_table.h"

namespace pipelined {
namespace {

using testing::Tally;
using testing::Text;

void Close(const Tally& tally) {
  tally.Print();
  EXPECT_EQ(tally.failed(), 0);
}

bool Flag(const Value& c, std::string_view key) {
  const Value* value = c.Find(key);
  return value != nullptr && value->is_bool() && value->boolean();
}

std::int64_t Whole(const Value& c, std::string_view key) {
  const Value* value = c.Find(key);
  return value != nullptr && value->is_number() ? std::llround(value->number()) : 0;
}

std::optional<Instant> When(const Value& c, std::string_view key) {
  const std::string text = Text(c, key);
  if (text.empty()) return std::nullopt;
  return *ParseInstant(text);
}

Micros FromSeconds(const Value& c, std::string_view key) {
  const Value* value = c.Find(key);
  return value != nullptr && value->is_number() ? Micros(std::llround(value->number() * 1e6)) : Micros(0);
}

void ReadDelta(const Value& delta, Schedule& schedule) {
  schedule.every_calendar.months = static_cast<std::int32_t>(Whole(delta, "years") * 12 + Whole(delta, "months"));
  schedule.every_calendar.days = static_cast<std::int32_t>(Whole(delta, "weeks") * 7 + Whole(delta, "days"));
  schedule.every = std::chrono::hours(Whole(delta, "hours")) + std::chrono::minutes(Whole(delta, "minutes")) +
                   FromSeconds(delta, "seconds");
}

void ReadKind(const std::string& kind, Schedule& schedule) {
  schedule.data_interval = kind.ends_with("_interval") ? DataIntervalMeaning::kInterval : DataIntervalMeaning::kTrigger;
  if (kind.find("cron") != std::string::npos) schedule.kind = ScheduleKind::kCron;
  if (kind.starts_with("delta")) schedule.kind = ScheduleKind::kEvery;
  if (kind == "events") schedule.kind = ScheduleKind::kEvents;
  if (kind == "once") schedule.kind = ScheduleKind::kOnce;
  if (kind == "continuous") schedule.kind = ScheduleKind::kContinuous;
}

Schedule ReadSchedule(const Value& c, const std::string& kind) {
  Schedule schedule;
  ReadKind(kind, schedule);
  if (const std::string cron = Text(c, "cron"); !cron.empty()) schedule.crons = {cron};
  if (const Value* crons = c.Find("crons"); crons != nullptr && crons->is_list()) {
    for (const Value& cron : crons->list()) schedule.crons.push_back(cron.string());
  }
  if (const Value* events = c.Find("events"); events != nullptr && events->is_list()) {
    for (const Value& event : events->list()) schedule.events.push_back(*ParseInstant(event.string()));
  }
  if (const Value* delta = c.Find("delta"); delta != nullptr && delta->is_map()) ReadDelta(*delta, schedule);
  schedule.timezone = Text(c, "timezone", "UTC");
  schedule.start_date = When(c, "start_date");
  schedule.end_date = When(c, "end_date");
  schedule.catchup = Flag(c, "catchup");
  schedule.interval = FromSeconds(c, "interval_s");
  schedule.restrict_to_events = Flag(c, "restrict_to_events");
  if (Flag(c, "run_immediately")) schedule.first_slot = FirstSlot::kAlways;
  if (const Value* first = c.Find("run_immediately"); first != nullptr && first->is_map()) {
    schedule.first_slot = FirstSlot::kWithin;
    schedule.first_slot_within = FromSeconds(*first, "within_s");
  }
  return schedule;
}

std::string Describe(const DataInterval& interval) {
  return FormatInstant(interval.start) + " to " + FormatInstant(interval.end);
}

std::string Describe(const std::optional<DueRun>& run) {
  if (!run) return "no run";
  return FormatInstant(run->logical_date) + ", " + Describe(run->interval) + ", due " + FormatInstant(run->run_after);
}

// An error of Airflow's gives the DAG no run either.
std::string ExpectedNext(const Value& c) {
  const Value* next = c.Find("next");
  if (next == nullptr || !next->is_map() || next->Find("error") != nullptr) return "no run";
  return Describe(DueRun{*When(*next, "logical_date"),
                         {*When(*next, "data_interval_start"), *When(*next, "data_interval_end")},
                         *When(*next, "run_after")});
}

// Airflow fails internally here: we may know better.
bool IsFault(const Value& c) {
  const Value* next = c.Find("next");
  const std::string error = next != nullptr ? Text(*next, "error") : "";
  return error == "assertion" || error == "did_not_advance";
}

class Timetables : public ::testing::Test {
 protected:
  std::string Next(const Value& c, const Schedule& schedule) {
    const auto timetable = MakeTimetable(schedule, zones_);
    if (!timetable) return "refused: " + timetable.error().message;
    if (!*timetable) return "no run";
    std::optional<DataInterval> last;
    if (const Value* interval = c.Find("last"); interval != nullptr && interval->is_map()) {
      last = DataInterval{*When(*interval, "start"), *When(*interval, "end")};
    }
    return Describe((*timetable)->Next(last, *When(c, "now")));
  }

  std::string Manual(const Value& c, const Schedule& schedule) {
    const Instant run_after = *When(c, "run_after");
    const auto timetable = MakeTimetable(schedule, zones_);
    if (!timetable) return "refused: " + timetable.error().message;
    return Describe(*timetable ? (*timetable)->ManualInterval(run_after) : DataInterval{run_after, run_after});
  }

  void Run(const std::string& table, const std::string& kind_of_all = "") {
    Tally tally(table);
    std::vector<testing::Case> cases = testing::ReadTable(table);
    for (testing::Case& c : cases) {
      if (IsFault(c)) c.Set("quirk", "fails");
      const Schedule schedule = ReadSchedule(c, Text(c, "kind", kind_of_all));
      const bool manual = Flag(c, "manual");
      const std::string got = manual ? Manual(c, schedule) : Next(c, schedule);
      const std::string expected =
          manual ? Describe(DataInterval{*When(c, "data_interval_start"), *When(c, "data_interval_end")})
                 : ExpectedNext(c);
      tally.Add(got == expected, c, got);
    }
    Close(tally);
  }

  SystemZones zones_;
};

TEST_F(Timetables, CronWithDataIntervals) {
  Run("cron-intervals.jsonl", "cron_interval");
}
TEST_F(Timetables, CronTriggers) {
  Run("cron-trigger.jsonl");
}
TEST_F(Timetables, DeltasEventsOnceContinuous) {
  Run("delta.jsonl");
}

// The instants at which a catching-up trigger fires one after the other from `from` on.
std::vector<std::string> Fires(const Timetable& timetable, Instant from, std::size_t count) {
  std::vector<std::string> fires;
  std::optional<DataInterval> last = DataInterval{from, from};
  while (fires.size() < count) {
    const auto run = timetable.Next(last, from);
    if (!run) break;
    fires.push_back(FormatInstant(run->run_after));
    last = run->interval;
  }
  return fires;
}

TEST_F(Timetables, CronFires) {
  Tally tally("cron-fires.jsonl");
  for (const testing::Case& c : testing::ReadTable("cron-fires.jsonl")) {
    if (Text(c, "kind") == "invalid") {
      tally.Add(!Cron::Parse(Text(c, "cron")).ok(), c, "accepted");
      continue;
    }
    Schedule schedule = ReadSchedule(c, "cron_trigger");
    schedule.catchup = true;
    const auto timetable = MakeTimetable(schedule, zones_);
    if (!timetable) {
      tally.Add(false, c, "refused: " + timetable.error().message);
      continue;
    }
    std::vector<std::string> expected;
    for (const Value& fire : c.Find("fires")->list()) expected.push_back(fire.string());
    const std::size_t count = expected.size() + (Text(c, "then") == "no_more_dates" ? 1 : 0);
    const std::vector<std::string> fires = Fires(**timetable, *When(c, "from"), count);
    std::string got;
    for (const std::string& fire : fires) got += fire + " ";
    tally.Add(fires == expected, c, got);
  }
  Close(tally);
}

}  // namespace
}  // namespace pipelined
