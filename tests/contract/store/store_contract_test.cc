// What every Store must do, asked of each.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "pipelined/store/memory_store.h"
#include "pipelined/store/migrations.h"
#include "pipelined/store/pg_store.h"
#include "support/postgres_fixture.h"
#include "support/store_samples.h"

namespace pipelined::testing {
namespace {

constexpr Micros kTtl = std::chrono::seconds(30);

// A store with the doors that others use.
class Place {
 public:
  virtual ~Place() = default;
  virtual Store& store() = 0;
  virtual void Publish(const PublishedDag& dag, std::int64_t epoch) = 0;
  virtual Result<RunInfo> Trigger(const TriggerRequest& request) = 0;
};

class MemoryPlace : public Place {
 public:
  Store& store() override { return store_; }
  void Publish(const PublishedDag& dag, std::int64_t) override { store_.Publish(dag); }
  Result<RunInfo> Trigger(const TriggerRequest& request) override { return store_.Trigger(request); }

 private:
  MemoryStore store_{SystemClock()};
};

class PgPlace : public Place {
 public:
  PgPlace() {
    options_.url = PostgresFixture::Shared().url();
    options_.schema = PostgresFixture::Shared().NewSchema();
    const auto migrated = Migrate(options_);
    EXPECT_TRUE(migrated.ok()) << migrated.error().message;
    store_ = MakePgStore(options_, SystemClock());
    catalog_ = MakePgCatalog(options_);
  }
  Store& store() override { return *store_; }
  void Publish(const PublishedDag& dag, std::int64_t epoch) override {
    const auto published = MakePgPublisher(options_)->Publish(Publication{{dag}, {}, {}, {}}, epoch);
    EXPECT_TRUE(published.ok()) << published.error().message;
  }
  Result<RunInfo> Trigger(const TriggerRequest& request) override {
    auto run = catalog_->Trigger(request);
    if (!run) return run.error();
    return run->info;
  }

 private:
  StoreOptions options_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Catalog> catalog_;
};

struct Maker {
  std::string name;
  std::function<std::unique_ptr<Place>()> make;
};

// Logical dates in days after At(0).
constexpr std::int64_t kDay = 86'400;

class StoreContract : public ::testing::TestWithParam<Maker> {
 protected:
  void SetUp() override {
    place_ = GetParam().make();
    auto lease = place_->store().Acquire("me", kTtl);
    ASSERT_TRUE(lease.ok()) << lease.error().message;
    ASSERT_TRUE(lease->has_value());
    lease_ = **lease;
    place_->Publish(SampleDag("d"), lease_.epoch);
    ASSERT_TRUE(place_->store().Load(lease_).ok());
  }
  Store& store() { return place_->store(); }
  RunInfo Triggered(const std::string& run_id) {
    TriggerRequest request;
    request.dag_id = "d";
    request.run_id = run_id;
    request.run_after = At(0);
    auto run = place_->Trigger(request);
    EXPECT_TRUE(run.ok()) << run.error().message;
    return *run;
  }
  RunInfo Dated(std::int64_t day) {
    TriggerRequest request;
    request.dag_id = "d";
    request.run_id = "day" + std::to_string(day);
    request.run_after = request.logical_date.emplace(At(day * kDay));
    auto run = place_->Trigger(request);
    EXPECT_TRUE(run.ok()) << run.error().message;
    return *run;
  }
  // A finished run of that day; its tasks as they are given, by number.
  RunInfo Finished(std::int64_t day, const std::vector<TaskState>& tasks = {}, RunState end = RunState::kSuccess) {
    const RunInfo run = Dated(day);
    Plan plan;
    plan.runs = {Begin(run), RunChange{run.id, "d", RunState::kRunning, end, ""}};
    for (TaskNo no = 0; no < tasks.size(); ++no) {
      TaskChange change;
      change.run = run.id;
      change.task = no;
      change.to = tasks[no];
      change.end_date = At(10);
      plan.tasks.push_back(change);
    }
    const Status stored = Commit(plan);
    EXPECT_TRUE(stored.ok()) << stored.error().message;
    return run;
  }
  Status Commit(Plan plan) {
    plan.now = At(10);
    auto committed = store().Commit(plan, lease_, ExecutorIdentity{"i", "b"});
    if (!committed) return committed.error();
    last_ = *committed;
    return Ok();
  }
  Snapshot Loaded() {
    auto snapshot = store().Load(lease_);
    EXPECT_TRUE(snapshot.ok()) << snapshot.error().message;
    return *snapshot;
  }
  // A running run whose task 0 is on attempt 1.
  RunInfo Running() {
    const RunInfo run = Triggered("r1");
    Plan plan;
    plan.runs = {Begin(run)};
    plan.tasks = {Start(run.id, 0, 1, At(10))};
    plan.opened = {Open(run.id, 0, 1)};
    const Status stored = Commit(plan);
    EXPECT_TRUE(stored.ok()) << stored.error().message;
    return run;
  }

