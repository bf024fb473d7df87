// Clear, mark, notes: what the engine makes of what people decide.
#include <gtest/gtest.h>

#include "engine_fixture.h"

namespace pipelined {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using testing::EngineTest;
using ::testing::IsEmpty;
using testing::kT0;
using testing::MakeDag;
using ::testing::SizeIs;
using namespace std::chrono_literals;

ClearTasks Clear(const EngineTest& t, std::vector<std::string> ids, std::vector<std::int64_t> runs = {1}) {
  ClearTasks clear{t.Choice(runs.front()), {}};
  clear.tasks.ids = std::move(ids);
  clear.facts = t.Facts(runs);
  return clear;
}

MarkTasks Mark(const EngineTest& t, const std::string& id, TaskState state) {
  MarkTasks mark{t.Choice(), {}, state};
  mark.tasks.ids = {id};
  mark.facts = t.Facts();
  return mark;
}

// "failed>none cleared by ann" of each change by hand, in order.
std::vector<std::string> Steered(const EngineTest& t) {
  std::vector<std::string> all;
  for (const TaskChange& change : t.plan().steered)
    all.push_back(std::string(ToString(change.from)) + ">" + std::string(ToString(change.to)) + " " + change.why);
  return all;
}

TEST(Steer, AClearedTaskOfAnEndedRunRunsAgainInTheSameTurn) {
  EngineTest t("a; b: a; c: b");
  t.Run();
  t.Succeed("a");
  t.Fail("b");
  EXPECT_EQ(t.run_state(), "failed");
  ClearTasks clear = Clear(t, {"b"});
  clear.tasks.downstream = true;
  const CommandDone done = t.Do(clear);
  EXPECT_EQ(done.error, "");
  EXPECT_EQ(done.result.Find("tasks")->list().size(), 2U);
  EXPECT_THAT(Steered(t), ElementsAre("failed>none cleared by ann", "upstream_failed>none cleared by ann"));
  EXPECT_EQ(t.run_state(), "running");
  EXPECT_EQ(t.state("b"), "running");
  EXPECT_THAT(t.Succeed("b"), ElementsAre("c"));
  t.Succeed("c");
  EXPECT_EQ(t.run_state(), "success");
}

TEST(Steer, TriesCountOnFromAClear) {
  EngineTest t("a");
  t.task("a").retry.retries = 1;
  t.task("a").retry.delay = 1s;
  t.Run();
  t.Fail("a");
  t.Advance(2s);
  t.Fail("a");
  EXPECT_EQ(t.run_state(), "failed");
  t.Do(Clear(t, {"a"}));
  EXPECT_EQ(t.plan().opened.front().try_number, 3);
  t.Fail("a");
  EXPECT_EQ(t.state("a"), "up_for_retry");
  t.Advance(2s);
  t.Fail("a");
  EXPECT_EQ(t.state("a"), "failed");
}

TEST(Steer, ARunningTaskIsStoppedAndRunsAgainOnlyWhenItHasEnded) {
  EngineTest t("a; b: a");
  t.Run();
  const AttemptId first = t.attempt("a");
  t.Do(Clear(t, {"a"}));
  EXPECT_EQ(t.state("a"), "restarting");
  EXPECT_THAT(t.plan().stops, ElementsAre(first));
  EXPECT_THAT(t.plan().opened, IsEmpty());
  EXPECT_THAT(t.Finish("a", TryOutcome::kSucceeded), ElementsAre("a"));  // it was too late to stop: all the same
  EXPECT_THAT(t.plan().steered, SizeIs(1));
  EXPECT_EQ(t.state("a"), "running");
  EXPECT_THAT(t.Succeed("a"), ElementsAre("b"));
}

TEST(Steer, ATaskOfWhichAnOldAttemptIsStillBeingStoppedWaits) {
  EngineTest t("a; b");
  t.Run();
  const AttemptId first = t.attempt("a");
  t.Do(CancelRun{RunId{1}});
  EXPECT_EQ(t.run_state(), "failed");
  t.Do(Clear(t, {"a"}));
  EXPECT_EQ(t.run_state(), "running");
  EXPECT_THAT(t.plan().opened, IsEmpty());
  AttemptFinished end;
  end.attempt = first;
  end.outcome = TryOutcome::kStopped;
  end.end = t.now();
  EXPECT_THAT(t.Send(end), ElementsAre("a"));
}

TEST(Steer, WhatWaitsForASlotWaitsAgainWhenWhatIsAboveItIsCleared) {
  EngineTest t("a; c: a; b: a", EngineLimits{.parallelism = 1});
  t.Run();
  t.Succeed("a");
  EXPECT_EQ(t.state("c"), "running");  // b is allowed, and has no slot
  t.Do(Clear(t, {"a"}));
  EXPECT_THAT(t.Succeed("c"), ElementsAre("a"));
  EXPECT_THAT(t.Succeed("a"), ElementsAre("b"));
}

TEST(Steer, WhatWaitsForASlotFailsWithWhatIsAboveItWhenThatIsMarked) {
  EngineTest t("a; c: a; b: a", EngineLimits{.parallelism = 1});
  t.Run();
  t.Succeed("a");
  t.Advance(2s);  // it has a row by now
  EXPECT_EQ(t.state("b"), "scheduled");
  t.Do(Mark(t, "a", TaskState::kFailed));
  EXPECT_EQ(t.state("b"), "upstream_failed");
}

TEST(Steer, ARetryThatIsDueWaitsForWhatWasClearedAboveIt) {
  EngineTest t("a; b: a");
  t.task("b").retry.retries = 1;
  t.task("b").retry.delay = 1s;
  t.Run();
  t.Succeed("a");
  t.Fail("b");
  t.Do(Clear(t, {"a"}));
  EXPECT_THAT(t.Advance(2s), IsEmpty());
  EXPECT_EQ(t.state("b"), "none");
  EXPECT_THAT(t.Succeed("a"), ElementsAre("b"));
  EXPECT_EQ(t.plan().opened.front().try_number, 2);
  t.Fail("b");
  EXPECT_EQ(t.state("b"), "failed");  // its tries are those of before
}

TEST(Steer, WhatIsStillBeingStoppedCanBeDecidedAgainst) {
  EngineTest t("a; b: a");
  t.Run();
  t.Succeed("a");
  MarkTasks mark = Mark(t, "a", TaskState::kFailed);
  mark.tasks.downstream = true;  // b fails with it, and is cleared, as what fails below a mark is
  t.Do(mark);
  EXPECT_EQ(t.state("b"), "upstream_failed");
  EXPECT_EQ(t.run_state(), "failed");
}

TEST(Steer, AfterARestartAnOrphanHoldsItsTaskToo) {
  EngineTest t("a");
  RunInfo run;
  run.id = RunId{1};
  run.dag_id = "d";
  t.Send(AttemptOrphaned{AttemptId{5}, {}, RunId{1}, 0});
  EXPECT_THAT(t.Send(RunRequested{run, testing::MakeDag("a")}), IsEmpty());
  AttemptFinished end;
  end.attempt = AttemptId{5};
  EXPECT_THAT(t.Send(end), ElementsAre("a"));
}

TEST(Steer, ARestartingTaskIsStoppedAgainAfterARestart) {
  EngineTest t("a");
  RunInfo run;
  run.id = RunId{1};
  run.dag_id = "d";
  run.state = RunState::kRunning;
  StoredTask stored;
  stored.state = TaskState::kRestarting;
  stored.try_number = 1;
  stored.attempt = AttemptId{3};
  EXPECT_THAT(t.Send(RunRestored{run, testing::MakeDag("a"), {stored}}), IsEmpty());
  EXPECT_THAT(t.plan().stops, ElementsAre(AttemptId{3}));
  AttemptFinished end;
  end.attempt = AttemptId{3};
  end.outcome = TryOutcome::kLost;
  EXPECT_THAT(t.Send(end), ElementsAre("a"));
}

TEST(Steer, ARunThatEndsInTheTurnOfItsClearGoesOn) {
  EngineTest t("a");
  t.Run();
  ClearTasks clear = Clear(t, {"a"});
  AttemptFinished end;
  end.attempt = t.attempt("a");
  end.outcome = TryOutcome::kSucceeded;
  end.end = t.now();
  Command command{CommandId{9}, "ann", clear};
  std::vector<Event> both;
  both.emplace_back(end);
  both.emplace_back(command);
  const Plan plan = t.engine().Apply(std::move(both), t.now());
  ASSERT_THAT(plan.steered, SizeIs(2));
  EXPECT_EQ(plan.steered[0].to, TaskState::kSuccess);
  EXPECT_EQ(plan.steered[1].to, TaskState::kNone);
  std::vector<RunState> states;
  for (const RunChange& change : plan.runs) states.push_back(change.to);
  EXPECT_THAT(states, ElementsAre(RunState::kSuccess, RunState::kQueued, RunState::kRunning));
  ASSERT_THAT(plan.tasks, SizeIs(1));
  EXPECT_EQ(plan.tasks[0].from, TaskState::kNone);
  EXPECT_EQ(plan.tasks[0].try_number, 2);
}

// Of an ended run the command carries what is stored; what an earlier one of the turn made of it counts.
TEST(Steer, TheSecondCommandOfATurnMeetsWhatTheFirstMadeOfAnEndedRun) {
  EngineTest t("a");
  t.Run();
  t.Succeed("a");
  std::vector<Event> both;
  both.emplace_back(Command{CommandId{8}, "ann", Mark(t, "a", TaskState::kFailed)});
  both.emplace_back(Command{CommandId{9}, "bob", Clear(t, {"a"})});
  const Plan plan = t.engine().Apply(std::move(both), t.now());
  ASSERT_THAT(plan.steered, SizeIs(2));
  EXPECT_EQ(plan.steered[0].from, TaskState::kSuccess);
  EXPECT_EQ(plan.steered[0].to, TaskState::kFailed);
  EXPECT_EQ(plan.steered[1].from, TaskState::kFailed);
  EXPECT_EQ(plan.steered[1].to, TaskState::kNone);
}

TEST(Steer, AClearedRunWaitsForItsTurn) {
  EngineTest t([] {
    auto dag = MakeDag("a");
    dag->max_active_runs = 1;
    return dag;
  }());
  t.Run(1);
  t.Succeed("a", 1);
  t.Run(2);
  t.Do(Clear(t, {}, {1}));
  EXPECT_EQ(t.run_state(1), "queued");
  t.Succeed("a", 2);
  EXPECT_EQ(t.run_state(1), "running");
}

TEST(Steer, WithoutResetTheRunStaysAsItEnded) {
  EngineTest t("a");
  t.Run();
  t.Fail("a");
  ClearTasks clear = Clear(t, {"a"});
  clear.reset_runs = false;
  t.Do(clear);
  EXPECT_EQ(t.state("a"), "none");
  EXPECT_EQ(t.run_state(), "failed");
  EXPECT_THAT(t.plan().cleared, IsEmpty());
  EXPECT_EQ(t.engine().active_runs(), 0U);
}

TEST(Steer, NothingIsChangedWhereARunningTaskIsInTheWay) {
  EngineTest t("a; b");
  t.Run();
  t.Fail("b");
  ClearTasks clear = Clear(t, {});
  clear.refuse_running = true;
  EXPECT_EQ(t.Do(clear).error_code, ErrorCode::kConflict);
  EXPECT_THAT(t.plan().steered, IsEmpty());
}

TEST(Steer, ARunUnderWayKeepsItsVersion) {
  EngineTest t("a");
  t.Run();
  ClearTasks clear = Clear(t, {"a"});
  auto facts = std::make_shared<SteeringFacts>(*clear.facts);
  facts->latest = MakeDag("a; b");
  facts->latest_version = VersionId{2};
  clear.latest_version = true;
  clear.facts = facts;
  EXPECT_EQ(t.Do(clear).error_code, ErrorCode::kConflict);
  EXPECT_EQ(t.state("a"), "running");
}

TEST(Steer, AnEndedRunGoesOnWithTheCurrentVersion) {
  EngineTest t("a; b: a");
  t.Run();
  t.Succeed("a");
  t.Fail("b");
  ClearTasks clear = Clear(t, {"b"});
  auto facts = std::make_shared<SteeringFacts>(*clear.facts);
  facts->latest = MakeDag("new; a: new; b: a");
  facts->latest_version = VersionId{2};
  clear.latest_version = true;
  clear.facts = facts;
  std::vector<Event> events;
  events.emplace_back(Command{CommandId{9}, "ann", clear});
  const Plan plan = t.engine().Apply(std::move(events), t.now());
  ASSERT_THAT(plan.rebased, SizeIs(1));
  EXPECT_EQ(plan.steered.front().task, 2U);  // b, as the new version counts
  std::vector<TaskNo> opened;
  for (const AttemptOpened& attempt : plan.opened) opened.push_back(attempt.task);
  EXPECT_THAT(opened, ElementsAre(0U, 2U));  // a has succeeded already, and lets b start
}

TEST(Steer, AMarkedTaskLetsWhatFailedBelowRun) {
  EngineTest t("a; b: a");
  t.Run();
  t.Fail("a");
  EXPECT_EQ(t.Do(Mark(t, "a", TaskState::kSuccess)).error, "");
  EXPECT_THAT(Steered(t), ElementsAre("failed>success marked success by ann",
                                      "upstream_failed>none cleared: marked success by ann above it"));
  EXPECT_EQ(t.state("b"), "running");
  EXPECT_EQ(t.Do(Mark(t, "a", TaskState::kSuccess)).error_code, ErrorCode::kConflict);
}

TEST(Steer, MarkingARunningTaskStopsItAndItsEndCountsNoMore) {
  EngineTest t("a; b: a");
  t.Run();
  const AttemptId attempt = t.attempt("a");
  t.Do(Mark(t, "a", TaskState::kSuccess));
  EXPECT_THAT(t.plan().stops, ElementsAre(attempt));
  EXPECT_EQ(t.state("b"), "running");
  t.Finish("a", TryOutcome::kStopped);
  EXPECT_EQ(t.state("a"), "success");
  t.Succeed("b");
  EXPECT_EQ(t.run_state(), "success");
}

TEST(Steer, AMarkTakesBackWhatTheOldStateCounted) {
  EngineTest t("a; b; c: a b");
  t.Run();
  t.Succeed("a");
  t.Do(Mark(t, "a", TaskState::kSkipped));
  EXPECT_EQ(t.state("c"), "skipped");
}

TEST(Steer, MarkingARunEndsItsTasks) {
  EngineTest t("a; b: a");
  t.Run();
  EXPECT_EQ(t.Do(MarkRun{"d", RunId{1}, RunState::kSuccess, t.Facts()}).error, "");
  EXPECT_EQ(t.run_state(), "success");
  EXPECT_EQ(t.state("a"), "success");
  EXPECT_EQ(t.state("b"), "skipped");
  EXPECT_EQ(t.engine().active_runs(), 0U);
}

TEST(Steer, ATeardownIsLeftToRunBeforeTheRunEnds) {
  EngineTest t("create; work: create; destroy: create work");
  t.task("create").setup = true;
  t.task("destroy").teardown = true;
  t.task("destroy").trigger_rule = TriggerRule::kAllDoneSetupSuccess;
  ASSERT_TRUE(t.dag().Link({{0, 1}, {0, 2}, {1, 2}}).ok());
  t.Run();
  t.Succeed("create");
  t.Do(MarkRun{"d", RunId{1}, RunState::kFailed, t.Facts()});
  EXPECT_EQ(t.run_state(), "running");
  EXPECT_EQ(t.state("work"), "failed");
  EXPECT_EQ(t.state("destroy"), "running");
  t.Succeed("destroy");
  EXPECT_EQ(t.run_state(), "failed");
}

TEST(Steer, ARunThatIsSetToQueuedGoesOnAndItsTimeoutBeginsAnew) {
  EngineTest t("a");
  t.dag().dagrun_timeout = 10s;
  t.Run();
  t.Advance(8s);
  t.Do(MarkRun{"d", RunId{1}, RunState::kQueued, t.Facts()});
  EXPECT_EQ(t.run_state(), "running");
  t.Advance(8s);
  EXPECT_EQ(t.run_state(), "running");
  t.Advance(3s);
  EXPECT_EQ(t.run_state(), "failed");
}

TEST(Steer, AClearedTaskThatABranchDidNotFollowStaysSkippedUnlessItDecidesAgain) {
  EngineTest t("choose; left: choose; right: choose");
  t.task("choose").action.kind = ActionKind::kBranch;
  t.Run();
  AttemptFinished end;
  end.attempt = t.attempt("choose");
  end.outcome = TryOutcome::kSucceeded;
  end.end = t.now();
  end.decision = Decision{true, {1}};
  t.Send(end);
  t.Succeed("left");
  EXPECT_EQ(t.state("right"), "skipped");
  t.Do(Clear(t, {"left", "right"}));
  EXPECT_EQ(t.state("left"), "running");
  EXPECT_EQ(t.state("right"), "skipped");
  t.Succeed("left");
  t.Do(Clear(t, {}));
  EXPECT_EQ(t.state("right"), "none");
  EXPECT_EQ(t.state("choose"), "running");
}

TEST(Steer, NotesAreStoredWithWhoWroteThem) {
  EngineTest t("a");
  t.Do(SetNote{RunId{1}, "a", "by hand"});
  ASSERT_THAT(t.plan().notes, SizeIs(1));
  EXPECT_EQ(t.plan().notes[0].who, "ann");
  EXPECT_EQ(t.plan().notes[0].task_id, "a");
}

TEST(Steer, WithoutSuchARunNothingIsFound) {
  EngineTest t("a");
  ClearTasks clear{RunChoice{"d", RunId{8}}, {}};
  clear.facts = std::make_shared<SteeringFacts>();
  EXPECT_EQ(t.Do(clear).error_code, ErrorCode::kNotFound);
}

TEST(DeleteRun, EndsAQueuedRunAndForgetsIt) {
  EngineTest t("a");
  t.Pause(true);
  t.Run(1);
  EXPECT_EQ(t.Do(DeleteRun{"d", "r1", RunId{1}}).error, "");
  EXPECT_THAT(t.plan().deleted, ::testing::SizeIs(1));
  EXPECT_EQ(t.plan().runs.back().to, RunState::kFailed);
}

TEST(DeleteRun, IsRefusedWhileItRuns) {
  EngineTest t("a");
  t.Run(1);
  EXPECT_EQ(t.Do(DeleteRun{"d", "r1", RunId{1}}).error_code, ErrorCode::kConflict);
  EXPECT_THAT(t.plan().deleted, ::testing::IsEmpty());
  t.Succeed("a");
  EXPECT_EQ(t.Do(DeleteRun{"d", "r1", RunId{1}}).error, "");
  EXPECT_EQ(t.plan().deleted.front().why, "run r1 deleted by ann");
}

TEST(EditOutput, IsStored) {
  EngineTest t("a");
  t.Run(1);
  t.Do(EditOutput{RunId{1}, "a", kNotMapped, "k", Value(5)});
  EXPECT_EQ(t.plan().outputs.front().value, Value(5));
}

}  // namespace
}  // namespace pipelined
