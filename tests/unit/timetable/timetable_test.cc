#include "pipelined/timetable/timetable.h"

#include <gmock/gmock.h>

#include "unit/timetable/zones_by_rule.h"

namespace pipelined {
namespace {

using testing::At;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::ZonesByRule;

Schedule CronIn(std::string cron, std::string zone = "UTC") {
  Schedule schedule;
  schedule.kind = ScheduleKind::kCron;
  schedule.crons = {std::move(cron)};
  schedule.timezone = std::move(zone);
  return schedule;
}

std::shared_ptr<const Timetable> Made(const Schedule& schedule) {
  return *MakeTimetable(schedule, ZonesByRule());
}

// When the runs after the one at `from` are due, all of them made by `now`.
std::vector<std::string> Due(const Schedule& schedule, std::string_view from, int count,
                             std::string_view now = "2000-01-01T00:00:00Z") {
  std::vector<std::string> due;
  std::optional<DataInterval> last = DataInterval{At(from), At(from)};
  while (static_cast<int>(due.size()) < count) {
    const auto run = Made(schedule)->Next(last, At(now));
    if (!run) break;
    due.push_back(FormatInstant(run->run_after));
    last = run->interval;
  }
  return due;
}

TEST(CronTrigger, ARunIsDueAtTheTickWithAnIntervalOfNoLength) {
  const auto run =
      Made(CronIn("0 6 * * *"))
          ->Next(DataInterval{At("2026-01-01T06:00:00Z"), At("2026-01-01T06:00:00Z")}, At("2026-01-01T07:00:00Z"));
  const Instant tick = At("2026-01-02T06:00:00Z");
  EXPECT_EQ(run, (DueRun{tick, {tick, tick}, tick}));
}

TEST(CronTrigger, WithoutCatchupOnlyTheLatestPastSlotRuns) {
  Schedule schedule = CronIn("*/1 * * * * *");
  schedule.start_date = At("1970-01-01T00:00:00Z");
  EXPECT_EQ(Made(schedule)->Next(std::nullopt, At("2026-01-01T00:00:00.5Z"))->run_after, At("2026-01-01T00:00:00Z"));
}

TEST(CronTrigger, WithCatchupRunsBeginAtTheStartDate) {
  Schedule schedule = CronIn("0 6 * * *");
  schedule.start_date = At("2020-01-01T06:00:00Z");
  schedule.catchup = true;
  EXPECT_EQ(Made(schedule)->Next(std::nullopt, At("2026-01-01T00:00:00Z"))->run_after, At("2020-01-01T06:00:00Z"));
}

TEST(CronTrigger, TheOnlyTickMayBeTheStartDateItself) {
  Schedule schedule = CronIn("0 6 1 1 * 0 2026");
  schedule.start_date = At("2026-01-01T06:00:00Z");
  EXPECT_EQ(Made(schedule)->Next(std::nullopt, At("2026-01-01T06:00:00Z"))->run_after, At("2026-01-01T06:00:00Z"));
  schedule.start_date = At("2026-01-01T06:00:01Z");
  EXPECT_EQ(Made(schedule)->Next(std::nullopt, At("2026-01-01T06:00:01Z")), std::nullopt);
}

TEST(CronTrigger, TheEndDateIsTheLastTick) {
  Schedule schedule = CronIn("0 6 * * *");
  schedule.end_date = At("2026-01-03T06:00:00Z");
  EXPECT_THAT(Due(schedule, "2026-01-01T06:00:00Z", 5), ElementsAre("2026-01-02T06:00:00Z", "2026-01-03T06:00:00Z"));
}

TEST(CronTrigger, SeveralExpressionsTakeTurns) {
  Schedule schedule = CronIn("0 6 * * *");
  schedule.crons.push_back("30 7 * * *");
  EXPECT_THAT(Due(schedule, "2026-01-01T06:00:00Z", 3),
              ElementsAre("2026-01-01T07:30:00Z", "2026-01-02T06:00:00Z", "2026-01-02T07:30:00Z"));
}

TEST(CronTrigger, AClockThatWentBackNeverFiresASlotAgain) {
  const Instant last = At("2026-01-05T06:00:00Z");
  EXPECT_EQ(Made(CronIn("0 6 * * *"))->Next(DataInterval{last, last}, At("2026-01-02T00:00:00Z"))->run_after,
            At("2026-01-06T06:00:00Z"));
}

TEST(SummerTime, ASkippedWallTimeRunsAtTheShiftedInstant) {
  EXPECT_THAT(Due(CronIn("30 2 * * *", "Europe/Berlin"), "2026-03-28T01:30:00Z", 2),
              ElementsAre("2026-03-29T01:30:00Z", "2026-03-30T00:30:00Z"));
}

TEST(SummerTime, ARepeatedWallTimeRunsOnceAtItsSecondOccurrence) {
  EXPECT_THAT(Due(CronIn("30 2 * * *", "Europe/Berlin"), "2026-10-24T00:30:00Z", 2),
              ElementsAre("2026-10-25T01:30:00Z", "2026-10-26T01:30:00Z"));
}

TEST(SummerTime, EveryHourFollowsElapsedTime) {
  for (const char* cron : {"0 * * * *", "0 */1 * * *", "0 0-23 * * *"}) {
    EXPECT_THAT(
        Due(CronIn(cron, "Europe/Berlin"), "2026-10-24T23:00:00Z", 4),
        ElementsAre("2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z", "2026-10-25T02:00:00Z", "2026-10-25T03:00:00Z"));
    EXPECT_THAT(Due(CronIn(cron, "Europe/Berlin"), "2026-03-29T00:00:00Z", 2),
                ElementsAre("2026-03-29T01:00:00Z", "2026-03-29T02:00:00Z"));
  }
}

TEST(SummerTime, EveryHourOnCertainDaysStaysOnTheWallClock) {
  EXPECT_THAT(Due(CronIn("*/30 * 31 12 *", "Europe/Dublin"), "2026-06-01T00:00:00Z", 1),
              ElementsAre("2026-12-31T00:00:00Z"));
}

TEST(CronInterval, ARunCoversTheTimeToTheNextTickAndIsDueThen) {
  Schedule schedule = CronIn("0 3 * * *", "Europe/Berlin");
  schedule.data_interval = DataIntervalMeaning::kInterval;
  const auto run = Made(schedule)->Next(DataInterval{At("2023-03-24T02:00:00Z"), At("2023-03-25T02:00:00Z")},
                                        At("2023-03-26T12:00:00Z"));
  EXPECT_EQ(run, (DueRun{At("2023-03-25T02:00:00Z"),
                         {At("2023-03-25T02:00:00Z"), At("2023-03-26T01:00:00Z")},
                         At("2023-03-26T01:00:00Z")}));
}

TEST(CronInterval, ARunByHandTakesTheLastCompleteInterval) {
  Schedule schedule = CronIn("@daily");
  schedule.data_interval = DataIntervalMeaning::kInterval;
  EXPECT_EQ(Made(schedule)->ManualInterval(At("2022-08-08T01:00:00Z")),
            (DataInterval{At("2022-08-07T00:00:00Z"), At("2022-08-08T00:00:00Z")}));
}

TEST(Every, ATriggerStepsFromTheLastRun) {
  Schedule schedule;
  schedule.kind = ScheduleKind::kEvery;
  schedule.every = std::chrono::minutes(15);
  EXPECT_THAT(Due(schedule, "2026-01-01T00:07:00Z", 2), ElementsAre("2026-01-01T00:22:00Z", "2026-01-01T00:37:00Z"));
}

TEST(Every, WithoutCatchupIntervalsLieOnTheGridSince1970) {
  Schedule schedule;
  schedule.kind = ScheduleKind::kEvery;
  schedule.every = std::chrono::hours(1);
  schedule.data_interval = DataIntervalMeaning::kInterval;
  schedule.start_date = At("2020-01-01T00:10:00Z");
  EXPECT_EQ(Made(schedule)->Next(std::nullopt, At("2026-01-01T05:50:00Z"))->interval,
            (DataInterval{At("2026-01-01T04:00:00Z"), At("2026-01-01T05:00:00Z")}));
}

TEST(Every, MonthsAreCutDownToTheirLastDay) {
  Schedule schedule;
  schedule.kind = ScheduleKind::kEvery;
  schedule.every_calendar.months = 1;
  schedule.data_interval = DataIntervalMeaning::kInterval;
  schedule.catchup = true;
  schedule.start_date = At("2026-01-31T00:00:00Z");
  EXPECT_EQ(Made(schedule)->Next(std::nullopt, At("2026-06-01T00:00:00Z"))->run_after, At("2026-02-28T00:00:00Z"));
}

TEST(Once, RunsAtTheStartDateAndNeverAgain) {
  Schedule schedule;
  schedule.kind = ScheduleKind::kOnce;
  schedule.start_date = At("2026-01-01T00:00:00Z");
  const auto run = Made(schedule)->Next(std::nullopt, At("2026-02-01T00:00:00Z"));
  ASSERT_TRUE(run.has_value());
  EXPECT_EQ(run->run_after, schedule.start_date);
  EXPECT_EQ(Made(schedule)->Next(run->interval, At("2026-02-01T00:00:00Z")), std::nullopt);
}

TEST(Continuous, TheNextRunCoversTheTimeSinceTheLastOne) {
  Schedule schedule;
  schedule.kind = ScheduleKind::kContinuous;
  const DataInterval last{At("2026-01-01T00:00:00Z"), At("2026-01-01T01:00:00Z")};
  EXPECT_EQ(Made(schedule)->Next(last, At("2026-01-01T01:05:00Z"))->interval,
            (DataInterval{last.end, At("2026-01-01T01:05:00Z")}));
}

TEST(MakeTimetable, SaysWhatIsWrong) {
  EXPECT_THAT(MakeTimetable(CronIn("61 * * * *"), ZonesByRule()).error().message, HasSubstr("minute"));
  const auto zone = MakeTimetable(CronIn("@daily", "Europe/Berln"), ZonesByRule());
  EXPECT_EQ(zone.error().code, ErrorCode::kInvalid);
  EXPECT_THAT(zone.error().message, HasSubstr("Europe/Berln"));
  Schedule every;
  every.kind = ScheduleKind::kEvery;
  EXPECT_FALSE(MakeTimetable(every, ZonesByRule()).ok());
}

TEST(MakeTimetable, NothingIsDueWithoutASchedule) {
  EXPECT_EQ(Made(Schedule{}), nullptr);
}

}  // namespace
}  // namespace pipelined
