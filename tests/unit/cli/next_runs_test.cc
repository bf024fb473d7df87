#include "cli/dags/next_runs.h"

#include "cli/output/moment.h"
#include "unit/simulation/simulated.h"
#include "unit/timetable/zones_by_rule.h"

namespace pipelined::cli {
namespace {

using ::pipelined::testing::At;
using ::pipelined::testing::ZoneNamed;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> Due(const NextRuns& next) {
  std::vector<std::string> lines;
  for (const DueRun& run : next.runs) lines.push_back(FormatInstant(run.run_after));
  return lines;
}

std::shared_ptr<const Timetable> Of(const std::string& schedule) {
  return Prepared("{dag_id: d, " + schedule + ", tasks: {a: {bash: x}}}").dags[0].timetable;
}

TEST(NextRuns, FollowEachOther) {
  const NextRuns next = ListNextRuns(*Of(R"(schedule: "0 6 * * *")"), std::nullopt, At("2026-01-01T12:00:00Z"), 2);
  EXPECT_THAT(Due(next), ElementsAre("2026-01-02T06:00:00Z", "2026-01-03T06:00:00Z"));
  EXPECT_FALSE(next.ended);
}

TEST(NextRuns, WhatWasMissedComesOnceWithoutCatchup) {
  const DataInterval last{At("2026-01-01T06:00:00Z"), At("2026-01-01T06:00:00Z")};
  const NextRuns next = ListNextRuns(*Of(R"(schedule: "0 6 * * *")"), last, At("2026-01-05T12:00:00Z"), 2);
  EXPECT_THAT(Due(next), ElementsAre("2026-01-05T06:00:00Z", "2026-01-06T06:00:00Z"));
}

TEST(NextRuns, WhatWasMissedComesAllWithCatchup) {
  const DataInterval last{At("2026-01-01T06:00:00Z"), At("2026-01-01T06:00:00Z")};
  const NextRuns next =
      ListNextRuns(*Of(R"(schedule: "0 6 * * *", catchup: true)"), last, At("2026-01-05T12:00:00Z"), 2);
  EXPECT_THAT(Due(next), ElementsAre("2026-01-02T06:00:00Z", "2026-01-03T06:00:00Z"));
}

TEST(NextRuns, EndWithTheSchedule) {
  const NextRuns next =
      ListNextRuns(*Of(R"(schedule: "0 6 * * *", end_date: 2026-01-03)"), std::nullopt, At("2026-01-01T12:00:00Z"), 5);
  EXPECT_THAT(Due(next), ElementsAre("2026-01-02T06:00:00Z"));
  EXPECT_TRUE(next.ended);
}

TEST(NextRuns, NothingComesOfAScheduleThatIsOver) {
  const NextRuns next =
      ListNextRuns(*Of(R"(schedule: "0 6 * * *", end_date: 2025-01-03)"), std::nullopt, At("2026-01-01T12:00:00Z"), 5);
  EXPECT_THAT(Due(next), IsEmpty());
  EXPECT_TRUE(next.ended);
}

TEST(FormatInZone, ShowsWeekdayWallClockAndOffset) {
  EXPECT_EQ(FormatInZone(At("2026-03-29T04:00:00Z"), *ZoneNamed("Europe/Berlin")), "Sun 2026-03-29 06:00:00+02:00");
  EXPECT_EQ(FormatInZone(At("2026-01-01T02:00:00Z"), *ZoneNamed("America/New_York")), "Wed 2025-12-31 21:00:00-05:00");
  EXPECT_EQ(FormatInZone(At("2026-01-01T00:00:00Z"), *ZoneNamed("Asia/Kolkata")), "Thu 2026-01-01 05:30:00+05:30");
}

TEST(ParseMoment, IsUtcWithoutAnOffset) {
  EXPECT_EQ(*ParseMoment("--from", "2026-01-31"), At("2026-01-31T00:00:00Z"));
  EXPECT_EQ(*ParseMoment("--from", "2026-01-31T06:00"), At("2026-01-31T06:00:00Z"));
  EXPECT_EQ(*ParseMoment("--from", "2026-01-31T06:00:00+02:00"), At("2026-01-31T04:00:00Z"));
  EXPECT_EQ(ParseMoment("--from", "yesterday").error().message, "--from yesterday: not a point in time");
}

}  // namespace
}  // namespace pipelined::cli
