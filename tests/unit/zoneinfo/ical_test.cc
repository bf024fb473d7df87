#include "zoneinfo/ical.h"

#include <gmock/gmock.h>

namespace pipelined {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string Calendar(const std::string& events) {
  return "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\n" + events + "END:VCALENDAR\r\n";
}
std::string Event(const std::string& lines) {
  return "BEGIN:VEVENT\r\nUID:e\r\nSUMMARY:Feast\r\n" + lines + "END:VEVENT\r\n";
}

std::vector<std::string> DaysOf(const std::string& text, std::size_t most = 100) {
  const auto days = DaysOfCalendar(text);
  if (!days) return {"error: " + days.error().message};
  std::vector<std::string> out;
  for (const auto day : *days) {
    if (out.size() == most) break;
    out.push_back(FormatInstant(day).substr(0, 10));
  }
  return out;
}

struct Case {
  std::string name;
  std::string lines;
  std::vector<std::string> days;
};

const std::vector<Case> kCases{
    {"OneDay", "DTSTART;VALUE=DATE:20261225\r\n", {"2026-12-25"}},
    {"TheEndIsTheDayAfter",
     "DTSTART;VALUE=DATE:20261224\r\nDTEND;VALUE=DATE:20261227\r\n",
     {"2026-12-24", "2026-12-25", "2026-12-26"}},
    {"Duration", "DTSTART;VALUE=DATE:20261224\r\nDURATION:P2D\r\n", {"2026-12-24", "2026-12-25"}},
    {"TimedEventsTouchTheirDays",
     "DTSTART:20261224T220000Z\r\nDTEND:20261226T000000Z\r\n",
     {"2026-12-24", "2026-12-25"}},
    {"TimedWithoutEnd", "DTSTART:20261224T220000\r\n", {"2026-12-24"}},
    {"EveryYearUntil",
     "DTSTART;VALUE=DATE:20200501\r\nRRULE:FREQ=YEARLY;UNTIL=20220501\r\n",
     {"2020-05-01", "2021-05-01", "2022-05-01"}},
    {"ExceptionsAreNot",
     "DTSTART;VALUE=DATE:20200501\r\nRRULE:FREQ=YEARLY;COUNT=3\r\nEXDATE;VALUE=DATE:20210501\r\n",
     {"2020-05-01", "2022-05-01"}},
    {"FurtherDates",
     "DTSTART;VALUE=DATE:20200501\r\nRDATE;VALUE=DATE:20200601,20200701\r\n",
     {"2020-05-01", "2020-06-01", "2020-07-01"}},
    {"FourthThursdayOfNovember",
     "DTSTART;VALUE=DATE:20241128\r\nRRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=4TH;COUNT=3\r\n",
     {"2024-11-28", "2025-11-27", "2026-11-26"}},
    {"FoldedLines", "DTSTART;VALUE=DA\r\n TE:2026\r\n\t1225\r\n", {"2026-12-25"}},
    {"Cancelled", "STATUS:CANCELLED\r\nDTSTART;VALUE=DATE:20261225\r\n", {}},
    {"BeforeAndAfterTheYearsThatCount", "DTSTART;VALUE=DATE:19691231\r\nDTEND;VALUE=DATE:19700102\r\n", {"1970-01-01"}},
    {"NoStart", "SUMMARY:x\r\n", {"error: the event \"Feast\" has no DTSTART that can be read"}},
    {"EndsBeforeItStarts",
     "DTSTART;VALUE=DATE:20261225\r\nDTEND;VALUE=DATE:20261220\r\n",
     {"error: the event \"Feast\" ends before it starts"}},
    {"TooLong",
     "DTSTART;VALUE=DATE:20200101\r\nDTEND;VALUE=DATE:20260101\r\n",
     {"error: the event \"Feast\" is longer than 366 days"}},
    {"RuleThatIsNone",
     "DTSTART;VALUE=DATE:20200101\r\nRRULE:FREQ=SOMETIMES\r\n",
     {"error: the RRULE of the event \"Feast\" cannot be read"}},
    {"EverySecond",
     "DTSTART:20200101T000000Z\r\nRRULE:FREQ=SECONDLY\r\n",
     {"error: the event \"Feast\" recurs more often than daily"}},
};

class IcalTest : public ::testing::TestWithParam<Case> {};

TEST_P(IcalTest, GivesTheDaysOfAnEvent) {
  EXPECT_EQ(DaysOf(Calendar(Event(GetParam().lines))), GetParam().days);
}

INSTANTIATE_TEST_SUITE_P(All, IcalTest, ::testing::ValuesIn(kCases),
                         [](const auto& tested) { return std::string(tested.param.name); });

TEST(Ical, ARuleWithoutEndGoesOnThrough2199) {
  const auto days = DaysOfCalendar(Calendar(Event("DTSTART;VALUE=DATE:20201225\r\nRRULE:FREQ=YEARLY\r\n")));
  ASSERT_TRUE(days.ok());
  EXPECT_EQ(days->size(), 180u);
  EXPECT_EQ(FormatInstant(days->back()), "2199-12-25T00:00:00Z");
}

TEST(Ical, AnOccurrenceThatWasMovedIsOnlyWhereItWasMovedTo) {
  EXPECT_THAT(DaysOf(Calendar(Event("DTSTART;VALUE=DATE:20200501\r\nRRULE:FREQ=YEARLY;COUNT=2\r\n") +
                              Event("RECURRENCE-ID;VALUE=DATE:20210501\r\nDTSTART;VALUE=DATE:20210503\r\n"))),
              ElementsAre("2020-05-01", "2021-05-03"));
}

TEST(Ical, SeveralEventsAreOneListInOrder) {
  EXPECT_THAT(DaysOf(Calendar(Event("DTSTART;VALUE=DATE:20261225\r\n") + Event("DTSTART;VALUE=DATE:20260101\r\n") +
                              Event("DTSTART;VALUE=DATE:20261225\r\n"))),
              ElementsAre("2026-01-01", "2026-12-25"));
}

TEST(Ical, WhatIsNoCalendarIsRefused) {
  EXPECT_THAT(DaysOf(""), ElementsAre("error: it is no iCalendar file"));
  EXPECT_THAT(DaysOf("hello\n"), ElementsAre("error: it is no iCalendar file"));
  EXPECT_THAT(DaysOf(Calendar("")), ElementsAre("error: it holds no event (VEVENT)"));
  EXPECT_THAT(DaysOf(std::string("BEGIN:VCALENDAR\0", 16)), ElementsAre("error: it holds a NUL byte"));
}

TEST(Ical, HostileTextsMeetALimit) {
  std::string nested, many, endless;
  for (int i = 0; i < 100'000; ++i) nested += "BEGIN:VEVENT\r\n";
  for (int i = 0; i < 30'000; ++i) many += "BEGIN:VEVENT\r\nEND:VEVENT\r\n";
  for (int i = 0; i < 30; ++i) endless += Event("DTSTART;VALUE=DATE:19700101\r\nRRULE:FREQ=DAILY\r\n");
  EXPECT_THAT(DaysOf(nested), ElementsAre("error: its parts are nested deeper than 8"));
  EXPECT_THAT(DaysOf(Calendar(many)), ElementsAre("error: it has more than 20000 events"));
  EXPECT_THAT(DaysOf(Calendar(endless)), ElementsAre("error: its events take place more than 200000 times"));
  EXPECT_THAT(DaysOf(std::string(5 << 20, 'x')), ElementsAre("error: it is larger than 4 MiB"));
}

}  // namespace
}  // namespace pipelined
