#include <gmock/gmock.h>

#include "store/codec.h"

namespace pipelined {
namespace {

using std::chrono::sys_days;
using std::chrono::year;

void ComesBack(const Schedule& schedule) {
  const auto read = DecodeSchedule(EncodeSchedule(schedule));
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(*read, schedule) << EncodeSchedule(schedule);
}

TEST(ScheduleCodec, EveryFieldComesBack) {
  Schedule schedule;
  schedule.kind = ScheduleKind::kEvents;
  schedule.crons = {"0 6 * * *", "0 18 * * *"};
  schedule.every = std::chrono::minutes(15);
  schedule.every_calendar = {1, 2};
  schedule.events = {Instant(Micros(5)), Instant(Micros(-7))};
  schedule.restrict_to_events = true;
  schedule.assets = {"a"};
  schedule.text = "at …";
  schedule.timezone = "Europe/Berlin";
  schedule.start_date = Instant(Micros(11));
  schedule.end_date = Instant(Micros(12));
  schedule.catchup = true;
  schedule.data_interval = DataIntervalMeaning::kInterval;
  schedule.interval_calendar = {3, 4};
  schedule.interval = std::chrono::hours(1);
  schedule.first_slot = FirstSlot::kWithin;
  schedule.first_slot_within = std::chrono::minutes(10);
  schedule.calendar.days = {{sys_days(year(2026) / 12 / 24), sys_days(year(2027) / 1 / 1)}};
  schedule.calendar.weekdays = 65;
  schedule.calendar.holidays = {"/dags/holidays.ics"};
  schedule.calendar.on_excluded = OnExcluded::kNext;
  schedule.jitter = std::chrono::minutes(5);
  schedule.jitter_offset = Micros(123'456'789);
  ComesBack(schedule);
}

TEST(ScheduleCodec, TheDefaultComesBack) {
  ComesBack(Schedule{});
}

TEST(ScheduleCodec, WhatAnOlderVersionWroteIsReadable) {
  const auto read =
      DecodeSchedule(R"({"kind":1,"crons":["0 6 * * *"],"every_us":0,"assets":[],"text":"0 6 * * *","timezone":"UTC",)"
                     R"("catchup":false,"data_interval":0})");
  ASSERT_TRUE(read.ok());
  Schedule expected;
  expected.kind = ScheduleKind::kCron;
  expected.crons = {"0 6 * * *"};
  expected.text = "0 6 * * *";
  EXPECT_EQ(*read, expected);
}

TEST(ScheduleCodec, WhatIsNoJsonIsRefused) {
  EXPECT_FALSE(DecodeSchedule("{").ok());
}

}  // namespace
}  // namespace pipelined
