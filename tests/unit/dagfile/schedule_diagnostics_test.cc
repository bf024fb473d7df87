// Every mistake in a schedule: the keys of the DAG, and the diagnostic that they must give. `⟦…⟧` is what is
// underlined.
#include <gmock/gmock.h>

#include "unit/dagfile/loading.h"
#include "unit/timetable/zones_by_rule.h"

namespace pipelined {
namespace {

constexpr std::string_view kOpen = "⟦", kClose = "⟧";

// A few zones; one calendar, in which every day of 2026 is a holiday.
class Ground : public testing::ZonesByRule {
 public:
  Result<std::shared_ptr<const DayList>> Holidays(std::string_view path) const override {
    if (path != "/dags/team/2026.ics") return ZoneSource::Holidays(path);
    auto days = std::make_shared<DayList>();
    for (auto day = std::chrono::sys_days(std::chrono::year(2026) / 1 / 1); day.time_since_epoch().count() < 20819;
         day += std::chrono::days(1))
      days->push_back(day);
    return std::shared_ptr<const DayList>(days);
  }
};

struct Mistake {
  std::string_view name;
  std::string_view keys;
  std::string_view code;
  std::string_view message;
};

void PrintTo(const Mistake& mistake, std::ostream* out) {
  *out << mistake.name;
}

const std::vector<Mistake> kMistakes{
    // crons
    {"Minute", "schedule: ⟦61⟧ * * * *", "DAG038", "cron expression: minute: \"61\" is not understood or out of range"},
    {"HourInQuotes", "schedule: \"0 ⟦25⟧ * * *\"", "DAG038",
     "cron expression: hour: \"25\" is not understood or out of range"},
    {"PartOfAList", "schedule: 0 6,⟦24⟧,8 * * *", "DAG038",
     "cron expression: hour: \"6,24,8\" is not understood or out of range"},
    {"EmptyPlaceInAList", "schedule: 0 ⟦6,,8⟧ * * *", "DAG038",
     "cron expression: hour: \"6,,8\" has an empty place in its list"},
    {"Step", "schedule: '⟦*/0⟧ * * * *'", "DAG038",
     "cron expression: minute: \"*/0\" has a step that is not a number from 1"},
    {"DayOfMonth", "schedule: 0 0 ⟦32⟧ * *", "DAG038",
     "cron expression: day of month: \"32\" is not understood or out of range"},
    {"Month", "schedule: 0 0 1 ⟦foo⟧ *", "DAG038", "cron expression: month: \"foo\" is not understood or out of range"},
    {"Weekday", "schedule: 0 0 * * ⟦funday⟧", "DAG038",
     "cron expression: day of week: \"funday\" is not understood or out of range"},
    {"Nth", "schedule: 0 0 * * ⟦5#6⟧", "DAG038", "cron expression: day of week: \"5#6\" is not a day, # and 1 to 5"},
    {"Second", "schedule: 0 0 * * * ⟦60⟧", "DAG038",
     "cron expression: second: \"60\" is not understood or out of range"},
    {"Year", "schedule: 0 0 * * * 0 ⟦1969⟧", "DAG038",
     "cron expression: year: \"1969\" is not understood or out of range"},
    {"TooFewFields", "schedule: ⟦0 6 * *⟧", "DAG038", "cron expression: \"0 6 * *\" has 4 fields"},
    {"SecondOfSeveral", "schedule: {cron: ['0 6 * * *', '0 ⟦66⟧ * * *']}", "DAG038",
     "cron expression: hour: \"66\" is not understood or out of range"},
    {"Preset", "schedule: ⟦\"@dayly\"⟧", "DAG038", "there is no preset \"@dayly\""},
    {"NoSuchDate", "schedule: ⟦0 0 30 2 *⟧", "DAG039", "no date is ever like \"0 0 30 2 *\""},
    // zones
    {"City", "timezone: Europe/⟦Berln⟧", "DAG028", "there is no time zone \"Europe/Berln\""},
    {"Region", "timezone: ⟦Europ⟧/Berlin", "DAG028", "there is no time zone \"Europ/Berlin\""},
    {"ZoneInQuotes", "timezone: 'Europe/⟦Berln⟧'", "DAG028", "there is no time zone \"Europe/Berln\""},
    // dates
    {"NoDate", "start_date: ⟦yesterday⟧", "DAG029", "start_date is not a date: \"yesterday\""},
    {"MonthOfADate", "start_date: 2026-⟦13⟧-01", "DAG029", "start_date is not a date: \"2026-13-01\""},
    {"DayOfADate", "end_date: 2026-02-⟦29⟧", "DAG029", "end_date is not a date: \"2026-02-29\""},
    {"HourOfADate", "start_date: 2026-01-01T⟦25⟧:00", "DAG029", "start_date is not a date: \"2026-01-01T25:00\""},
    {"DatesReversed", "start_date: 2026-01-02\nend_date: ⟦2026-01-01⟧", "DAG040", "end_date lies before start_date"},
    {"EventDate", "schedule: {at: [2026-01-01, 2026-01-⟦32⟧]}", "DAG029", "at is not a date: \"2026-01-32\""},
    {"NoEvent", "schedule: {at: ⟦[⟧]}", "DAG030", "at needs at least one instant"},
    // lengths
    {"Unit", "schedule: {every: 1h⟦30x⟧}", "DAG027", "every is not a duration: \"1h30x\""},
    {"Zero", "schedule: {every: ⟦0s⟧}", "DAG041", "every must be longer than nothing"},
    {"Negative", "schedule: {every: ⟦-5m⟧}", "DAG041", "every cannot be negative"},
    {"Centuries", "schedule: {every: ⟦99999d⟧}", "DAG041", "every is longer than thirty years"},
    {"ZeroParts", "schedule: {every: ⟦{⟧months: 0}}", "DAG041", "every must be longer than nothing"},
    {"NegativePart", "schedule: {every: {months: ⟦-1⟧}}", "DAG018", "months must lie between 0 and 1000000000, not -1"},
    {"ManyMonths", "schedule: {every: ⟦{⟧months: 5000}}", "DAG041", "every is longer than thirty years"},
    {"UnknownPart", "schedule: {every: {⟦month⟧: 1}}", "DAG016", "every has no key \"month\""},
    {"IntervalUnit", "schedule: {cron: '0 6 * * *', interval: ⟦1q⟧}", "DAG027", "interval is not a duration: \"1q\""},
    {"IntervalZero", "schedule: {cron: '0 6 * * *', interval: ⟦0⟧}", "DAG041", "interval must be longer than nothing"},
    {"Within", "schedule: {cron: '0 6 * * *', run_immediately: {within: ⟦-1m⟧}}", "DAG041",
     "within cannot be negative"},
    {"WithinMissing", "schedule: {cron: '0 6 * * *', run_immediately: ⟦{⟧}}", "DAG019",
     "run_immediately needs true, false or {within: 10m}"},
    {"Jitter", "schedule: '@daily'\njitter: ⟦5 lightyears⟧", "DAG027", "jitter is not a duration: \"5 lightyears\""},
    {"JitterZero", "schedule: '@daily'\njitter: ⟦0s⟧", "DAG041", "jitter must be longer than nothing"},
    // what does not go together
    {"TwoForms", "schedule: ⟦{⟧every: 1h, at: [2026-01-01]}", "DAG030",
     "a schedule has only one of every, cron, at and assets"},
    {"SeveralCronsWithIntervals", "schedule: ⟦{⟧cron: ['0 6 * * *', '0 7 * * *']}\ndata_interval: interval", "DAG045",
     "several cron expressions cannot share one data interval"},
    {"IntervalTwice", "schedule: {cron: '0 6 * * *', interval: ⟦1h⟧}\ndata_interval: interval", "DAG045",
     "interval is the length of a trigger's data interval; data_interval: interval has its own"},
    {"RunImmediatelyWithIntervals", "schedule: {cron: '0 6 * * *', run_immediately: ⟦true⟧}\ndata_interval: interval",
     "DAG045", "run_immediately is about triggers; data_interval: interval always waits for an end"},
    {"RunImmediatelyBesideEvery", "schedule: {every: 1h, ⟦run_immediately⟧: true}", "DAG020",
     "run_immediately belongs beside cron only"},
    {"IntervalBesideAt", "schedule: {at: [2026-01-01], ⟦interval⟧: 1h}", "DAG020",
     "interval belongs beside cron or every only"},
    {"RestrictBesideCron", "schedule: {cron: '0 6 * * *', ⟦restrict_to_events⟧: true}", "DAG020",
     "restrict_to_events belongs beside at only"},
    {"CatchupFromNowhere", "schedule: '@daily'\ndata_interval: interval\ncatchup: ⟦true⟧", "DAG039",
     "catchup with data_interval: interval never begins without a start_date"},
    {"ContinuousBesideItself", "schedule: '@continuous'\nmax_active_runs: ⟦2⟧", "DAG045",
     "@continuous has one run at a time"},
    {"PresetInAList", "schedule: {cron: ['@daily', ⟦'@once'⟧]}", "DAG030",
     "a list of crons cannot hold @once or @continuous"},
    {"JitterWithoutSchedule", "⟦jitter⟧: 5m", "DAG044", "jitter has no schedule to apply to"},
    {"JitterOfContinuous", "schedule: '@continuous'\n⟦jitter⟧: 5m", "DAG045",
     "jitter means nothing beside @continuous"},
    {"CalendarWithoutSchedule", "⟦calendar⟧: {exclude: weekends}", "DAG044", "calendar has no schedule to apply to"},
    {"CalendarOfOnce", "schedule: '@once'\n⟦calendar⟧: {exclude: weekends}", "DAG045",
     "calendar means nothing beside @once"},
    // calendars
    {"Meaning", "data_interval: ⟦both⟧", "DAG018", "data_interval must be trigger or interval, not \"both\""},
    {"OnExcluded", "schedule: '@daily'\ncalendar: {exclude: weekends, on_excluded: ⟦before⟧}", "DAG018",
     "on_excluded must be skip or next, not \"before\""},
    {"CalendarWithoutDays", "schedule: '@daily'\ncalendar: ⟦{⟧on_excluded: next}", "DAG019",
     "a calendar needs exclude: the days without a run"},
    {"WeekdayName", "schedule: '@daily'\ncalendar: {exclude: [⟦satruday⟧]}", "DAG042", "\"satruday\" is no day"},
    {"ExcludedDay", "schedule: '@daily'\ncalendar: {exclude: [2026-12-⟦32⟧]}", "DAG042", "\"2026-12-32\" is no day"},
    {"EndOfARange", "schedule: '@daily'\ncalendar: {exclude: [2026-12-24..2026-⟦13⟧-01]}", "DAG042",
     "\"2026-12-24..2026-13-01\" is no day"},
    {"RangeReversed", "schedule: '@daily'\ncalendar: {exclude: [2026-12-24..⟦2026-12-01⟧]}", "DAG042",
     "the range of days ends before it begins"},
    {"DayOutsideTheYears", "schedule: '@daily'\ncalendar: {exclude: [⟦2200-01-01⟧]}", "DAG042",
     "an excluded day lies between 1970 and 2199"},
    {"CalendarFile", "schedule: '@daily'\ncalendar: {exclude: [{ical: ⟦none.ics⟧}]}", "DAG043",
     "there is no calendar file /dags/team/none.ics"},
    {"EveryTickExcluded", "schedule: 0 0 * * 6\n⟦calendar⟧: {exclude: weekends}", "DAG039",
     "the calendar excludes every run of the schedule"},
    {"EveryDayExcluded", "schedule: '@hourly'\n⟦calendar⟧: {exclude: [1970-01-01..2199-12-31], on_excluded: next}",
     "DAG039", "the calendar excludes every run of the schedule"},
    {"EveryEventExcluded", "schedule: {at: [2026-05-01, 2026-06-01]}\n⟦calendar⟧: {exclude: [{ical: 2026.ics}]}",
     "DAG039", "the calendar excludes every run of the schedule"},
};

class ScheduleMistakes : public ::testing::TestWithParam<Mistake> {};

TEST_P(ScheduleMistakes, StandUnderTheCaret) {
  std::string yaml = std::string(GetParam().keys) + "\ntasks: {a: {bash: x}}\n";
  const std::size_t at = yaml.find(kOpen);
  ASSERT_NE(at, std::string::npos);
  yaml.erase(at, kOpen.size());
  const std::size_t end = yaml.find(kClose);
  ASSERT_NE(end, std::string::npos);
  yaml.erase(end, kClose.size());

  const LoadResult result = LoadText(yaml, {"/dags/team/sales.yaml", "team/sales.yaml", "", {}, {}}, Ground());
  ASSERT_EQ(result.diagnostics.size(), 1u) << Format(result.diagnostics);
  const Diagnostic& found = result.diagnostics[0];
  EXPECT_EQ(found.code, GetParam().code) << Format(found);
  EXPECT_EQ(found.message, GetParam().message);
  EXPECT_EQ(found.line, 1 + std::count(yaml.begin(), yaml.begin() + static_cast<std::ptrdiff_t>(at), '\n'));
  EXPECT_EQ(found.column, static_cast<int>(at - (yaml.substr(0, at).rfind('\n') + 1)) + 1) << Format(found);
  EXPECT_EQ(found.length, static_cast<int>(end - at)) << Format(found);
  EXPECT_TRUE(result.dags.empty());
}

INSTANTIATE_TEST_SUITE_P(All, ScheduleMistakes, ::testing::ValuesIn(kMistakes),
                         [](const auto& tested) { return std::string(tested.param.name); });

TEST(ScheduleMistakes, AHintNamesTheNearWord) {
  const auto hint = [](std::string_view keys) {
    const LoadResult result =
        LoadText(std::string(keys) + "\ntasks: {a: {bash: x}}\n", {"/d/a.yaml", "a.yaml", "", {}, {}}, Ground());
    return result.diagnostics.empty() ? "" : result.diagnostics[0].hint;
  };
  EXPECT_EQ(hint("timezone: Europe/Berln"), "did you mean Europe/Berlin?");
  EXPECT_EQ(hint("schedule: '@dayly'"), "did you mean \"@daily\"?");
  EXPECT_EQ(hint("schedule: '@daily'\ncalendar: {exclude: [satruday]}"), "did you mean saturday?");
}

// What a whole folder inherits must not break those of its DAGs that it says nothing to.
TEST(ScheduleMistakes, InheritedKeysWithoutAScheduleAreNone) {
  const LoadResult result = Load("tasks: {a: {bash: x}}\n", {"jitter: 5m\ncalendar: {exclude: weekends}\n"});
  EXPECT_TRUE(result.diagnostics.empty()) << Format(result.diagnostics);
  EXPECT_EQ(result.dags.size(), 1u);
}

TEST(ScheduleMistakes, ADayThatIsExcludedTwiceIsNone) {
  const LoadResult result = Load(
      "schedule: '@daily'\ncalendar: {exclude: [2026-12-25, 2026-12-25, 2026-12-24..2026-12-26, weekends, sunday]}\n"
      "tasks: {a: {bash: x}}\n");
  EXPECT_TRUE(result.diagnostics.empty()) << Format(result.diagnostics);
}

TEST(ScheduleMistakes, AStoredVersionNeedsItsCalendarFileNoMore) {
  const DagSource source{"/dags/a.yaml",
                         "a.yaml",
                         "schedule: '@daily'\ncalendar: {exclude: [{ical: gone.ics}]}\ntasks: {a: {bash: x}}\n",
                         1,
                         {}};
  const auto dag = ParseSource(source, Ground());
  ASSERT_TRUE(dag.ok()) << dag.error().message;
  EXPECT_EQ((*dag)->schedule.calendar.holidays, std::vector<std::string>{"/dags/gone.ics"});
}

}  // namespace
}  // namespace pipelined
