#include "pipelined/timetable/zone.h"

#include <gtest/gtest.h>

#include "unit/timetable/zones_by_rule.h"

namespace pipelined {
namespace {

using testing::At;
using testing::TzifOf;
using testing::ZoneNamed;

std::string InUtc(std::string_view zone, std::string_view local) {
  return FormatInstant(ZoneNamed(zone)->ToInstant(*ParseLocal(local)));
}

TEST(Zone, UtcNeedsNoBytes) {
  EXPECT_EQ(Zone::Utc()->OffsetAt(At("2026-07-01T00:00:00Z")), Seconds(0));
  EXPECT_EQ(Zone::Utc()->name(), "UTC");
}

TEST(Zone, TheFooterHoldsInTheYear2500) {
  const auto berlin = ZoneNamed("Europe/Berlin");
  EXPECT_EQ(berlin->OffsetAt(At("2500-01-15T12:00:00Z")), Seconds(3600));
  EXPECT_EQ(berlin->OffsetAt(At("2500-07-15T12:00:00Z")), Seconds(7200));
}

TEST(Zone, SummerTimeBeginsAndEndsToTheSecond) {
  const auto berlin = ZoneNamed("Europe/Berlin");
  EXPECT_EQ(berlin->OffsetAt(At("2026-03-29T00:59:59Z")), Seconds(3600));
  EXPECT_EQ(berlin->OffsetAt(At("2026-03-29T01:00:00Z")), Seconds(7200));
  EXPECT_EQ(berlin->OffsetAt(At("2026-10-25T00:59:59.999999Z")), Seconds(7200));
  EXPECT_EQ(berlin->OffsetAt(At("2026-10-25T01:00:00Z")), Seconds(3600));
}

TEST(Zone, AWallTimeInAGapIsShiftedForward) {
  EXPECT_EQ(InUtc("Europe/Berlin", "2026-03-29T02:30"), "2026-03-29T01:30:00Z");  // 03:30 summer time
  EXPECT_EQ(InUtc("Australia/Lord_Howe", "2026-10-04T02:10"), "2026-10-03T15:40:00Z");
}

TEST(Zone, AWallTimeThatOccursTwiceIsTheSecondOne) {
  EXPECT_EQ(InUtc("Europe/Berlin", "2026-10-25T02:30"), "2026-10-25T01:30:00Z");
  EXPECT_EQ(InUtc("America/New_York", "2026-11-01T01:00"), "2026-11-01T06:00:00Z");
}

TEST(Zone, TheEdgesOfGapAndFoldAreExact) {
  EXPECT_EQ(InUtc("Europe/Berlin", "2026-03-29T01:59:59"), "2026-03-29T00:59:59Z");
  EXPECT_EQ(InUtc("Europe/Berlin", "2026-03-29T03:00"), "2026-03-29T01:00:00Z");
  EXPECT_EQ(InUtc("Europe/Berlin", "2026-10-25T01:59:59"), "2026-10-24T23:59:59Z");
  EXPECT_EQ(InUtc("Europe/Berlin", "2026-10-25T03:00"), "2026-10-25T02:00:00Z");
}

// Summer time from 1 January until 16 hours into the next year: the last change before 2027 is one of 2025's.
TEST(Zone, AChangeThatLiesOutsideItsYearIsNotForgotten) {
  const auto zone = *Zone::Parse("x", TzifOf("XXX3EDT4,0/0,J365/40"));
  const Zone::Stretch stretch = zone->StretchAt(At("2027-01-01T02:59:00Z"));
  EXPECT_EQ(FormatInstant(stretch.begin), "2026-01-01T20:00:00Z");
  EXPECT_EQ(FormatInstant(stretch.end), "2027-01-01T03:00:00Z");
  EXPECT_EQ(stretch.offset, Seconds(-3 * 3600));
}

TEST(Zone, NegativeSummerTimeIsRead) {
  EXPECT_EQ(ZoneNamed("Europe/Dublin")->OffsetAt(At("2026-01-01T00:00:00Z")), Seconds(0));
  EXPECT_EQ(ZoneNamed("Europe/Dublin")->OffsetAt(At("2026-07-01T00:00:00Z")), Seconds(3600));
}

TEST(Zone, AZoneWithoutSummerTimeHasOneOffset) {
  EXPECT_EQ(InUtc("Asia/Kolkata", "2026-06-01T05:30"), "2026-06-01T00:00:00Z");
}

TEST(Zone, EveryWallTimeComesBackFromItsInstant) {
  const auto berlin = ZoneNamed("Europe/Berlin");
  for (Instant t = At("2026-01-01T00:00:00Z"); t < At("2027-01-01T00:00:00Z"); t += std::chrono::minutes(30)) {
    const Instant back = berlin->ToInstant(berlin->ToLocal(t));
    EXPECT_TRUE(back == t || back == t + std::chrono::hours(1)) << FormatInstant(t);  // the first pass of the fold
  }
}

TEST(Zone, BytesThatAreCutOffOrWrongAreRefused) {
  const std::string whole = TzifOf("CET-1CEST,M3.5.0,M10.5.0/3");
  ASSERT_TRUE(Zone::Parse("x", whole).ok());
  for (std::size_t length = 0; length < whole.size(); ++length)
    EXPECT_FALSE(Zone::Parse("x", whole.substr(0, length)).ok()) << length;
  for (const char* rule : {"C-1", "CET", "CET-1CEST", "CET-1CEST,M13.1.0,M1.1.0", "CET-1CEST,M3.6.0,M10.5.0", "CET-999",
                           "CET-25", "CET-1CEST-25,M3.5.0,M10.5.0", "CET-1CEST,M3.5.0/168,M10.5.0", "<+01-1"}) {
    EXPECT_FALSE(Zone::Parse("x", TzifOf(rule)).ok()) << rule;
  }
}

TEST(Zone, ChangedBytesNeverCrash) {
  const std::string whole = TzifOf("CET-1CEST,M3.5.0,M10.5.0/3");
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (const char c : {'\0', '\x01', '\x7f', '\xff'}) {
      std::string changed = whole;
      changed[at] = c;
      if (const auto zone = Zone::Parse("x", changed); zone) (*zone)->ToInstant(*ParseLocal("2026-03-29T02:30"));
    }
  }
}

}  // namespace
}  // namespace pipelined
