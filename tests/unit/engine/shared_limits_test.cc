// Limits beyond pools: max_active_tis, concurrency keys, rates, and the queue before them.
#include <gtest/gtest.h>

#include "limits_fixture.h"

namespace pipelined {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::LimitsTest;
using ::testing::SizeIs;
using namespace std::chrono_literals;

// --- max_active_tis

TEST(MaxActiveTisPerDag, HoldsOverAllRunsOfTheDag) {
  LimitsTest t;
  t.Make("d", "a; b");
  t.TaskOf("d", "a").max_active_tis_per_dag = 1;
  EXPECT_THAT(t.Run("d", 1), ElementsAre("d/1/a", "d/1/b"));
  EXPECT_THAT(t.Run("d", 2), ElementsAre("d/2/b"));
  EXPECT_THAT(t.Why(2, "a"), ElementsAre("max_active_tis_per_dag"));
  EXPECT_THAT(t.End("d/1/a"), ElementsAre("d/2/a"));
}

TEST(MaxActiveTisPerDag, IsNoMatterOfAnotherDagOrTask) {
  LimitsTest t;
  for (const char* dag : {"d", "e"}) {
    t.Make(dag, "a");
    t.TaskOf(dag, "a").max_active_tis_per_dag = 1;
  }
  EXPECT_THAT(t.Run("d", 1), ElementsAre("d/1/a"));
  EXPECT_THAT(t.Run("e", 2), ElementsAre("e/2/a"));
}

TEST(MaxActiveTisPerDagrun, IsNoMatterOfAnotherRun) {
  LimitsTest t;
  t.Make("d", "a");
  t.TaskOf("d", "a").max_active_tis_per_dagrun = 1;
  EXPECT_THAT(t.Run("d", 1), ElementsAre("d/1/a"));
  EXPECT_THAT(t.Run("d", 2), ElementsAre("d/2/a"));
}

TEST(MaxActiveTis, IsHeldByAProcessThatIsStillBeingStopped) {
  LimitsTest t;
  t.Make("d", "a");
  t.TaskOf("d", "a").max_active_tis_per_dag = 1;
  t.Run("d", 1);
  t.Do(CancelRun{RunId{1}});
  EXPECT_THAT(t.Run("d", 2), IsEmpty());
  EXPECT_THAT(t.End("d/1/a", TryOutcome::kStopped), ElementsAre("d/2/a"));
}

TEST(MaxActiveTis, CountsWhatRunsAfterARestart) {
  LimitsTest t;
  t.Make("d", "a");
  t.TaskOf("d", "a").max_active_tis_per_dag = 1;
  EXPECT_THAT(t.Restore("d", 1, {StoredTask{0, TaskState::kRunning, 1, std::nullopt, AttemptId{5}}}), IsEmpty());
  EXPECT_THAT(t.Run("d", 2), IsEmpty());
  EXPECT_THAT(t.End("d/1/a"), ElementsAre("d/2/a"));
}

// --- concurrency keys

TEST(ConcurrencyKey, HoldsAcrossDagsAndRuns) {
  LimitsTest t;
  for (const char* dag : {"d", "e"}) {
    t.Make(dag, "a");
    t.Limit(dag, "a", 1);
  }
  EXPECT_THAT(t.Run("d", 1, "acme"), ElementsAre("d/1/a"));
  EXPECT_THAT(t.Run("e", 2, "acme"), IsEmpty());
  EXPECT_THAT(t.Run("e", 3, "other"), ElementsAre("e/3/a"));
  EXPECT_THAT(t.Why(2, "a"), ElementsAre("concurrency"));
  EXPECT_THAT(t.End("d/1/a"), ElementsAre("e/2/a"));
}

TEST(ConcurrencyKey, LetsTheHigherWeightGoFirst) {
  LimitsTest t;
  t.Make("d", "a; low; high").weights = {1, 2, 3};
  for (const char* task : {"a", "low", "high"}) t.Limit("d", task, 1);
  EXPECT_THAT(t.Run("d", 1, "acme"), ElementsAre("d/1/high"));
  EXPECT_THAT(t.End("d/1/high"), ElementsAre("d/1/low"));
  EXPECT_THAT(t.End("d/1/low"), ElementsAre("d/1/a"));
}

TEST(ConcurrencyKey, HoldsBackNobodyElseOfItsPool) {
  LimitsTest t;
  t.Make("d", "a; b; c").weights = {9, 8, 1};
  for (const char* task : {"a", "b"}) t.Limit("d", task, 1);
  t.Pool("p", 2);
  for (const char* task : {"a", "b", "c"}) t.TaskOf("d", task).pool = "p";
  EXPECT_THAT(t.Run("d", 1, "acme"), ElementsAre("d/1/a", "d/1/c"));
}

TEST(ConcurrencyKey, OfWhichOneTaskWaitsForItsPoolIsFreeForThoseOfOtherPools) {
  LimitsTest t;
  t.Make("d", "other; a; b").weights = {9, 5, 1};
  t.Pool("full", 1);
  t.TaskOf("d", "other").pool = t.TaskOf("d", "a").pool = "full";
  for (const char* task : {"a", "b"}) t.Limit("d", task, 1);
  EXPECT_THAT(t.Run("d", 1, "acme"), ElementsAre("d/1/other", "d/1/b"));
}

TEST(ConcurrencyKey, TheSmallestMaxOfThoseThatRunCounts) {
  LimitsTest t;
  t.Make("d", "one; many; more").weights = {3, 2, 1};
  t.Limit("d", "one", 1);
  t.Limit("d", "many", 5);
  t.Limit("d", "more", 5);
  EXPECT_THAT(t.Run("d", 1, "acme"), ElementsAre("d/1/one"));
  EXPECT_THAT(t.End("d/1/one"), ElementsAre("d/1/many", "d/1/more"));
}

TEST(ConcurrencyKey, GivesSeveralPlacesOneByOne) {
  LimitsTest t;
  t.Make("d", "a; b; c; e");
  for (const char* task : {"a", "b", "c", "e"}) t.Limit("d", task, 3);
  EXPECT_THAT(t.Run("d", 1, "acme"), ElementsAre("d/1/a", "d/1/b", "d/1/c"));
  EXPECT_THAT(t.End("d/1/b"), ElementsAre("d/1/e"));
}

TEST(ConcurrencyKey, IsHeldAfterARestartByRunningAndByOrphanedAttempts) {
  LimitsTest t;
  t.Make("d", "a");
  t.Limit("d", "a", 2);
  t.Restore("d", 1, {StoredTask{0, TaskState::kRunning, 1, std::nullopt, AttemptId{5}}}, "acme");
  Holding holding;
  holding.key = "acme";
  holding.key_max = 2;
  t.Send(AttemptOrphaned{AttemptId{6}, holding});
  EXPECT_THAT(t.Run("d", 2, "acme"), IsEmpty());
  EXPECT_THAT(t.EndAttempt(6), ElementsAre("d/2/a"));
}

TEST(ConcurrencyKey, IsForgottenWhenNobodyNamesItAnyMore) {
  LimitsTest t;
  t.Make("d", "a");
  t.Limit("d", "a", 1);
  for (int i = 1; i <= 50; ++i) t.Run("d", i, "customer " + std::to_string(i));
  EXPECT_EQ(t.engine().shared_limits(), 16U);  // the other runs wait for max_active_runs
  while (!t.running().empty()) t.End(t.running().front());
  EXPECT_EQ(t.engine().shared_limits(), 0U);
}

TEST(ConcurrencyKey, TellsTheStoreWhatIsTakenAndGivenBack) {
  LimitsTest t;
  t.Make("d", "a");
  t.Limit("d", "a", 2);
  t.Run("d", 1, "acme");
  ASSERT_THAT(t.plan().keys_taken, SizeIs(1));
  EXPECT_EQ(t.plan().keys_taken[0].concurrency, "acme");
  EXPECT_EQ(t.plan().keys_taken[0].max, 2);
  EXPECT_EQ(t.plan().keys_taken[0].rate, "");
  const AttemptId attempt = t.plan().opened[0].attempt;
  t.End("d/1/a");
  EXPECT_THAT(t.plan().keys_given, ElementsAre(attempt));
}

TEST(OnConflict, SkipSkipsWhenTheKeyIsTakenAndRunsWhenItIsFree) {
  LimitsTest t;
  t.Make("d", "a; b: a");
  t.Limit("d", "a", 1, OnConflict::kSkip);
  t.TaskOf("d", "b").trigger_rule = TriggerRule::kAllDone;
  EXPECT_THAT(t.Run("d", 1, "acme"), ElementsAre("d/1/a"));
  EXPECT_THAT(t.Run("d", 2, "acme"), ElementsAre("d/2/b"));
  EXPECT_EQ(t.state("d/2/a"), "skipped");
  EXPECT_EQ(t.why("d/2/a"), "the concurrency key \"acme\" is taken by task a of run r1 of d");
  t.End("d/1/a");
  EXPECT_THAT(t.Run("d", 3, "acme"), ElementsAre("d/3/a"));
}

TEST(OnConflict, SkipOfTheLastTaskEndsTheRunAndLetsTheNextBegin) {
  LimitsTest t;
  t.Make("hold", "a");
  t.Limit("hold", "a", 1);
  auto& dag = t.Make("d", "a");
  dag.max_active_runs = 1;
  t.Limit("d", "a", 1, OnConflict::kSkip);
  DagHead head;
  head.dag_id = "d";
  head.max_active_runs = 1;
  t.Send(DagUpdated{head});
  t.Run("hold", 9, "acme");
  EXPECT_THAT(t.Run("d", 1, "acme"), IsEmpty());
  EXPECT_EQ(t.state("d/1/a"), "skipped");
  EXPECT_EQ(t.engine().active_runs(), 1U);
  EXPECT_THAT(t.Run("d", 2, "free"), ElementsAre("d/2/a"));
}

TEST(OnConflict, OfTwoThatComeAtOnceOneRuns) {
  LimitsTest t;
  t.Make("d", "a; b");
  t.Limit("d", "a", 1, OnConflict::kSkip);
  t.Limit("d", "b", 1, OnConflict::kSkip);
  EXPECT_THAT(t.Run("d", 1, "acme"), ElementsAre("d/1/a"));
  EXPECT_EQ(t.state("d/1/b"), "skipped");
}

TEST(OnConflict, CancelRunningFailsTheHolderForGoodAndStartsWhenItsProcessHasEnded) {
  LimitsTest t;
  t.Make("d", "a");
  t.TaskOf("d", "a").retry.retries = 3;
  t.Limit("d", "a", 1, OnConflict::kCancelRunning);
  t.Run("d", 1, "acme");
  const AttemptId old = t.plan().opened[0].attempt;
  EXPECT_THAT(t.Run("d", 2, "acme"), IsEmpty());
  EXPECT_THAT(t.plan().stops, ElementsAre(old));
  EXPECT_EQ(t.state("d/1/a"), "failed");
  EXPECT_EQ(t.why("d/1/a"), "cancelled: task a of run r2 of d took over the concurrency key \"acme\"");
  EXPECT_THAT(t.Why(2, "a"), ElementsAre("concurrency"));
  EXPECT_THAT(t.End("d/1/a", TryOutcome::kStopped), ElementsAre("d/2/a"));
}

TEST(OnConflict, CancelRunningStopsOneHolderForEachPlaceThatItNeeds) {
  LimitsTest t;
  t.Make("d", "a");
  t.Limit("d", "a", 2, OnConflict::kCancelRunning);
  t.Run("d", 1, "acme");
  t.Run("d", 2, "acme");
  t.Run("d", 3, "acme");
  EXPECT_THAT(t.plan().stops, SizeIs(1));
  EXPECT_EQ(t.state("d/1/a"), "failed");
  EXPECT_EQ(t.state("d/2/a"), "running");
  t.Send(PoolChanged{"x", 1});
  EXPECT_THAT(t.plan().stops, IsEmpty());
}

TEST(OnConflict, CancelRunningNeedsNoFreeSlotToBegin) {
  LimitsTest t(EngineLimits{1});
  t.Make("d", "a");
  t.Limit("d", "a", 1, OnConflict::kCancelRunning);
  t.Run("d", 1, "acme");
  EXPECT_THAT(t.Run("d", 2, "acme"), IsEmpty());
  EXPECT_EQ(t.state("d/1/a"), "failed");
  EXPECT_THAT(t.End("d/1/a", TryOutcome::kStopped), ElementsAre("d/2/a"));
}

TEST(OnConflict, APausedDagConflictsWithNobody) {
  LimitsTest t;
  t.Make("d", "a");
  t.Make("e", "b; a: b");
  for (const char* dag : {"d", "e"}) t.Limit(dag, "a", 1, OnConflict::kCancelRunning);
  DagHead head;
  head.dag_id = "e";
  t.Send(DagUpdated{head});
  t.Run("d", 1, "acme");
  t.Run("e", 2, "acme");
  t.Do(PauseDag{"e", true});
  t.End("e/2/b");
  EXPECT_EQ(t.state("d/1/a"), "running");
  t.Do(PauseDag{"e", false});
  EXPECT_EQ(t.state("d/1/a"), "failed");
}

// --- rates

TEST(Rate, LetsSoManyStartWithinAnyWindow) {
  LimitsTest t;
  t.Make("d", "a; b; c");
  for (const char* task : {"a", "b", "c"}) t.Rate("d", task, 2, 1min);
  EXPECT_THAT(t.Run("d", 1, "api"), ElementsAre("d/1/a", "d/1/b"));
  EXPECT_THAT(t.Why(1, "c"), ElementsAre("rate"));
  EXPECT_THAT(t.End("d/1/a"), IsEmpty());
  EXPECT_THAT(t.Advance(59s), IsEmpty());
  EXPECT_THAT(t.Advance(1s), ElementsAre("d/1/c"));
}

TEST(Rate, SetsOneTimerAndNoPoll) {
  LimitsTest t;
  t.Make("d", "a; b");
  for (const char* task : {"a", "b"}) t.Rate("d", task, 1, 1h);
  t.Run("d", 1, "api");
  t.Advance(5s);  // the row of what waits is written
  EXPECT_EQ(t.engine().NextTimer(), testing::kT0 + 1h);
  EXPECT_THAT(t.Advance(1h), ElementsAre("d/1/b"));
  EXPECT_FALSE(t.engine().NextTimer().has_value());
}

TEST(Rate, CountsRetriesAndHoldsAcrossDags) {
  LimitsTest t;
  for (const char* dag : {"d", "e"}) {
    t.Make(dag, "a");
    t.Rate(dag, "a", 2, 1min);
  }
  t.TaskOf("d", "a").retry = RetryPolicy{1, 1s, 0, std::nullopt, {}};
  t.Run("d", 1, "api");
  t.End("d/1/a", TryOutcome::kFailed);
  EXPECT_THAT(t.Advance(1s), ElementsAre("d/1/a"));
  EXPECT_THAT(t.Run("e", 2, "api"), IsEmpty());
  EXPECT_THAT(t.Advance(59s), ElementsAre("e/2/a"));
}

TEST(Rate, IsNotExceededBecauseOfARestart) {
  LimitsTest t;
  t.Make("d", "a");
  t.Rate("d", "a", 2, 1min);
  t.Send(RateStarted{"api", testing::kT0 - 40s, 1min});
  t.Send(RateStarted{"api", testing::kT0 - 10s, 1min});
  EXPECT_THAT(t.Run("d", 1, "api"), IsEmpty());
  EXPECT_THAT(t.Advance(20s), ElementsAre("d/1/a"));
}

TEST(Rate, IsNotExceededWhenTheClockGoesBack) {
  LimitsTest t;
  t.Make("d", "a; b");
  for (const char* task : {"a", "b"}) t.Rate("d", task, 1, 1min);
  t.Run("d", 1, "api");
  t.MoveClock(-24h);
  t.Send(PoolChanged{"x", 1});
  EXPECT_THAT(t.Advance(59s), IsEmpty());
  EXPECT_THAT(t.Advance(1s), ElementsAre("d/1/b"));
}

TEST(Rate, TellsTheStoreForHowLongAStartCounts) {
  LimitsTest t;
  t.Make("d", "a; b");
  t.Rate("d", "a", 9, 1s);
  t.Rate("d", "b", 9, 1h);
  t.Run("d", 1, "api");
  ASSERT_THAT(t.plan().keys_taken, SizeIs(2));
  EXPECT_EQ(t.plan().keys_taken[0].rate, "api");
  EXPECT_EQ(t.plan().keys_taken[0].window, 1h);
}

TEST(Rate, AndKeyAreBothKept) {
  LimitsTest t;
  t.Make("d", "a");
  t.Rate("d", "a", 2, 1min);
  t.Limit("d", "a", 1);
  EXPECT_THAT(t.Run("d", 1, "api"), ElementsAre("d/1/a"));
  EXPECT_THAT(t.Run("d", 2, "api"), IsEmpty());
  EXPECT_THAT(t.End("d/1/a"), ElementsAre("d/2/a"));
  EXPECT_THAT(t.Run("d", 3, "api"), IsEmpty());
  EXPECT_THAT(t.End("d/2/a"), IsEmpty());
  EXPECT_THAT(t.Advance(1min), ElementsAre("d/3/a"));
}

// --- pools

TEST(Pools, CountWhatIsStillBeingStoppedAfterARestart) {
  LimitsTest t;
  t.Make("d", "a");
  t.TaskOf("d", "a").pool = "db";
  t.Pool("db", 2);
  Holding holding;
  holding.pool = "db";
  holding.pool_slots = 2;
  t.Send(AttemptOrphaned{AttemptId{3}, holding});
  EXPECT_THAT(t.Run("d", 1), IsEmpty());
  EXPECT_THAT(t.EndAttempt(3), ElementsAre("d/1/a"));
}

TEST(Pools, ThatShrinkLetNothingStartUntilThereIsRoomAgain) {
  LimitsTest t;
  t.Make("d", "a; b; c");
  for (const char* task : {"a", "b", "c"}) t.TaskOf("d", task).pool = "db";
  t.Pool("db", 2);
  EXPECT_THAT(t.Run("d", 1), ElementsAre("d/1/a", "d/1/b"));
  t.Do(SetPool{"db", 1});
  EXPECT_THAT(t.End("d/1/a"), IsEmpty());
  EXPECT_THAT(t.End("d/1/b"), ElementsAre("d/1/c"));
}

// --- the queue

Value::List Rows(const CommandDone& done) {
  return done.result.Find("tasks")->list();
}

std::string Cell(const Value& row, std::string_view key) {
  const Value& value = *row.Find(key);
  return value.is_int() ? std::to_string(value.integer()) : value.string();
}

TEST(Queue, ListsWhatWaitsInOrderWithPositionAndReason) {
  LimitsTest t(EngineLimits{1});
  t.Make("d", "a; b; c").weights = {9, 1, 5};
  t.Make("e", "x").weights = {7};
  t.TaskOf("e", "x").pool = "db";
  t.Pool("db", 1);
  t.Limit("d", "c", 1);
  t.Run("d", 1, "acme");
  t.Run("e", 2);
  const CommandDone done = t.Do(ListQueue{});
  EXPECT_EQ(done.result.Find("total_entries")->integer(), 3);
  std::vector<std::string> rows;
  for (const Value& row : Rows(done)) {
    rows.push_back(Cell(row, "pool") + " " + Cell(row, "position") + " " + Cell(row, "task_id") + " " +
                   Cell(row.Find("reasons")->list().at(0), "code"));
  }
  EXPECT_THAT(rows, ElementsAre("db 1 x parallelism", "default_pool 1 c parallelism", "default_pool 2 b parallelism"));
}

TEST(Queue, IsFilteredByPoolAndDagAndCut) {
  LimitsTest t(EngineLimits{0});
  t.Make("d", "a; b; c");
  t.Make("e", "x");
  t.TaskOf("d", "b").pool = "db";
  t.Run("d", 1);
  t.Run("e", 2);
  EXPECT_THAT(Rows(t.Do(ListQueue{"db", "", 10})), SizeIs(1));
  const CommandDone of_e = t.Do(ListQueue{"", "e", 10});
  ASSERT_THAT(Rows(of_e), SizeIs(1));
  EXPECT_EQ(Cell(Rows(of_e)[0], "position"), "3");
  const CommandDone cut = t.Do(ListQueue{"", "", 2});
  EXPECT_THAT(Rows(cut), SizeIs(2));
  EXPECT_EQ(cut.result.Find("total_entries")->integer(), 4);
}

TEST(Queue, WhyNamesThePlaceInIt) {
  LimitsTest t(EngineLimits{0});
  t.Make("d", "a; b; c").weights = {9, 1, 5};
  t.Run("d", 1);
  EXPECT_EQ(t.Do(WhyTask{RunId{1}, "b"}).result.Find("position")->integer(), 3);
}

}  // namespace
}  // namespace pipelined