  std::unique_ptr<Place> place_;
  Lease lease_;
  Committed last_;
};

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

TEST_P(StoreContract, AnEndedRunRunsAgainForATaskAndStaysOfItsType) {
  const RunInfo parent = Running();
  const RunInfo ended = Triggered("ended");
  Plan end;
  end.runs = {Begin(ended), RunChange{ended.id, "d", RunState::kRunning, RunState::kSuccess, ""}};
  ASSERT_TRUE(Commit(end).ok());
  Plan plan;
  RunReset reset{ended.id, ended.version, {}, 0, Value(), "again"};
  reset.parent = RunParent{parent.id, "t0", AttemptId{1}, false};
  plan.resets = {reset};
  ASSERT_TRUE(Commit(plan).ok());
  ASSERT_EQ(last_.runs.size(), 1U);
  EXPECT_EQ(last_.runs[0].run.state, RunState::kQueued);
  EXPECT_EQ(last_.runs[0].run.type, RunType::kManual);
  EXPECT_EQ(last_.runs[0].run.parent.attempt, AttemptId{1});
  EXPECT_EQ(Loaded().runs[0].tasks[0].child->run, ended.id);
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

// A backfill over four dates, of which the first three are to be made and the last exists.
TEST_P(StoreContract, TheRunBeforeIsTheOneWithTheLatestEarlierDate) {
  Finished(1);
  const RunInfo before = Finished(3, {TaskState::kSuccess, TaskState::kSkipped});
  const RunInfo run = Dated(5);
  Dated(7);
  const auto past = store().RunBefore(run, false, {"t0", "t1"});
  ASSERT_TRUE(past.ok()) << past.error().message;
  ASSERT_TRUE(past->has_value());
  EXPECT_EQ((*past)->run, before.id);
  EXPECT_EQ((*past)->run_id, "day3");
  EXPECT_EQ((*past)->logical_date, At(3 * kDay));
  EXPECT_TRUE((*past)->finished);
  EXPECT_TRUE((*past)->unmet.empty());
}

TEST_P(StoreContract, WhatHoldsTheNextRunBackIsNamedWithItsState) {
  place_->Publish(SampleDag("d", 3, "h3"), lease_.epoch);
  Finished(1, {TaskState::kSuccess, TaskState::kFailed}, RunState::kFailed);  // t2 was never touched
  const auto past = store().RunBefore(Dated(2), false, {"t0", "t1", "t2"});
  ASSERT_TRUE(past.ok()) << past.error().message;
  EXPECT_THAT((*past)->unmet, ::testing::ElementsAre(PastTask{"t1", TaskState::kFailed, false},
                                                     PastTask{"t2", TaskState::kNone, false}));
}

TEST_P(StoreContract, ATaskThatTheRunBeforeDidNotHaveIsSaidToBeNewOrNot) {
  place_->Publish(SampleDag("d", 3, "h3"), lease_.epoch);
  Finished(1);  // had t2
  place_->Publish(SampleDag("d", 2, "h2"), lease_.epoch);
  Finished(2, {TaskState::kSuccess, TaskState::kSuccess});
  const auto past = store().RunBefore(Dated(3), false, {"t0", "t2", "t9"});
  ASSERT_TRUE(past.ok()) << past.error().message;
  EXPECT_THAT((*past)->unmet,
              ::testing::ElementsAre(PastTask{"t2", std::nullopt, false}, PastTask{"t9", std::nullopt, true}));
}

TEST_P(StoreContract, OfAMappedTaskAllInstancesOfTheRunBeforeCount) {
  const auto finished = [&](std::int64_t day, std::vector<TaskState> instances) {
    const RunInfo run = Dated(day);
    Plan plan;
    plan.runs = {Begin(run), RunChange{run.id, "d", RunState::kRunning, RunState::kSuccess, ""}};
    TaskExpanded expanded;
    expanded.run = run.id;
    expanded.task = 0;
    expanded.length = 3;
    plan.expanded = {expanded};
    for (std::size_t index = 0; index < instances.size(); ++index) {
      TaskChange change;
      change.run = run.id;
      change.map_index = static_cast<std::int32_t>(index);
      change.to = instances[index];
      change.end_date = At(10);
      plan.tasks.push_back(change);
    }
    const Status stored = Commit(plan);
    EXPECT_TRUE(stored.ok()) << stored.error().message;
    return store().RunBefore(Dated(day + 1), false, {"t0"})->value().unmet;
  };
  using ::testing::ElementsAre;
  EXPECT_THAT(finished(1, {TaskState::kSuccess, TaskState::kSkipped, TaskState::kSuccess}), ElementsAre());
  EXPECT_THAT(finished(11, {TaskState::kSuccess, TaskState::kFailed, TaskState::kSuccess}),
              ElementsAre(PastTask{"t0", TaskState::kFailed, false}));
  EXPECT_THAT(finished(21, {TaskState::kSuccess, TaskState::kSuccess}),  // the third was never touched
              ElementsAre(PastTask{"t0", TaskState::kNone, false}));
}

TEST_P(StoreContract, ARunBeforeThatIsUnderWayIsSaidToBe) {
  Dated(1);
  const auto past = store().RunBefore(Dated(2), false, {"t0"});
  ASSERT_TRUE(past.ok() && past->has_value());
  EXPECT_FALSE((*past)->finished);
}

TEST_P(StoreContract, RunsByHandMayBePassedOverAndTheFirstRunHasNoneBefore) {
  const RunInfo first = Finished(1);  // by hand, as all that are triggered
  const RunInfo run = Dated(2);
  EXPECT_FALSE(store().RunBefore(run, true, {"t0"})->has_value());
  EXPECT_FALSE(store().RunBefore(first, false, {"t0"})->has_value());
  EXPECT_FALSE(store().RunBefore(Triggered("undated"), false, {"t0"})->has_value());
}

Plan WithDeadline(RunId run, DeadlineState state, std::int64_t at = 60) {
  Plan plan;
  plan.deadlines = {DeadlineChange{run, "d", "r1", StoredDeadline{1, At(at), state}, "1m after it was queued"}};
  return plan;
}

TEST_P(StoreContract, ADeadlineIsLoadedWithItsRun) {
  const RunInfo run = Triggered("r1");
  ASSERT_TRUE(Commit(WithDeadline(run.id, DeadlineState::kDue)).ok());
  const Snapshot snapshot = Loaded();
  ASSERT_EQ(snapshot.runs.size(), 1U);
  EXPECT_THAT(snapshot.runs[0].deadlines, ::testing::ElementsAre(StoredDeadline{1, At(60), DeadlineState::kDue}));
}

TEST_P(StoreContract, AMissedDeadlineStaysMissedAndAMetOneMayBeSetAnew) {
  const RunInfo run = Triggered("r1");
  ASSERT_TRUE(Commit(WithDeadline(run.id, DeadlineState::kMet)).ok());
  ASSERT_TRUE(Commit(WithDeadline(run.id, DeadlineState::kDue, 90)).ok());
  EXPECT_THAT(Loaded().runs[0].deadlines, ::testing::ElementsAre(StoredDeadline{1, At(90), DeadlineState::kDue}));
  ASSERT_TRUE(Commit(WithDeadline(run.id, DeadlineState::kMissed, 90)).ok());
  ASSERT_TRUE(Commit(WithDeadline(run.id, DeadlineState::kDue, 120)).ok());
  EXPECT_THAT(Loaded().runs[0].deadlines, ::testing::ElementsAre(StoredDeadline{1, At(90), DeadlineState::kMissed}));
}

TEST_P(StoreContract, ARunThatIsSetBackComesWithItsDeadlines) {
  const RunInfo run = Finished(1);
  ASSERT_TRUE(Commit(WithDeadline(run.id, DeadlineState::kMissed)).ok());
  Plan plan;
  plan.resets = {RunReset{run.id, run.version, BackfillId{1}, 4, Value(), "again"}};
  ASSERT_TRUE(Commit(plan).ok());
  ASSERT_EQ(last_.runs.size(), 1U);
  EXPECT_THAT(last_.runs[0].deadlines, ::testing::ElementsAre(StoredDeadline{1, At(60), DeadlineState::kMissed}));
}

TEST_P(StoreContract, TheLatestRunsAreThoseWithTheLatestDates) {
  const RunInfo old = Finished(1), failed = Finished(3, {}, RunState::kFailed), queued = Dated(2);
  const auto latest = store().LatestRuns("d", 2);
  ASSERT_TRUE(latest.ok()) << latest.error().message;
  EXPECT_THAT(*latest, ::testing::UnorderedElementsAre(RecentRun{failed.id, At(3 * kDay), RunState::kFailed},
                                                       RecentRun{queued.id, At(2 * kDay), RunState::kQueued}));
  EXPECT_EQ(store().LatestRuns("d", 9)->size(), 3U);
}

TEST_P(StoreContract, ARunWithoutADateCountsFromWhenItWasDue) {
  Finished(1);
  const RunInfo undated = Triggered("undated");  // due at At(0)
  const auto latest = store().LatestRuns("d", 9);
  ASSERT_TRUE(latest.ok()) << latest.error().message;
  EXPECT_THAT(*latest, ::testing::Contains(RecentRun{undated.id, At(0), RunState::kQueued}));
  EXPECT_EQ(store().LatestRuns("d", 1)->front().date, At(kDay));
}

TEST_P(StoreContract, TheAverageRuntimeIsThatOfTheLastFinishedRuns) {
  const RunInfo run = Dated(1);
  Plan begin;
  begin.runs = {Begin(run)};
  ASSERT_TRUE(Commit(begin).ok());  // at At(10)
  Plan end;
  end.now = At(40);
  end.runs = {RunChange{run.id, "d", RunState::kRunning, RunState::kFailed, ""}};
  ASSERT_TRUE(store().Commit(end, lease_, ExecutorIdentity{"i", "b"}).ok());
  Finished(2);  // begins and ends at once
  Dated(3);
  EXPECT_EQ(*store().AverageRuntime("d", 2, 10), std::optional<Micros>(Seconds(15)));
  EXPECT_EQ(*store().AverageRuntime("d", 1, 1), std::optional<Micros>(Seconds(0)));
  EXPECT_FALSE(store().AverageRuntime("d", 3, 10)->has_value());
}

TEST_P(StoreContract, WhatOverlappingSlotsDoIsPublishedAndASkippedOneIsStored) {
  PublishedDag dag = SampleDag("d", 2, "h9");
  auto changed = std::make_shared<Dag>(*dag.dag);
  changed->overlap = Overlap::kSkip;
  dag.dag = changed;
  place_->Publish(dag, lease_.epoch);
  EXPECT_EQ(Loaded().dags[0].head.overlap, Overlap::kSkip);
  Plan plan;
  plan.skipped = {SlotSkipped{"d", DueRun{At(0), {At(0), At(0)}, At(0)}, "the slot was skipped"}};
  EXPECT_TRUE(Commit(plan).ok());
}

BackfillMade FourDates(RunId existing) {
  BackfillMade made;
  made.id = BackfillId{1};
  made.dag_id = "d";
  made.range = BackfillRange{At(0), At(400), Reprocess::kCompleted, false};
  made.max_active_runs = 3;
  made.who = "ann";
  made.conf.Set("region", "eu");
  for (int i = 1; i <= 4; ++i) {
    BackfillSlot slot;
    slot.ordinal = i;
    slot.due = DueRun{At(100 * i), {At(100 * i), At(100 * i)}, At(100 * i)};
    made.slots.push_back(slot);
  }
  made.slots[2].skip = SlotSkip::kAlreadyExists;
  made.slots[3].existing = ExistingRun{existing, At(400), RunState::kSuccess};
  return made;
}

NewRun OfBackfill(const BackfillSlot& slot) {
  NewRun run;
  run.dag_id = "d";
  run.version = VersionId{1};
  run.type = RunType::kBackfill;
  run.run_id = BackfillRunId(slot.due);
  run.due = slot.due;
  run.backfill = BackfillId{1};
  run.ordinal = slot.ordinal;
  run.triggered_by = "backfill";
  return run;
}

TEST_P(StoreContract, ABackfillIsFoundAgainWithWhatIsStillToBeMade) {
  Plan plan;
  plan.made = {FourDates(RunId{9})};
  plan.new_runs = {OfBackfill(plan.made[0].slots[0])};
  const Status stored = Commit(plan);
  ASSERT_TRUE(stored.ok()) << stored.error().message;
  ASSERT_EQ(last_.runs.size(), 1U);
  EXPECT_EQ(last_.runs[0].run.backfill, BackfillId{1});
  EXPECT_EQ(last_.runs[0].run.backfill_ordinal, 1);
  const Snapshot snapshot = Loaded();
  EXPECT_EQ(snapshot.last.backfill, BackfillId{1});
  ASSERT_EQ(snapshot.backfills.size(), 1U);
  const StoredBackfill& backfill = snapshot.backfills[0];
  EXPECT_EQ(backfill.max_active_runs, 3);
  EXPECT_EQ(backfill.conf.Find("region")->string(), "eu");
  ASSERT_EQ(backfill.todo.size(), 2U);
  EXPECT_EQ(backfill.todo[0].due.logical_date, At(200));
  EXPECT_FALSE(backfill.todo[0].existing.has_value());
  EXPECT_EQ(backfill.todo[1].existing->run, RunId{9});
}

TEST_P(StoreContract, ASlotThatSomebodyTookIsSettled) {
  TriggerRequest request;
  request.dag_id = "d";
  request.logical_date = request.run_after = At(100);
  ASSERT_TRUE(place_->Trigger(request).ok());
  Plan plan;
  plan.made = {FourDates(RunId{9})};
  plan.new_runs = {OfBackfill(plan.made[0].slots[0])};
  ASSERT_TRUE(Commit(plan).ok());
  EXPECT_TRUE(last_.runs.empty());
  EXPECT_EQ(Loaded().backfills[0].todo.size(), 2U);
}

TEST_P(StoreContract, ASlotWhoseRunIdIsTakenIsSettled) {
  TriggerRequest request;
  request.dag_id = "d";
  request.run_after = At(7);
  request.run_id = BackfillRunId(DueRun{At(100), {At(100), At(100)}, At(100)});
  ASSERT_TRUE(place_->Trigger(request).ok());
  Plan plan;
  plan.made = {FourDates(RunId{9})};
  plan.new_runs = {OfBackfill(plan.made[0].slots[0])};
  ASSERT_TRUE(Commit(plan).ok());
  EXPECT_TRUE(last_.runs.empty());
  EXPECT_EQ(Loaded().backfills[0].todo.size(), 2U);
}

TEST_P(StoreContract, ACompletedBackfillIsNotLoaded) {
  Plan plan;
  plan.made = {FourDates(RunId{9})};
  ASSERT_TRUE(Commit(plan).ok());
  Plan paused;
  paused.backfills = {BackfillChange{BackfillId{1}, "d", true, false, false, "paused"}};
  ASSERT_TRUE(Commit(paused).ok());
  EXPECT_TRUE(Loaded().backfills[0].paused);
  Plan over;
  over.backfills = {BackfillChange{BackfillId{1}, "d", std::nullopt, true, true, "cancelled"}};
  ASSERT_TRUE(Commit(over).ok());
  EXPECT_TRUE(Loaded().backfills.empty());
  EXPECT_EQ(Loaded().last.backfill, BackfillId{1});
}

TEST_P(StoreContract, AFinishedRunIsSetBackWithItsTriesAndWithoutItsOutputs) {
  const RunInfo run = Running();
  Plan end;
  end.closed = {Close(run.id, 0, 1, At(20), Value(Value::Map{{"rows", 1}}))};
  end.tasks = {Finish(run.id, 0, 1, At(20))};
  end.runs = {RunChange{run.id, "d", RunState::kRunning, RunState::kSuccess, ""}};
  ASSERT_TRUE(Commit(end).ok());
  Plan plan;
  plan.resets = {RunReset{run.id, run.version, BackfillId{1}, 4, Value(Value::Map{{"region", "us"}}), "again"}};
  const Status stored = Commit(plan);
  ASSERT_TRUE(stored.ok()) << stored.error().message;
  ASSERT_EQ(last_.runs.size(), 1U);
  const RestoredRun& back = last_.runs[0];
  EXPECT_EQ(back.run.state, RunState::kQueued);
  EXPECT_EQ(back.run.type, RunType::kBackfill);
  EXPECT_FALSE(back.run.start_date.has_value());
  EXPECT_EQ(back.run.conf.Find("region")->string(), "us");
  ASSERT_EQ(back.tasks.size(), 1U);
  EXPECT_EQ(back.tasks[0].state, TaskState::kNone);
  EXPECT_EQ(back.tasks[0].try_number, 1);
  EXPECT_EQ(back.tasks[0].max_tries, 1);  // a task without retries
  EXPECT_EQ(*store().Outputs(run.id, {"t0"}), Value(Value::Map{}));
  ASSERT_EQ(Loaded().runs.size(), 1U);
  EXPECT_EQ(Loaded().runs[0].tasks.size(), 1U);
  // And it runs again: the row is there, and is taken for none.
  Plan again;
  again.runs = {Begin(run)};
  again.tasks = {Start(run.id, 0, 2, At(30), TaskState::kNone, 2)};
  again.opened = {Open(run.id, 0, 2, 2)};
  const Status ran = Commit(again);
  ASSERT_TRUE(ran.ok()) << ran.error().message;
  EXPECT_EQ(Loaded().runs[0].tasks[0].attempt, AttemptId{2});
}

// Instance `index` of task 0, mapped three times, on attempt 1 + index.
Plan ThreeInstances(const RunInfo& run) {
  Plan plan;
  plan.runs = {Begin(run)};
  plan.expanded = {TaskExpanded{run.id, 0, 3, {"a", "b", "c"}}};
  for (std::int32_t index = 0; index < 2; ++index) {
    plan.tasks.push_back(Start(run.id, 0, 1 + index, At(10)));
    plan.tasks.back().map_index = index;
    plan.opened.push_back(Open(run.id, 0, 1 + index));
    plan.opened.back().map_index = index;
  }
  return plan;
}

TEST_P(StoreContract, InstancesOfAMappedTaskAreFoundAgain) {
  const RunInfo run = Triggered("r1");
  const Status stored = Commit(ThreeInstances(run));
  ASSERT_TRUE(stored.ok()) << stored.error().message;
  const Snapshot snapshot = Loaded();
  ASSERT_EQ(snapshot.runs.size(), 1U);
  ASSERT_EQ(snapshot.runs[0].lengths.size(), 1U);
  EXPECT_EQ(snapshot.runs[0].lengths[0].length, 3U);
  ASSERT_EQ(snapshot.runs[0].tasks.size(), 2U);
  EXPECT_EQ(snapshot.runs[0].tasks[1].map_index, 1);
  EXPECT_EQ(snapshot.runs[0].tasks[1].attempt, AttemptId{2});
}

TEST_P(StoreContract, OutputsOfInstancesAreAListAndAnOwnOneIsNot) {
  const RunInfo run = Triggered("r1");
  ASSERT_TRUE(Commit(ThreeInstances(run)).ok());
  Plan plan;
  for (std::int32_t index = 1; index >= 0; --index) {
    plan.closed.push_back(Close(run.id, 0, 1 + index, At(10), Value(Value::Map{{"n", index + 5}})));
    plan.closed.back().map_index = index;
    plan.tasks.push_back(Finish(run.id, 0, 1 + index, At(10)));
    plan.tasks.back().map_index = index;
  }
  const Status stored = Commit(plan);
  ASSERT_TRUE(stored.ok()) << stored.error().message;
  EXPECT_EQ(*store().Outputs(run.id, {"t0"}),
            Value(Value::Map{{"t0", Value(Value::Map{{"n", Value(Value::List{5, 6})}})}}));
  EXPECT_EQ(*store().Outputs(run.id, {"t0"}, OwnInstance{1, {"t0"}}),
            Value(Value::Map{{"t0", Value(Value::Map{{"n", 6}})}}));
}

TEST_P(StoreContract, ARunThatIsSetBackForgetsHowManyInstancesThereWere) {
  const RunInfo run = Triggered("r1");
  Plan plan = ThreeInstances(run);
  plan.opened.clear();
  for (TaskChange& change : plan.tasks) {
    change.to = TaskState::kSkipped;
    change.end_date = At(10);
  }
  plan.runs.push_back(RunChange{run.id, "d", RunState::kRunning, RunState::kSuccess, ""});
  const Status stored = Commit(plan);
  ASSERT_TRUE(stored.ok()) << stored.error().message;
  Plan back;
  back.resets = {RunReset{run.id, run.version, BackfillId{1}, 1, Value(), "again"}};
  ASSERT_TRUE(Commit(back).ok());
  ASSERT_EQ(last_.runs.size(), 1U);
  EXPECT_TRUE(last_.runs[0].lengths.empty());
  EXPECT_TRUE(Loaded().runs[0].lengths.empty());
  ASSERT_EQ(last_.runs[0].tasks.size(), 2U);
  EXPECT_EQ(last_.runs[0].tasks[1].map_index, 1);
}

TEST_P(StoreContract, ARunThatIsUnderWayIsNotSetBack) {
  const RunInfo run = Running();
  Plan plan;
  plan.resets = {RunReset{run.id, run.version, BackfillId{1}, 4, Value(), "again"}};
  ASSERT_TRUE(Commit(plan).ok());
  EXPECT_TRUE(last_.runs.empty());
  EXPECT_EQ(Loaded().runs[0].run.state, RunState::kRunning);
}

TEST_P(StoreContract, ARunIsNotSetBackWhileAProcessOfItIsStillStopping) {
  const RunInfo run = Running();
  Plan cancel;
  cancel.tasks = {Finish(run.id, 0, 1, At(20), TaskState::kFailed)};
  cancel.runs = {RunChange{run.id, "d", RunState::kRunning, RunState::kFailed, ""}};
  ASSERT_TRUE(Commit(cancel).ok());
  Plan plan;
  plan.resets = {RunReset{run.id, run.version, BackfillId{1}, 4, Value(), "again"}};
  ASSERT_TRUE(Commit(plan).ok());
  EXPECT_TRUE(last_.runs.empty());
}

TEST_P(StoreContract, RunsOfARangeAreFoundByTheirDates) {
  for (const int at : {100, 200, 300}) {
    TriggerRequest request;
    request.dag_id = "d";
    request.logical_date = request.run_after = At(at);
    ASSERT_TRUE(place_->Trigger(request).ok());
  }
  const auto runs = store().RunsBetween("d", At(100), At(200));
  ASSERT_TRUE(runs.ok()) << runs.error().message;
  EXPECT_EQ(runs->size(), 2U);
  EXPECT_TRUE(store().RunsBetween("other", At(0), At(900))->empty());
  EXPECT_EQ((*store().FindDag("d"))->schedule, SampleDag("d").dag->schedule);
  EXPECT_FALSE(store().FindDag("other")->has_value());
}

// What people decide is stored before the rest of the turn, in order, and a clear takes the outputs with it.
TEST_P(StoreContract, SteeredTasksAreStoredInOrderBeforeTheOthers) {
  const RunInfo run = Triggered("r");
  Plan begin;
  begin.now = At(1);
  begin.runs = {Begin(run)};
  begin.tasks = {Start(run.id, 0, 1, At(1))};
  begin.opened = {Open(run.id, 0, 1)};
  ASSERT_TRUE(Commit(begin).ok());
  Plan plan;
  plan.now = At(2);
  plan.closed = {Close(run.id, 0, 1, At(2), Value(Value::Map{{"rows", 1}}))};
  plan.tasks = {Finish(run.id, 0, 1, At(2))};
  ASSERT_TRUE(Commit(plan).ok());
  TaskChange marked = Finish(run.id, 0, 1, At(3), TaskState::kFailed);
  marked.from = TaskState::kSuccess;
  marked.end_date.reset();
  TaskChange cleared = marked;
  cleared.from = TaskState::kFailed;
  cleared.to = TaskState::kNone;
  cleared.max_tries = 4;
  Plan steer;
  steer.now = At(3);
  steer.steered = {marked, cleared};
  steer.cleared = {RunCleared{run.id}};
  steer.notes = {NoteChange{run.id, "t0", "by hand", "ann"}, NoteChange{run.id, "", "late", "ann"}};
  steer.tasks = {Start(run.id, 0, 2, At(3), TaskState::kNone, 2)};
  steer.opened = {Open(run.id, 0, 2, 2)};
  ASSERT_TRUE(Commit(steer).ok());
  const auto outputs = store().Outputs(run.id, {"t0"});
  ASSERT_TRUE(outputs.ok());
  EXPECT_EQ(outputs->Find("t0"), nullptr);
  const auto snapshot = store().Load(lease_);
  ASSERT_TRUE(snapshot.ok());
  ASSERT_THAT(snapshot->runs.front().tasks, ::testing::SizeIs(1));
  EXPECT_EQ(snapshot->runs.front().tasks[0].state, TaskState::kRunning);
  EXPECT_EQ(snapshot->runs.front().tasks[0].try_number, 2);
}

TEST_P(StoreContract, ASteeredTaskThatIsNotAsExpectedIsStale) {
  const RunInfo run = Triggered("r");
  TaskChange cleared;
  cleared.run = run.id;
  cleared.from = TaskState::kFailed;
  Plan plan;
  plan.now = At(1);
  plan.steered = {cleared};
  EXPECT_FALSE(Commit(plan).ok());
}

TEST_P(StoreContract, ARestartingTaskKeepsItsAttemptOverARestart) {
  const RunInfo run = Triggered("r");
  Plan begin;
  begin.now = At(1);
  begin.runs = {Begin(run)};
  begin.tasks = {Start(run.id, 1, 1, At(1))};
  begin.opened = {Open(run.id, 1, 1)};
  ASSERT_TRUE(Commit(begin).ok());
  TaskChange restarting = Start(run.id, 1, 1, At(1), TaskState::kRunning);
  restarting.to = TaskState::kRestarting;
  restarting.start_date.reset();
  Plan plan;
  plan.now = At(2);
  plan.steered = {restarting};
  ASSERT_TRUE(Commit(plan).ok());
  const auto snapshot = store().Load(lease_);
  ASSERT_TRUE(snapshot.ok());
  EXPECT_EQ(snapshot->runs.front().tasks[0].state, TaskState::kRestarting);
  EXPECT_EQ(snapshot->runs.front().tasks[0].attempt, AttemptId{1});
  EXPECT_EQ(snapshot->attempts[0].run, run.id);
  EXPECT_EQ(snapshot->attempts[0].task, 1U);
}

TEST_P(StoreContract, AnEndedRunIsQueuedAgainAndChosenWithItsTasksOnlyWhenItHasEnded) {
  const RunInfo run = Triggered("r");
  Plan end;
  end.now = At(1);
  end.runs = {Begin(run), RunChange{run.id, run.dag_id, RunState::kRunning, RunState::kFailed, ""}};
  TaskChange failed;
  failed.run = run.id;
  failed.to = TaskState::kUpstreamFailed;
  failed.end_date = At(1);
  end.tasks = {failed};
  ASSERT_TRUE(Commit(end).ok());
  auto chosen = store().RunsChosen(RunChoice{"d", run.id}, 10);
  ASSERT_TRUE(chosen.ok());
  ASSERT_THAT(*chosen, ::testing::SizeIs(1));
  EXPECT_THAT(chosen->front().tasks, ::testing::SizeIs(1));
  Plan again;
  again.now = At(2);
  again.runs = {RunChange{run.id, run.dag_id, RunState::kFailed, RunState::kQueued, "cleared by ann"}};
  ASSERT_TRUE(Commit(again).ok());
  chosen = store().RunsChosen(RunChoice{"d", run.id}, 10);
  ASSERT_TRUE(chosen.ok());
  EXPECT_EQ(chosen->front().run.state, RunState::kQueued);
  EXPECT_FALSE(chosen->front().run.start_date.has_value());
  EXPECT_THAT(chosen->front().tasks, ::testing::IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(Stores, StoreContract,
                         ::testing::Values(Maker{"Memory", [] { return std::make_unique<MemoryPlace>(); }},
                                           Maker{"Pg", [] { return std::make_unique<PgPlace>(); }}),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace pipelined::testing
