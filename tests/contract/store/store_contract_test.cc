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

INSTANTIATE_TEST_SUITE_P(Stores, StoreContract,
                         ::testing::Values(Maker{"Memory", [] { return std::make_unique<MemoryPlace>(); }},
                                           Maker{"Pg", [] { return std::make_unique<PgPlace>(); }}),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace pipelined::testing
