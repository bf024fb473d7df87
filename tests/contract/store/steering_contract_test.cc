// Runs that are set back, and tasks that are steered.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "contract/store/store_contract.h"

namespace pipelined::testing {
namespace {

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

// --- who asked for it

TEST_P(StoreContract, WhatTheSchedulerDoesByItselfHasNoAuthor) {
  EXPECT_THAT(place_->Authored(Running()), ::testing::IsEmpty());
}

// Ann cancels while the scheduler ends another run in the same turn: only her changes are hers.
TEST_P(StoreContract, EachChangeOfATurnKeepsItsAuthor) {
  const RunInfo run = Running();
  const RunInfo other = Triggered("other");
  Plan plan;
  plan.runs = {RunChange{run.id, "d", RunState::kRunning, RunState::kFailed, "cancelled by ann", "ann"}, Begin(other)};
  TaskChange failed = Finish(run.id, 0, 1, At(20), TaskState::kFailed);
  failed.who = 1;
  plan.authors = {"ann"};
  plan.tasks = {failed, Start(other.id, 0, 2, At(20))};
  plan.opened = {Open(other.id, 0, 2)};
  const Status stored = Commit(plan);
  ASSERT_TRUE(stored.ok()) << stored.error().message;
  EXPECT_THAT(place_->Authored(run), ::testing::ElementsAre("run failed ann", "0 failed ann"));
  EXPECT_THAT(place_->Authored(other), ::testing::IsEmpty());
}

TEST_P(StoreContract, ASteeredTaskAndARunThatGoesOnHaveTheirAuthors) {
  const RunInfo run = Finished(1, {TaskState::kFailed}, RunState::kFailed);
  TaskChange marked;
  marked.run = run.id;
  marked.from = TaskState::kFailed;
  marked.to = TaskState::kSuccess;
  marked.who = 1;
  TaskChange cleared = marked;
  cleared.from = TaskState::kSuccess;
  cleared.to = TaskState::kNone;
  cleared.who = 2;
  TaskChange again = cleared;  // by nobody
  again.from = TaskState::kNone;
  again.to = TaskState::kSkipped;
  again.who = 0;
  Plan plan;
  plan.steered = {marked, cleared, again};
  plan.authors = {"bob", "o'ann \"the\" first"};
  plan.runs = {RunChange{run.id, "d", RunState::kFailed, RunState::kQueued, "", "ann"}, Begin(run)};
  const Status stored = Commit(plan);
  ASSERT_TRUE(stored.ok()) << stored.error().message;
  EXPECT_THAT(place_->Authored(run),
              ::testing::ElementsAre("0 success bob", "0 none o'ann \"the\" first", "run queued ann"));
}

TEST_P(StoreContract, ARunThatABackfillSetsBackIsItsMakers) {
  const RunInfo run = Finished(1, {TaskState::kFailed}, RunState::kFailed);
  RunReset reset{run.id, run.version, BackfillId{1}, 4, Value(), "again"};
  reset.who = "ann";
  Plan plan;
  plan.resets = {reset};
  const Status stored = Commit(plan);
  ASSERT_TRUE(stored.ok()) << stored.error().message;
  EXPECT_THAT(place_->Authored(run), ::testing::ElementsAre("0 none ann", "run queued ann"));
}

TEST_P(StoreContract, ARunThatTakesAnotherVersionSaysWhoWantedThat) {
  const RunInfo run = Finished(1, {TaskState::kFailed}, RunState::kFailed);
  place_->Publish(SampleDag("d", 3, "h2"), lease_.epoch);
  const VersionId latest = Loaded().dags.at(0).head.version;
  ASSERT_NE(latest, run.version);
  Plan plan;
  plan.rebased = {RunRebased{run.id, latest, "cleared by ann, with the current DAG version", "ann"}};
  const Status stored = Commit(plan);
  ASSERT_TRUE(stored.ok()) << stored.error().message;
  EXPECT_THAT(place_->Authored(run), ::testing::ElementsAre("0 none ann", "run failed ann", "0 failed ann"));
}

}  // namespace
}  // namespace pipelined::testing
