// Calendars: the ticks that they leave out and those that they move.
#include <gmock/gmock.h>

#include <set>

#include "pipelined/timetable/cron.h"
#include "unit/timetable/zones_by_rule.h"

namespace pipelined {
namespace {

using std::chrono::days;
using std::chrono::sys_days;
using std::chrono::year;
using testing::At;
using testing::ZonesByRule;

constexpr std::uint8_t kWeekends = 65, kSaturday = 64;

DayRange Range(std::string_view first, std::string_view last) {
  const auto day = [](std::string_view text) {
    return sys_days(std::chrono::floor<days>(*ParseLocal(text)).time_since_epoch());
  };
  return {day(first), day(last)};
}

Schedule CronIn(std::string cron, Calendar calendar, std::string zone = "UTC") {
  Schedule schedule;
  schedule.kind = ScheduleKind::kCron;
  schedule.crons = {std::move(cron)};
  schedule.timezone = std::move(zone);
  schedule.catchup = true;
  schedule.calendar = std::move(calendar);
  return schedule;
}

Schedule Every(CalendarParts parts, Micros fixed, Calendar calendar) {
  Schedule schedule;
  schedule.kind = ScheduleKind::kEvery;
  schedule.every_calendar = parts;
  schedule.every = fixed;
  schedule.catchup = true;
  schedule.calendar = std::move(calendar);
  return schedule;
}

Schedule Intervals(Schedule schedule) {
  schedule.data_interval = DataIntervalMeaning::kInterval;
  return schedule;
}
Schedule LatestOnly(Schedule schedule) {
  schedule.catchup = false;
  return schedule;
}

Calendar Excluding(std::uint8_t weekdays, std::vector<DayRange> ranges = {},
                   OnExcluded on_excluded = OnExcluded::kSkip) {
  return {std::move(ranges), weekdays, {}, on_excluded};
}
Calendar Moving(std::uint8_t weekdays, std::vector<DayRange> ranges = {}) {
  return Excluding(weekdays, std::move(ranges), OnExcluded::kNext);
}

// "2026-01-05T06:00:00Z" for a run that is due then; with the start of its interval in front where that has a length.
std::vector<std::string> Due(const Schedule& schedule, std::string_view start, int count, std::string_view now = "") {
  std::vector<std::string> due;
  Schedule started = schedule;
  started.start_date = At(start);
  const auto timetable = MakeTimetable(started, ZonesByRule());
  if (!timetable) return {"error: " + timetable.error().message};
  std::optional<DataInterval> last;
  while (static_cast<int>(due.size()) < count) {
    const auto run = (*timetable)->Next(last, now.empty() ? At("1990-01-01T00:00:00Z") : At(now));
    if (!run) break;
    const bool has_length = run->interval.start != run->interval.end;
    due.push_back((has_length ? FormatInstant(run->interval.start) + " to " : "") + FormatInstant(run->run_after));
    last = run->interval;
  }
  return due;
}

struct Case {
  const char* name;
  Schedule schedule;
  const char* start;
  std::vector<std::string> due;
  const char* now = "";
};

void PrintTo(const Case& tested, std::ostream* out) {
  *out << tested.name;
}

// 2026-01-01 is a Thursday.
const std::vector<Case> kCases{
    {"WeekendsAreLeftOut",
     CronIn("0 6 * * *", Excluding(kWeekends)),
     "2026-01-02T00:00:00Z",
     {"2026-01-02T06:00:00Z", "2026-01-05T06:00:00Z", "2026-01-06T06:00:00Z"}},
    {"DatesAndRanges",
     CronIn("0 6 * * *", Excluding(0, {Range("2026-01-02", "2026-01-02"), Range("2026-01-04", "2026-01-06")})),
     "2026-01-01T00:00:00Z",
     {"2026-01-01T06:00:00Z", "2026-01-03T06:00:00Z", "2026-01-07T06:00:00Z"}},
    {"DaysAreThoseOfTheZone",
     CronIn("30 23 * * *", Excluding(kSaturday), "America/New_York"),
     "2026-01-03T00:00:00Z",
     {"2026-01-03T04:30:00Z", "2026-01-05T04:30:00Z"}},
    {"MovedToMondayAtTheSameTime",
     CronIn("0 6 * * 6", Moving(kWeekends)),
     "2026-01-01T00:00:00Z",
     {"2026-01-05T06:00:00Z", "2026-01-12T06:00:00Z"}},
    {"MovedOntoARegularSlotIsOneRun",
     CronIn("0 6 * * *", Moving(kWeekends)),
     "2026-01-02T00:00:00Z",
     {"2026-01-02T06:00:00Z", "2026-01-05T06:00:00Z", "2026-01-06T06:00:00Z"}},
    {"MovedOverTheNewYear",
     CronIn("0 6 31 12 *", Moving(0, {Range("2026-12-24", "2027-01-03")})),
     "2026-01-01T00:00:00Z",
     {"2027-01-04T06:00:00Z", "2027-12-31T06:00:00Z"}},
    {"MovedOutOfTheYearsOfTheCron",
     CronIn("0 6 31 12 * 0 2026", Moving(0, {Range("2026-12-31", "2027-02-10")})),
     "2026-01-01T00:00:00Z",
     {"2027-02-11T06:00:00Z"}},
    {"MovedKeepsTheWallTimeOverSummerTime",
     CronIn("0 6 28 3 *", Moving(kWeekends), "Europe/Berlin"),
     "2026-01-01T00:00:00Z",
     {"2026-03-30T04:00:00Z"}},
    {"EveryHourOfOpenDays",
     CronIn("0 * * * *", Excluding(kWeekends)),
     "2026-01-02T22:00:00Z",
     {"2026-01-02T22:00:00Z", "2026-01-02T23:00:00Z", "2026-01-05T00:00:00Z"}},
    {"LatestBeforeAnExcludedStretch",
     LatestOnly(CronIn("0 6 * * *", Excluding(kWeekends))),
     "2025-01-01T00:00:00Z",
     {"2026-01-02T06:00:00Z", "2026-01-05T06:00:00Z"},
     "2026-01-04T12:00:00Z"},
    {"AnIntervalGrowsOverWhatIsLeftOut",
     Intervals(CronIn("0 0 * * *", Excluding(kWeekends))),
     "2026-01-01T00:00:00Z",
     {"2026-01-01T00:00:00Z to 2026-01-02T00:00:00Z", "2026-01-02T00:00:00Z to 2026-01-05T00:00:00Z",
      "2026-01-05T00:00:00Z to 2026-01-06T00:00:00Z"}},
    {"SecondsThroughALongStretch",
     CronIn("* * * * * *", Excluding(0, {Range("2026-01-02", "2070-01-01")})),
     "2026-01-01T23:59:59Z",
     {"2026-01-01T23:59:59Z", "2070-01-02T00:00:00Z"}},
    {"EveryKeepsItsRhythm",
     Every({}, std::chrono::hours(16), Excluding(kWeekends)),
     "2026-01-02T00:00:00Z",
     {"2026-01-02T00:00:00Z", "2026-01-02T16:00:00Z", "2026-01-05T08:00:00Z"}},
    {"EveryMoved",
     Every({}, std::chrono::hours(72), Moving(kWeekends)),
     "2025-12-31T06:00:00Z",
     {"2025-12-31T06:00:00Z", "2026-01-05T06:00:00Z", "2026-01-08T06:00:00Z"}},
    {"EveryMonth",
     Every({1, 0}, Micros(0), Excluding(kWeekends)),
     "2026-01-01T06:00:00Z",
     {"2026-01-01T06:00:00Z", "2026-04-01T06:00:00Z", "2026-05-01T06:00:00Z"}},
    {"EveryWithIntervals",
     Intervals(Every({}, std::chrono::hours(24), Excluding(kWeekends))),
     "2026-01-01T00:00:00Z",
     {"2026-01-01T00:00:00Z to 2026-01-02T00:00:00Z", "2026-01-02T00:00:00Z to 2026-01-05T00:00:00Z",
      "2026-01-05T00:00:00Z to 2026-01-06T00:00:00Z"}},
    {"EveryWithIntervalsLatestOnly",
     LatestOnly(Intervals(Every({}, std::chrono::hours(24), Excluding(kWeekends)))),
     "2025-01-01T00:00:00Z",
     {"2026-01-01T00:00:00Z to 2026-01-02T00:00:00Z", "2026-01-02T00:00:00Z to 2026-01-05T00:00:00Z"},
     "2026-01-04T12:00:00Z"},
    {"NoDayIsLeft",
     CronIn("0 6 * * *", Excluding(127)),
     "2026-01-01T00:00:00Z",
     {"error: the calendar excludes every run of the schedule"}},
    {"NoDayOfThisScheduleIsLeft",
     CronIn("0 6 * * 6", Excluding(kSaturday)),
     "2026-01-01T00:00:00Z",
     {"error: the calendar excludes every run of the schedule"}},
    {"NoStepOfThisRhythmIsLeft",
     Every({}, std::chrono::hours(24 * 7), Excluding(kSaturday)),
     "2026-01-03T00:00:00Z",
     {"error: the calendar excludes every run of the schedule"}},
};

class CalendarCases : public ::testing::TestWithParam<Case> {};

TEST_P(CalendarCases, AreDue) {
  const Case& c = GetParam();
  EXPECT_EQ(Due(c.schedule, c.start, static_cast<int>(c.due.size()), c.now), c.due);
}

INSTANTIATE_TEST_SUITE_P(All, CalendarCases, ::testing::ValuesIn(kCases),
                         [](const auto& tested) { return std::string(tested.param.name); });

TEST(Calendar, AListedInstantIsLeftOutOrMovedOrMetByAnother) {
  Schedule schedule;
  schedule.kind = ScheduleKind::kEvents;
  schedule.catchup = true;
  schedule.events = {At("2026-01-03T06:00:00Z"), At("2026-01-04T06:00:00Z"), At("2026-01-07T06:00:00Z")};
  schedule.calendar = Moving(kWeekends);
  EXPECT_EQ(Due(schedule, "2026-01-01T00:00:00Z", 5),
            (std::vector<std::string>{"2026-01-05T06:00:00Z", "2026-01-07T06:00:00Z"}));
  schedule.calendar.on_excluded = OnExcluded::kSkip;
  EXPECT_EQ(Due(schedule, "2026-01-01T00:00:00Z", 5), std::vector<std::string>{"2026-01-07T06:00:00Z"});
}

TEST(Calendar, AnExpressionOfWhichNothingIsLeftLeavesTheOthersOfItsList) {
  Schedule schedule = CronIn("0 6 * * 6", Excluding(kWeekends));
  schedule.crons.push_back("0 7 * * *");
  EXPECT_EQ(Due(schedule, "2026-01-03T00:00:00Z", 1), std::vector<std::string>{"2026-01-05T07:00:00Z"});
}

// Against the plain definition, day by day: ticks of open days, and those of excluded ones moved to the next open day.
TEST(Calendar, AgreesWithItsDefinitionForManyCalendarsAndCrons) {
  std::uint64_t state = 7;
  const auto random = [&state](std::uint64_t below) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (state >> 33) % below;
  };
  const sys_days first(year(2026) / 1 / 1), end(year(2028) / 1 / 1);
  for (const char* cron :
       {"0 6 * * *", "30 7 1,15 * *", "0 6 * * 1,6", "0 0 31 * *", "0 5 29 2 *", "15 9 * 12 5#2", "0 8 L * *"}) {
    for (int round = 0; round < 40; ++round) {
      Calendar calendar{{},
                        static_cast<std::uint8_t>(random(4) == 0 ? random(127) : kWeekends),
                        {},
                        random(2) == 0 ? OnExcluded::kSkip : OnExcluded::kNext};
      for (std::uint64_t i = random(6); i > 0; --i) {
        const sys_days from = first + days(random(800));
        calendar.days.push_back({from, from + days(random(3) == 0 ? random(90) : random(4))});
      }
      const auto excluded = [&](sys_days day) {
        if ((calendar.weekdays >> std::chrono::weekday(day).c_encoding() & 1) != 0) return true;
        return std::any_of(calendar.days.begin(), calendar.days.end(),
                           [&](const DayRange& range) { return range.first <= day && day <= range.last; });
      };
      std::set<Instant> expected;
      const auto plain = *Cron::Parse(cron);
      for (auto at = plain.After(LocalTime(first.time_since_epoch()) - Micros(1));
           at && sys_days(std::chrono::floor<days>(*at).time_since_epoch()) < end; at = plain.After(*at)) {
        Instant tick(at->time_since_epoch());
        const bool closed = excluded(std::chrono::floor<days>(tick));
        if (closed && calendar.on_excluded == OnExcluded::kSkip) continue;
        while (excluded(std::chrono::floor<days>(tick))) tick += days(1);
        expected.insert(tick);
      }
      if (expected.empty()) continue;
      Schedule schedule = CronIn(cron, calendar);
      schedule.start_date = *expected.begin();  // what was moved here from before is not in the plain list
      const auto timetable = MakeTimetable(schedule, ZonesByRule());
      ASSERT_TRUE(timetable.ok()) << cron;
      std::optional<DataInterval> last;
      for (const Instant tick : expected) {
        if (tick >= end - days(120)) break;  // what would be moved there comes from after the end
        const auto run = (*timetable)->Next(last, first);
        ASSERT_TRUE(run.has_value()) << cron;
        ASSERT_EQ(FormatInstant(run->run_after), FormatInstant(tick)) << cron << " round " << round;
        last = run->interval;
      }
    }
  }
}

TEST(Jitter, IsTheSameForADagAndSpreadsSeveral) {
  std::set<Micros> offsets;
  for (int i = 0; i < 100; ++i) {
    const std::string id = "dag" + std::to_string(i);
    const Micros offset = JitterOffset(id, std::chrono::minutes(5));
    EXPECT_EQ(offset, JitterOffset(id, std::chrono::minutes(5)));
    EXPECT_GE(offset, Micros(0));
    EXPECT_LT(offset, std::chrono::minutes(5));
    offsets.insert(offset);
  }
  EXPECT_EQ(offsets.size(), 100u);
  EXPECT_EQ(JitterOffset("dag", Micros(0)), Micros(0));
}

TEST(Jitter, WithoutCatchupTheLatestSlotIsTheOneWhoseMovedTimeHasCome) {
  Schedule schedule = LatestOnly(CronIn("0 * * * *", {}));
  schedule.start_date = At("2026-01-01T00:00:00Z");
  schedule.jitter_offset = std::chrono::minutes(90);
  const auto timetable = *MakeTimetable(schedule, ZonesByRule());
  const auto run = timetable->Next(std::nullopt, At("2026-01-01T12:00:00Z"));
  EXPECT_EQ(run->logical_date, At("2026-01-01T10:00:00Z"));
  EXPECT_EQ(run->run_after, At("2026-01-01T11:30:00Z"));
  EXPECT_EQ(run->tick(), At("2026-01-01T10:00:00Z"));
  EXPECT_EQ(timetable->Next(run->interval, At("2026-01-01T12:00:00Z"))->run_after, At("2026-01-01T12:30:00Z"));
}

}  // namespace
}  // namespace pipelined
