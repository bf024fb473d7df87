#include "pipelined/lifecycle/poke.h"

#include <gmock/gmock.h>

namespace pipelined {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using namespace std::chrono_literals;

const Instant kT0 = *ParseInstant("2026-01-01T00:00:00Z");
const PokeKey kKey{"d", "t"};

// Seconds after the first look at which all others are due.
std::vector<double> Looks(const PokePolicy& policy) {
  std::vector<double> looks;
  Poke last{1, kT0};
  while (const auto next = NextPoke(policy, kKey, kT0, last, last.at)) {
    last = *next;
    looks.push_back(std::chrono::duration<double>(last.at - kT0).count());
  }
  return looks;
}

TEST(Poke, LooksAtEqualIntervalsAndOnceMoreAtTheTimeout) {
  EXPECT_THAT(Looks({60s, 200s}), ElementsAre(60, 120, 180, 200));
  EXPECT_THAT(Looks({60s, 120s}), ElementsAre(60, 120));
  EXPECT_THAT(Looks({60s, 0s}), IsEmpty());
}

// Airflow's numbers for the DAG "d", the task "t" and this start: max(int(60 * 2^(n-2)), 1) and a jitter up to as much.
TEST(Poke, BackOffDoublesWithAirflowsJitterAndIsCappedByTheTimeout) {
  EXPECT_THAT(Looks({60s, 1h, true}), ElementsAre(59, 154, 372, 845, 1475, 3295, 3600));
}

TEST(Poke, BackOffIsCappedByMaxWait) {
  EXPECT_THAT(Looks({60s, 1h, true, 5min}),
              ElementsAre(59, 154, 372, 672, 972, 1272, 1572, 1872, 2172, 2472, 2772, 3072, 3372, 3600));
}

TEST(Poke, BackOffWaitsASecondAtLeast) {
  const PokePolicy policy{200ms, 1h, true};
  std::vector<std::int64_t> waits;
  for (int n = 1; n <= 8; ++n) waits.push_back(PokeWait(policy, kKey, kT0, n, 0s) / 1s);
  EXPECT_THAT(waits, ElementsAre(1, 1, 1, 1, 1, 5, 7, 22));
}

TEST(Poke, GoesOnAfterAPauseWhereItWouldHaveBeen) {
  const Poke next = *NextPoke({60s, 1h}, kKey, kT0, {1, kT0}, kT0 + 1000s);
  EXPECT_EQ(next.number, 18);
  EXPECT_EQ(next.at, kT0 + 1020s);
  const Poke backed_off = *NextPoke({60s, 1h, true}, kKey, kT0, {1, kT0}, kT0 + 1000s);
  EXPECT_EQ(backed_off.number, 6);
  EXPECT_EQ(backed_off.at, kT0 + 1475s);
}

TEST(Poke, OwesOneLookAfterAPauseBeyondTheTimeout) {
  const auto last = NextPoke({60s, 1h}, kKey, kT0, {1, kT0}, kT0 + 24h);
  ASSERT_TRUE(last);
  EXPECT_EQ(last->at, kT0 + 1h);
  EXPECT_FALSE(NextPoke({60s, 1h}, kKey, kT0, *last, kT0 + 24h));
}

TEST(Poke, AnIntervalOfNothingIsAShortOne) {
  EXPECT_EQ(PokeWait({0s, 1h}, kKey, kT0, 1, 0s), 100ms);
}

}  // namespace
}  // namespace pipelined
