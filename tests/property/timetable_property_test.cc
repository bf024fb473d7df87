// What holds of every schedule, tried on random ones. Beside a change of the clock Airflow seeks the next tick on the
// wall clock of the instant that is asked from; what is not true there is asked for some days away from any change.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <set>

#include "pipelined/timetable/timetable.h"
#include "property/schedules.h"

namespace pipelined {
namespace {

using std::chrono::days;
using testing::Place;

// The instants at which the schedule fires, one after the other; at most `most`, none after `end`.
std::vector<DueRun> Runs(const Place& place, DataIntervalMeaning meaning, Instant end, std::size_t most) {
  Schedule schedule;
  schedule.kind = ScheduleKind::kCron;
  schedule.crons = {place.cron};
  schedule.timezone = place.zone;
  schedule.catchup = true;
  schedule.data_interval = meaning;
  const auto timetable = *MakeTimetable(schedule, testing::Zones());
  DataInterval last{place.instant(), place.instant()};
  std::vector<DueRun> runs;
  while (runs.size() < most) {
    const auto run = timetable->Next(last, place.instant());
    if (!run || run->run_after > end) break;
    runs.push_back(*run);
    last = run->interval;
  }
  return runs;
}

bool IsQuiet(const Zone& zone, Instant from, Instant to) {
  const Zone::Stretch stretch = zone.StretchAt(from);
  return stretch.begin < from - days(3) && stretch.end > to + days(3);
}

RC_GTEST_PROP(Ticks, AreLaterEachTime, (const Place& place)) {
  Instant last = place.instant();
  for (const DueRun& run : Runs(place, DataIntervalMeaning::kTrigger, Instant::max(), 100)) {
    RC_ASSERT(run.run_after > last);
    RC_ASSERT(run.logical_date == run.run_after);
    last = run.run_after;
  }
}

RC_GTEST_PROP(Intervals, FollowEachOtherWithoutAGapOrAnOverlap, (const Place& place)) {
  const auto zone = place.zone_rules();
  std::optional<Instant> end;
  for (const DueRun& run : Runs(place, DataIntervalMeaning::kInterval, Instant::max(), 100)) {
    RC_ASSERT(run.interval.start < run.interval.end);
    RC_ASSERT((!end || run.interval.start == *end || !IsQuiet(*zone, *end, *end)));
    RC_ASSERT(run.run_after == run.interval.end);
    end = run.interval.end;
  }
}

// Both kinds see the same grid: the ends of the intervals are the ticks.
RC_GTEST_PROP(Intervals, EndAtTheTicks, (const Place& place)) {
  const auto by_interval = Runs(place, DataIntervalMeaning::kInterval, Instant::max(), 20);
  if (by_interval.empty()) return;
  const auto after = place.clock().After(by_interval.front().interval.start);
  RC_ASSERT(after == by_interval.front().run_after);
  for (std::size_t i = 1; i < by_interval.size(); ++i)
    RC_ASSERT(place.clock().After(by_interval[i - 1].run_after) == by_interval[i].run_after);
}

// A day is walked second by second; only expressions without seconds skip what cannot match.
RC_GTEST_PROP(Ticks, OfADayWithoutAChangeAreItsMatchesOnceEach, (Place place)) {
  const auto zone = place.zone_rules();
  const auto clock = place.clock();
  const auto near = clock.After(place.instant());  // a day on which something happens
  if (!near) return;
  const LocalTime midnight = std::chrono::floor<days>(zone->ToLocal(*near));
  const Instant begin = zone->ToInstant(midnight), end = zone->ToInstant(midnight + days(1)) - Micros(1);
  if (!IsQuiet(*zone, begin, end)) return;
  const Cron cron = *Cron::Parse(place.cron);
  std::set<Instant> expected;
  const Seconds step(std::count(place.cron.begin(), place.cron.end(), ' ') == 5 ? 1 : 60);
  for (LocalTime wall = midnight; wall < midnight + days(1); wall += step) {
    if (cron.Matches(wall)) expected.insert(Instant(wall.time_since_epoch() - zone->OffsetAt(begin)));
  }
  place.at = std::chrono::floor<Seconds>(begin - days(1)).time_since_epoch().count();
  std::vector<Instant> got;
  for (const DueRun& run : Runs(place, DataIntervalMeaning::kTrigger, end, 200'000)) {
    if (run.run_after >= begin) got.push_back(run.run_after);
  }
  RC_ASSERT(got == std::vector<Instant>(expected.begin(), expected.end()));
}

RC_GTEST_PROP(Ticks, AreTheSameFromAnyInstantBetweenTwo, (const Place& place)) {
  const CronClock clock = place.clock();
  const auto first = clock.After(place.instant());
  const auto second = first ? clock.After(*first) : std::nullopt;
  if (!second || !IsQuiet(*place.zone_rules(), *first, *second)) return;
  const auto past = *rc::gen::inRange<std::int64_t>(0, (*second - *first).count());
  RC_ASSERT(clock.After(*first + Micros(past)) == second);
  RC_ASSERT(clock.Before(*second - Micros(past)) == first);
}

RC_GTEST_PROP(Ticks, BeforeTakesBackWhatAfterDid, (const Place& place)) {
  const CronClock clock = place.clock();
  const auto next = clock.After(place.instant());
  const auto last = clock.Before(place.instant());
  if (!next || !last || !IsQuiet(*place.zone_rules(), *last, *next)) return;
  RC_ASSERT(*last < place.instant() && place.instant() < *next + Micros(1));
  const bool on_tick = clock.AtOrAfter(place.instant()) == place.instant();
  RC_ASSERT(clock.Before(*next) == (on_tick ? place.instant() : *last));
  RC_ASSERT(clock.After(*last) == (on_tick ? place.instant() : *next));
}

RC_GTEST_PROP(Ticks, AreReadFromTheWallClock, (const Place& place)) {
  const auto zone = place.zone_rules();
  const auto next = place.clock().After(place.instant());
  if (!next || !IsQuiet(*zone, *next, *next)) return;
  RC_ASSERT(Cron::Parse(place.cron)->Matches(zone->ToLocal(*next)));
}

}  // namespace
}  // namespace pipelined
