// Nobody waits for ever: after aging.after, one start of aging.every goes to whoever has waited longest.
#include <gtest/gtest.h>

#include "limits_fixture.h"

namespace pipelined {
namespace {

using testing::LimitsTest;
using namespace std::chrono_literals;

constexpr int kEvery = 4;

EngineLimits Aging(std::int32_t parallelism = 32) {
  EngineLimits limits;
  limits.parallelism = parallelism;
  limits.aging = AgingRule{1min, kEvery};
  return limits;
}

// Ends one task after the other, and asks for a new run of `busy` each time, until `name` is started. Answers how many
// starts that took, its own included; -1: more than `most`.
int StartsUntil(LimitsTest& t, const std::string& name, const std::string& key, std::int64_t next_run, int most = 200) {
  int starts = 0;
  while (starts < most) {
    t.Run("busy", next_run++, key);
    const auto running = t.running();
    const auto ends = std::find_if(running.begin(), running.end(), [](const auto& r) { return r.starts_with("busy"); });
    if (ends == running.end()) return -1;
    for (const std::string& started : t.End(*ends)) {
      ++starts;
      if (started == name) return starts;
    }
  }
  return -1;
}

void MakeBusyAndOld(LimitsTest& t, int old) {
  t.Make("busy", "a").weights = {100};
  std::string tasks = "t1";
  for (int i = 2; i <= old; ++i) tasks += "; t" + std::to_string(i);
  t.Make("old", tasks);
}

TEST(Aging, TheOldestOfAPoolWaitsForEveryMinusOneStartsAtMost) {
  LimitsTest t(Aging());
  t.Pool("default_pool", 1);
  MakeBusyAndOld(t, 1);
  t.Run("busy", 1);
  t.Run("old", 2);
  t.MoveClock(1min);
  EXPECT_EQ(StartsUntil(t, "old/2/t1", "", 10), kEvery);
}

TEST(Aging, EachOlderOneCostsEveryMoreStarts) {
  LimitsTest t(Aging());
  t.Pool("default_pool", 1);
  MakeBusyAndOld(t, 5);
  t.Run("busy", 1);
  t.Run("old", 2);
  t.MoveClock(1min);
  int starts = 0;
  for (int i = 1; i <= 5; ++i) {
    const std::string name = "old/2/t" + std::to_string(i);
    starts += StartsUntil(t, name, "", 100 * i);
    t.End(name);  // whatever starts in its place is one more
    ++starts;
  }
  EXPECT_LE(starts, 5 * (kEvery + 1));
}

TEST(Aging, WhatHasNotWaitedLongEnoughStaysBehind) {
  LimitsTest t(Aging());
  t.Pool("default_pool", 1);
  MakeBusyAndOld(t, 1);
  t.Run("busy", 1);
  t.Run("old", 2);
  t.MoveClock(59s);
  EXPECT_EQ(StartsUntil(t, "old/2/t1", "", 10), -1);
}

TEST(Aging, IsOffWhenEveryIsZero) {
  EngineLimits limits = Aging();
  limits.aging.every = 0;
  LimitsTest t(limits);
  t.Pool("default_pool", 1);
  MakeBusyAndOld(t, 1);
  t.Run("busy", 1);
  t.Run("old", 2);
  t.MoveClock(24h);
  EXPECT_EQ(StartsUntil(t, "old/2/t1", "", 10), -1);
}

TEST(Aging, HelpsAgainstAnotherPoolThatTakesAllOfTheParallelism) {
  LimitsTest t(Aging(1));
  MakeBusyAndOld(t, 1);
  t.TaskOf("old", "t1").pool = "quiet";
  t.Pool("quiet", 1);
  t.Run("busy", 1);
  t.Run("old", 2);
  t.MoveClock(1min);
  EXPECT_EQ(StartsUntil(t, "old/2/t1", "", 10), kEvery);
}

TEST(Aging, HelpsBehindAConcurrencyKey) {
  LimitsTest t(Aging());
  MakeBusyAndOld(t, 1);
  t.Limit("busy", "a", 1);
  t.Limit("old", "t1", 1);
  t.Run("busy", 1, "acme");
  t.Run("old", 2, "acme");
  t.MoveClock(1min);
  EXPECT_EQ(StartsUntil(t, "old/2/t1", "acme", 10), kEvery);
}

TEST(Aging, HelpsBehindAKeyInAnotherPool) {
  LimitsTest t(Aging());
  MakeBusyAndOld(t, 1);
  t.TaskOf("old", "t1").pool = "quiet";
  t.Pool("quiet", 1);
  t.Limit("busy", "a", 1);
  t.Limit("old", "t1", 1);
  t.Run("busy", 1, "acme");
  t.Run("old", 2, "acme");
  t.MoveClock(1min);
  const int starts = StartsUntil(t, "old/2/t1", "acme", 10);
  EXPECT_GT(starts, 0);
  EXPECT_LE(starts, kEvery);
}

TEST(Aging, ALargeTaskGetsItsSlotsInThatTurn) {
  LimitsTest t(Aging());
  t.Pool("default_pool", 3);
  MakeBusyAndOld(t, 1);
  t.TaskOf("old", "t1").pool_slots = 3;
  for (int run : {1, 2, 3}) t.Run("busy", run);
  t.Run("old", 9);
  t.MoveClock(1min);
  const int starts = StartsUntil(t, "old/9/t1", "", 10);
  EXPECT_GT(starts, 0);
  EXPECT_LE(starts, kEvery);
}

TEST(Aging, AfterARestartATaskHasWaitedSinceItsRunBegan) {
  LimitsTest t(Aging());
  t.Pool("default_pool", 1);
  MakeBusyAndOld(t, 1);
  t.Run("busy", 1);
  t.Restore("old", 2, {});
  t.MoveClock(1min);
  EXPECT_EQ(StartsUntil(t, "old/2/t1", "", 10), kEvery);
}

}  // namespace
}  // namespace pipelined
