#include "pipelined/timetable/cron.h"

#include <gmock/gmock.h>

#include <random>

#include "pipelined/timetable/timetable.h"

namespace pipelined {
namespace {

using ::testing::HasSubstr;

std::string Text(const std::optional<LocalTime>& local) {
  return local ? FormatInstant(Instant(local->time_since_epoch())) : "none";
}

std::string After(std::string_view cron, std::string_view local) {
  return Text(Cron::Parse(cron)->After(*ParseLocal(local)));
}
std::string Before(std::string_view cron, std::string_view local) {
  return Text(Cron::Parse(cron)->Before(*ParseLocal(local)));
}

TEST(Cron, TheNextMatchIsStrictlyAfter) {
  EXPECT_EQ(After("0 6 * * *", "2026-01-01T06:00"), "2026-01-02T06:00:00Z");
  EXPECT_EQ(After("0 6 * * *", "2026-01-01T05:59:59.999999"), "2026-01-01T06:00:00Z");
}

TEST(Cron, TheLastMatchIsStrictlyBefore) {
  EXPECT_EQ(Before("0 6 * * *", "2026-01-01T06:00"), "2025-12-31T06:00:00Z");
  EXPECT_EQ(Before("0 6 * * *", "2026-01-01T06:00:00.000001"), "2026-01-01T06:00:00Z");
}

TEST(Cron, AfterAndBeforeAreEachOthersReverse) {
  for (const char* cron : {"*/7 3 * * *", "0 0 29 2 *", "0 0 L * *", "0 0 * * 5#2", "0 0 15W * *", "59 23 31 12 *",
                           "0 0 13 * 5", "*/20 * * * * */20"}) {
    const Cron parsed = *Cron::Parse(cron);
    LocalTime at = *ParseLocal("2024-01-01");
    std::optional<LocalTime> last;
    for (int i = 0; i < 50; ++i) {
      const auto next = parsed.After(at);
      ASSERT_TRUE(next.has_value()) << cron;
      if (last) {
        EXPECT_EQ(parsed.Before(*next), last) << cron;
      }
      EXPECT_TRUE(parsed.Matches(*next));
      last = next;
      at = *next;
    }
  }
}

TEST(Cron, LeapDaysAreFoundYearsAhead) {
  EXPECT_EQ(After("0 0 29 2 *", "2096-03-01"), "2104-02-29T00:00:00Z");
  EXPECT_EQ(After("0 0 30 2 *", "2026-01-01"), "none");
}

TEST(Cron, DayOfMonthOrDayOfWeekWhenBothAreRestricted) {
  EXPECT_EQ(After("0 0 13 * 5", "2026-01-09"), "2026-01-13T00:00:00Z");
  EXPECT_EQ(After("0 0 13 * 5", "2026-01-13"), "2026-01-16T00:00:00Z");
  EXPECT_EQ(After("0 0 1-31 * 1", "2026-01-01"), "2026-01-02T00:00:00Z") << "a full range is a restriction too";
  EXPECT_EQ(After("0 0 ? * 1", "2026-01-01"), "2026-01-05T00:00:00Z");
}

TEST(Cron, RangesGoRoundTheEnd) {
  EXPECT_EQ(After("0 22-2 * * *", "2026-01-01T02:00"), "2026-01-01T22:00:00Z");
  EXPECT_EQ(After("0 0 * * FRI-MON", "2026-01-05"), "2026-01-09T00:00:00Z");
}

TEST(Cron, AnEqualRangeIsEverything) {
  EXPECT_EQ(After("10-10 * * * *", "2026-01-01"), "2026-01-01T00:01:00Z");
}

TEST(Cron, SecondsStandLastAndThenTheYear) {
  EXPECT_EQ(After("30 1 * * * 15", "2026-01-01"), "2026-01-01T01:30:15Z");
  EXPECT_EQ(After("0 0 1 1 * 0 2030", "2026-01-01"), "2030-01-01T00:00:00Z");
  EXPECT_EQ(After("0 0 1 1 * 0 2030", "2030-01-01"), "none");
}

TEST(Cron, LastDayNearestWeekdayAndNthWeekday) {
  EXPECT_EQ(After("0 0 L * *", "2024-02-01"), "2024-02-29T00:00:00Z");
  EXPECT_EQ(After("0 0 15W * *", "2026-08-01"), "2026-08-14T00:00:00Z");  // the 15th is a Saturday
  EXPECT_EQ(After("0 0 * * 5#2", "2026-01-01"), "2026-01-09T00:00:00Z");
  EXPECT_EQ(After("0 0 * * L5", "2026-01-01"), "2026-01-30T00:00:00Z");
}

TEST(Cron, PresetsInAnyCase) {
  EXPECT_EQ(CronPreset("@Daily"), "0 0 * * *");
  EXPECT_EQ(CronPreset("@fortnightly"), std::nullopt);
  EXPECT_EQ(After("@QUARTERLY", "2026-01-01"), "2026-04-01T00:00:00Z");
}

TEST(Cron, AnErrorNamesTheFieldAndTheRemedy) {
  const auto hour = Cron::Parse("0 25 * * *");
  ASSERT_FALSE(hour.ok());
  EXPECT_EQ(hour.error().code, ErrorCode::kInvalid);
  EXPECT_THAT(hour.error().message, HasSubstr("hour: \"25\""));
  EXPECT_THAT(hour.error().hint, HasSubstr("0 to 23"));
  EXPECT_THAT(Cron::Parse("0 6 * *").error().message, HasSubstr("has 4 fields"));
  EXPECT_THAT(Cron::Parse("0 6 * *").error().hint, HasSubstr("write five"));
  EXPECT_THAT(Cron::Parse("@dialy").error().hint, HasSubstr("did you mean @daily?"));
  EXPECT_THAT(Cron::Parse("0 0 * * fr").error().message, HasSubstr("day of week"));
}

TEST(Cron, AnyBytesAreSafe) {
  std::mt19937 random(7);
  constexpr std::string_view kLikely = "0123456789*/-,?#LWlw @ jandecsunsat\t";
  int accepted = 0;
  for (int i = 0; i < 100'000; ++i) {
    std::string text;
    const int length = static_cast<int>(random() % 24);
    for (int k = 0; k < length; ++k)
      text += random() % 20 == 0 ? static_cast<char>(random()) : kLikely[random() % kLikely.size()];
    if (i % 2 == 0) text = "*/5 " + text + " * * *";
    const auto cron = Cron::Parse(text);
    if (!cron) continue;
    ++accepted;
    const LocalTime from = *ParseLocal("2026-01-01");
    if (const auto next = cron->After(from)) {
      EXPECT_GT(*next, from) << text;
    }
    if (const auto last = cron->Before(from)) {
      EXPECT_LT(*last, from) << text;
    }
  }
  EXPECT_GT(accepted, 500);
  EXPECT_FALSE(Cron::Parse(std::string(1'000'000, '*')).ok());
  EXPECT_FALSE(Cron::Parse(std::string("0 0 * * *\0", 10)).ok());
  EXPECT_FALSE(Cron::Parse("99999999999999999999 * * * *").ok());
}

}  // namespace
}  // namespace pipelined
