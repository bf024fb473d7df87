// Leases, runs, attempts and pools.
#include <gtest/gtest.h>

#include "contract/store/store_contract.h"

namespace pipelined::testing {
namespace {

TEST_P(StoreContract, EachTakingRaisesTheEpoch) {
  const auto again = store().Acquire("me", kTtl);
  ASSERT_TRUE(again.ok() && again->has_value());
  EXPECT_EQ((*again)->epoch, lease_.epoch + 1);
  EXPECT_EQ(Commit(Plan{}).error().code, ErrorCode::kStale);
}

TEST_P(StoreContract, AHeldLeaseIsNotGivenToAnother) {
  const auto other = store().Acquire("other", kTtl);
  ASSERT_TRUE(other.ok());
  EXPECT_FALSE(other->has_value());
  ASSERT_TRUE(store().Release(lease_).ok());
  EXPECT_TRUE(store().Acquire("other", kTtl)->has_value());
}

TEST_P(StoreContract, ARunThatATaskMakesIsMadeOnceAndFoundByItsAttempt) {
  const RunInfo parent = Running();
  Plan plan;
  NewRun wanted{"d", parent.version, RunType::kManual, "made", {}};
  wanted.undated = true;
  wanted.due.run_after = At(11);
  wanted.parent = RunParent{parent.id, "t0", AttemptId{1}, true};
  plan.new_runs = {wanted};
  ASSERT_TRUE(Commit(plan).ok());
  ASSERT_EQ(last_.runs.size(), 1U);
  const RunInfo made = last_.runs[0].run;
  EXPECT_EQ(made.logical_date, std::nullopt);
  EXPECT_EQ(made.parent.run, parent.id);
  EXPECT_EQ(made.parent.task_id, "t0");
  EXPECT_TRUE(made.parent.sub_run);

  plan.new_runs[0].run_id = "again";
  ASSERT_TRUE(Commit(plan).ok());
  EXPECT_TRUE(last_.runs.empty());

  const Snapshot snapshot = Loaded();
  ASSERT_EQ(snapshot.runs.size(), 2U);
  ASSERT_EQ(snapshot.runs[0].tasks.size(), 1U);
  const auto& child = snapshot.runs[0].tasks[0].child;
  ASSERT_TRUE(child.has_value());
  EXPECT_EQ(child->run, made.id);
  EXPECT_EQ(child->dag_id + "/" + child->run_id, "d/made");
  EXPECT_EQ(child->state, RunState::kQueued);
  EXPECT_EQ(child->since, At(10));
  EXPECT_EQ(snapshot.runs[1].run.parent.attempt, AttemptId{1});
}

TEST_P(StoreContract, ARunIsFoundByItsIdOrItsDate) {
  TriggerRequest request;
  request.dag_id = "d";
  request.run_id = "dated";
  request.logical_date = At(100);
  request.run_after = At(0);
  const auto dated = place_->Trigger(request);
  ASSERT_TRUE(dated.ok());
  const RunInfo other = Triggered("other");
  EXPECT_FALSE(store().FindRun("d", "nobody", std::nullopt)->has_value());
  EXPECT_FALSE(store().FindRun("e", "dated", At(100))->has_value());
  EXPECT_EQ((*store().FindRun("d", "dated", std::nullopt))->run, dated->id);
  EXPECT_EQ((*store().FindRun("d", "nobody", At(100)))->run_id, "dated");
  EXPECT_EQ((*store().FindRun("d", "other", At(100)))->run, other.id);
}

TEST_P(StoreContract, APublishedDagIsLoadedWithItsSchedule) {
  const Snapshot snapshot = Loaded();
  ASSERT_EQ(snapshot.dags.size(), 1U);
  EXPECT_EQ(snapshot.dags[0].head.dag_id, "d");
  EXPECT_EQ(snapshot.dags[0].schedule, SampleDag("d").dag->schedule);
  EXPECT_EQ(store().LoadVersion(snapshot.dags[0].head.version)->document, "id: d\n");
}

TEST_P(StoreContract, ATriggeredRunIsPolledOnce) {
  const RunInfo run = Triggered("r1");
  const auto first = store().Poll();
  ASSERT_TRUE(first.ok()) << first.error().message;
  ASSERT_EQ(first->runs.size(), 1U);
  EXPECT_EQ(first->runs[0].id, run.id);
  EXPECT_TRUE(store().Poll()->runs.empty());
}

TEST_P(StoreContract, ARunMayBeginAndEndInOneTurn) {
  const RunInfo run = Triggered("r1");
  Plan plan;
  plan.now = At(1);
  plan.runs = {RunChange{run.id, "d", RunState::kQueued, RunState::kRunning, ""},
               RunChange{run.id, "d", RunState::kRunning, RunState::kSuccess, ""}};
  ASSERT_TRUE(Commit(plan).ok());
  EXPECT_TRUE(Loaded().runs.empty());
}

TEST_P(StoreContract, ARunningTaskIsFoundAgainWithItsAttempt) {
  const RunInfo run = Running();
  const Snapshot snapshot = Loaded();
  ASSERT_EQ(snapshot.runs.size(), 1U);
  EXPECT_EQ(snapshot.runs[0].run.state, RunState::kRunning);
  EXPECT_EQ(snapshot.runs[0].run.start_date, At(10));
  ASSERT_EQ(snapshot.runs[0].tasks.size(), 1U);
  EXPECT_EQ(snapshot.runs[0].tasks[0].attempt, AttemptId{1});
  ASSERT_EQ(snapshot.attempts.size(), 1U);
  EXPECT_EQ(snapshot.attempts[0].boot_id, "b");
  EXPECT_EQ(snapshot.last.attempt, AttemptId{1});
}

TEST_P(StoreContract, AnEndAndTheNextStartAreOneTurn) {
  const RunInfo run = Running();
  Plan plan;
  plan.closed = {Close(run.id, 0, 1, At(10), Value(Value::Map{{"rows", 42}, {"name", "x\"y"}}))};
  plan.tasks = {Finish(run.id, 0, 1, At(10)), Start(run.id, 1, 2, At(10))};
  plan.opened = {Open(run.id, 1, 2)};
  const Status stored = Commit(plan);
  ASSERT_TRUE(stored.ok()) << stored.error().message;
  EXPECT_EQ(Loaded().attempts.size(), 1U);
  EXPECT_EQ(*store().Outputs(run.id, {"t0", "t1"}),
            Value(Value::Map{{"t0", Value(Value::Map{{"name", "x\"y"}, {"rows", 42}})}}));
}

TEST_P(StoreContract, AChangeFromAnotherStateIsStaleAndNothingOfItsPlanStays) {
  const RunInfo run = Running();
  Plan plan;
  plan.tasks = {Start(run.id, 1, 2, At(10)), Start(run.id, 0, 3, At(10), TaskState::kScheduled)};
  plan.opened = {Open(run.id, 1, 2)};
  EXPECT_EQ(Commit(plan).error().code, ErrorCode::kStale);
  EXPECT_EQ(Loaded().runs[0].tasks.size(), 1U);
}

TEST_P(StoreContract, AnotherAttemptCannotEndATask) {
  const RunInfo run = Running();
  Plan plan;
  plan.tasks = {Finish(run.id, 0, 7, At(10))};
  EXPECT_EQ(Commit(plan).error().code, ErrorCode::kStale);
}

TEST_P(StoreContract, AnAttemptEndsOnce) {
  const RunInfo run = Running();
  Plan plan;
  plan.closed = {Close(run.id, 0, 1, At(10))};
  ASSERT_TRUE(Commit(plan).ok());
  EXPECT_EQ(Commit(plan).error().code, ErrorCode::kStale);
}

TEST_P(StoreContract, ARetriedTaskStartsAgainInOneTurn) {
  const RunInfo run = Running();
  Plan plan;
  plan.closed = {Close(run.id, 0, 1, At(10))};
  plan.tasks = {Start(run.id, 0, 2, At(10), TaskState::kRunning, 2)};
  plan.opened = {Open(run.id, 0, 2, 2)};
  const Status stored = Commit(plan);
  ASSERT_TRUE(stored.ok()) << stored.error().message;
  EXPECT_EQ(Loaded().runs[0].tasks[0].try_number, 2);
}

TEST_P(StoreContract, OneScheduledRunPerLogicalDate) {
  Plan plan;
  NewRun run{"d", Loaded().dags[0].head.version, RunType::kScheduled, "scheduled__1",
             DueRun{At(0), {At(0), At(0)}, At(0)}};
  plan.new_runs = {run};
  plan.dags = {DagChange{"d", std::nullopt, DataInterval{At(0), At(0)}, false, ""}};
  ASSERT_TRUE(Commit(plan).ok());
  ASSERT_EQ(last_.runs.size(), 1U);
  EXPECT_TRUE(last_.runs[0].run.id);
  ASSERT_TRUE(Commit(plan).ok());
  EXPECT_TRUE(last_.runs.empty());
  EXPECT_EQ(Loaded().dags[0].head.last_interval, (DataInterval{At(0), At(0)}));
}

TEST_P(StoreContract, OfSeveralChangesOfADagInOneTurnTheLastOnesCount) {
  Plan plan;
  plan.dags.push_back(DagChange{"d", true, std::nullopt, false, ""});
  for (int slot = 0; slot < 500; ++slot)
    plan.dags.push_back(DagChange{"d", std::nullopt, DataInterval{At(slot), At(slot + 1)}, false, ""});
  ASSERT_TRUE(Commit(plan).ok());
  EXPECT_EQ(Loaded().dags[0].head.last_interval, (DataInterval{At(499), At(500)}));
  EXPECT_TRUE(Loaded().dags[0].head.paused);
}

TEST_P(StoreContract, ADeletedDagLeavesItsOpenAttempts) {
  Running();
  Plan plan;
  plan.dags = {DagChange{"d", std::nullopt, std::nullopt, true, ""}};
  const Status stored = Commit(plan);
  ASSERT_TRUE(stored.ok()) << stored.error().message;
  const Snapshot snapshot = Loaded();
  EXPECT_TRUE(snapshot.dags.empty());
  EXPECT_TRUE(snapshot.runs.empty());
  EXPECT_EQ(snapshot.attempts.size(), 1U);
  Plan closing;
  closing.closed = {Close(RunId{}, 0, 1, At(10))};
  EXPECT_TRUE(Commit(closing).ok());
  EXPECT_TRUE(Loaded().attempts.empty());
}

TEST_P(StoreContract, AnOpenAttemptIsFoundAgainWithWhatItHolds) {
  const RunInfo run = Triggered("r1");
  Plan plan;
  plan.runs = {Begin(run)};
  plan.tasks = {Start(run.id, 0, 1, At(10)), Start(run.id, 1, 2, At(10))};
  plan.opened = {Open(run.id, 0, 1), Open(run.id, 1, 2)};
  plan.keys_taken = {KeysTaken{AttemptId{1}, "acme \"1\"", 3, "", Micros(0)}};
  const Status stored = Commit(plan);
  ASSERT_TRUE(stored.ok()) << stored.error().message;
  const Snapshot snapshot = Loaded();
  ASSERT_EQ(snapshot.attempts.size(), 2U);
  const Holding& holding = snapshot.attempts[0].holding;
  EXPECT_EQ(holding.key, "acme \"1\"");
  EXPECT_EQ(holding.key_max, 3);
  EXPECT_EQ(holding.pool, kDefaultPool);
  EXPECT_EQ(holding.pool_slots, 1);
  EXPECT_EQ(holding.dag_id, "d");
  EXPECT_EQ(holding.task_id, "t0");
  EXPECT_EQ(holding.run, run.id);
  EXPECT_EQ(snapshot.attempts[1].holding.key, "");
}

TEST_P(StoreContract, AKeyThatWasGivenBackIsHeldByNobody) {
  const RunInfo run = Running();
  Plan taking;
  taking.tasks = {Start(run.id, 1, 2, At(10))};
  taking.opened = {Open(run.id, 1, 2)};
  taking.keys_taken = {KeysTaken{AttemptId{2}, "acme", 1, "", Micros(0)}};
  ASSERT_TRUE(Commit(taking).ok());
  Plan again;  // the attempt of the next try takes it in the turn that gives it back
  again.closed = {Close(run.id, 1, 2, At(10))};
  again.keys_given = {AttemptId{2}};
  again.tasks = {Start(run.id, 1, 3, At(10), TaskState::kRunning, 2)};
  again.opened = {Open(run.id, 1, 3, 2)};
  const Status stored = Commit(again);
  ASSERT_TRUE(stored.ok()) << stored.error().message;
  const Snapshot snapshot = Loaded();
  ASSERT_EQ(snapshot.attempts.size(), 2U);
  EXPECT_EQ(snapshot.attempts[1].attempt, AttemptId{3});
  EXPECT_EQ(snapshot.attempts[1].holding.key, "");
}

TEST_P(StoreContract, StartsOfARateAreFoundAgainAsLongAsTheyCount) {
  constexpr Micros kAges = std::chrono::hours(24 * 365 * 100);
  const RunInfo run = Running();
  Plan plan;
  plan.tasks = {Start(run.id, 1, 2, At(10))};
  plan.opened = {Open(run.id, 1, 2)};
  plan.keys_taken = {KeysTaken{AttemptId{2}, "", 0, "api", kAges}, KeysTaken{AttemptId{3}, "", 0, "api", kAges}};
  const Status stored = Commit(plan);
  ASSERT_TRUE(stored.ok()) << stored.error().message;
  const Snapshot snapshot = Loaded();
  ASSERT_EQ(snapshot.rates.size(), 2U);
  EXPECT_EQ(snapshot.rates[1].key, "api");
  EXPECT_EQ(snapshot.rates[1].at, At(10));
  EXPECT_EQ(snapshot.rates[1].window, kAges);
}

TEST_P(StoreContract, PoolsAreMadeAndChanged) {
  Plan plan;
  plan.pools = {PoolChange{"small", 2}, PoolChange{"default_pool", -1}};
  ASSERT_TRUE(Commit(plan).ok());
  EXPECT_EQ(Loaded().pools.size(), 2U);
  EXPECT_EQ(Loaded().pools[0].slots, -1);
}

TEST_P(StoreContract, ADeletedPoolIsGone) {
  Plan plan;
  plan.pools = {PoolChange{"small", 2, "a few", true}};
  ASSERT_TRUE(Commit(plan).ok());
  plan.pools[0].deleted = true;
  ASSERT_TRUE(Commit(plan).ok());
  EXPECT_EQ(Loaded().pools.size(), 1U);
}

TEST_P(StoreContract, OpenAttemptsAreThoseOfAnInstance) {
  Running();
  const auto own = place_->store().OpenAttempts("i");
  ASSERT_TRUE(own.ok()) << own.error().message;
  EXPECT_EQ(own->size(), 1U);
  EXPECT_TRUE(place_->store().OpenAttempts("another")->empty());
}

TEST_P(StoreContract, AReportReachesTheLeaderWithAllThatItSays) {
  AttemptFinished end = Close(RunId{}, 0, 7, At(10), Value(Value::Map{{"rows", 42}})).end;
  end.message = "all is well";
  end.duration = Micros(1'500'000);
  ASSERT_TRUE(place_->store().Report("standby", {end}).ok());
  const auto inbox = place_->store().Poll();
  ASSERT_TRUE(inbox.ok()) << inbox.error().message;
  ASSERT_EQ(inbox->commands.size(), 1U);
  const AttemptFinished& read = std::get<ReportEnd>(inbox->commands[0].what).end;
  EXPECT_EQ(read.attempt, end.attempt);
  EXPECT_EQ(read.outcome, end.outcome);
  EXPECT_EQ(read.start, end.start);
  EXPECT_EQ(read.duration, end.duration);
  EXPECT_EQ(read.message, end.message);
  EXPECT_EQ(read.outputs, end.outputs);
}

INSTANTIATE_TEST_SUITE_P(Stores, StoreContract,
                         ::testing::Values(Maker{"Memory", [] { return std::make_unique<MemoryPlace>(); }},
                                           Maker{"Pg", [] { return std::make_unique<PgPlace>(); }}),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace pipelined::testing
