// Tasks that make runs, and tasks that are repeated, to the engine.
#include "engine_fixture.h"

namespace pipelined::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::int64_t kChild = 2;

// "part" makes a run of the DAG "c", which has one task (by its number it goes by the name of "part", too).
class SubRun : public ::testing::Test {
 protected:
  explicit SubRun(EngineLimits limits = {}) : t_("part; after: part", limits) { Spec({}); }

  void Spec(TriggerSpec spec, bool sub_run = true) {
    spec.dag_id = "c";
    spec.sub_run = sub_run;
    spec.wait_for_completion = spec.wait_for_completion || sub_run;
    t_.task("part").action.kind = sub_run ? ActionKind::kSubDag : ActionKind::kTriggerDag;
    t_.task("part").trigger = std::make_shared<const TriggerSpec>(spec);
  }
  void Begin() {
    DagHead head;
    head.dag_id = "c";
    head.version = VersionId{9};
    t_.Send(DagUpdated{head});
    t_.Run();
    attempt_ = t_.plan().opened.at(0).attempt;
  }
  void Ask(std::optional<FoundRun> found = std::nullopt) {
    t_.Send(RunAsked{attempt_, "c", "r", std::nullopt, Value(), std::move(found)});
  }
  // The run that was asked for is stored.
  std::vector<std::string> Stored() {
    RunInfo info;
    info.id = RunId{kChild};
    info.dag_id = "c";
    info.run_id = "r";
    info.run_after = t_.now();
    info.parent = RunParent{RunId{1}, "part", attempt_, t_.task("part").trigger->sub_run};
    return t_.Send(RunRequested{info, MakeDag("a", "c")});
  }
  void Make() {
    Begin();
    Ask();
    Stored();
  }
  std::string Message() const { return t_.plan().closed.empty() ? "" : t_.plan().closed.back().end.message; }

  EngineTest t_;
  AttemptId attempt_;
};

TEST_F(SubRun, IsAskedForOnceAndLinkedToTheAttempt) {
  Begin();
  Ask();
  ASSERT_EQ(t_.plan().new_runs.size(), 1u);
  const NewRun& run = t_.plan().new_runs[0];
  EXPECT_EQ(run.dag_id + "/" + run.run_id, "c/r");
  EXPECT_EQ(run.version, VersionId{9});
  EXPECT_TRUE(run.undated);
  EXPECT_EQ(run.parent.run, RunId{1});
  EXPECT_EQ(run.parent.task_id, "part");
  EXPECT_EQ(run.parent.attempt, attempt_);
  EXPECT_THAT(t_.plan().closed, IsEmpty());
  EXPECT_EQ(t_.state("part"), "deferred");
  Stored();
  Ask();
  EXPECT_THAT(t_.plan().new_runs, IsEmpty());
}

TEST_F(SubRun, ItsEndIsTheEndOfTheTaskInOnePlan) {
  Make();
  EXPECT_THAT(t_.Succeed("part", kChild), ElementsAre("after"));
  EXPECT_EQ(t_.run_state(kChild), "success");
  ASSERT_EQ(t_.plan().closed.size(), 2u);
  EXPECT_EQ(t_.plan().closed[1].end.attempt, attempt_);
  EXPECT_EQ(t_.plan().closed[1].end.outputs.Find("trigger_run_id")->string(), "r");
}

TEST_F(SubRun, ItsFailureFailsTheTask) {
  Make();
  t_.Fail("part", kChild);
  EXPECT_EQ(t_.state("part"), "failed");
  EXPECT_EQ(t_.run_state(), "failed");
  EXPECT_EQ(Message(), "run \"r\" of DAG c ended as failed");
}

TEST_F(SubRun, ARetryAsksForAnotherRun) {
  t_.task("part").retry.retries = 1;
  t_.task("part").retry.delay = Seconds(1);
  Make();
  t_.Fail("part", kChild);
  EXPECT_EQ(t_.state("part"), "up_for_retry");
  EXPECT_THAT(t_.Advance(Seconds(5)), ElementsAre("part"));
  attempt_ = t_.plan().opened.at(0).attempt;
  Ask();
  EXPECT_EQ(t_.plan().new_runs.size(), 1u);
}

TEST_F(SubRun, IsCancelledWithItsRunInOnePlan) {
  Make();
  t_.Do(CancelRun{RunId{1}});
  EXPECT_EQ(t_.run_state(), "failed");
  EXPECT_EQ(t_.run_state(kChild), "failed");
  ASSERT_EQ(t_.plan().closed.size(), 1u);
  EXPECT_EQ(t_.plan().closed[0].end.attempt, attempt_);
  EXPECT_EQ(t_.plan().closed[0].end.outcome, TryOutcome::kStopped);
  EXPECT_EQ(t_.plan().stops.size(), 1u);  // of the child's task; the parked one has no process
}

TEST_F(SubRun, IsDroppedWithARunThatIsSetToQueuedAndDeleted) {
  Make();
  t_.Pause(true);
  t_.Do(MarkRun{"d", RunId{1}, RunState::kQueued, t_.Facts()});
  EXPECT_EQ(t_.run_state(), "queued");
  t_.Do(DeleteDag{"d"});
  EXPECT_EQ(t_.run_state(kChild), "failed");
}

TEST_F(SubRun, IsDroppedWithARunThatIsSetToQueuedAndDeletedByItself) {
  Make();
  t_.Pause(true);
  t_.Do(MarkRun{"d", RunId{1}, RunState::kQueued, t_.Facts()});
  EXPECT_EQ(t_.Do(DeleteRun{"d", "r1", RunId{1}}).error, "");
  EXPECT_EQ(t_.run_state(kChild), "failed");
  EXPECT_EQ(t_.plan().deleted.size(), 1u);
}

TEST_F(SubRun, ATriggeredRunIsLeftAloneWhenItsRunIsCancelled) {
  TriggerSpec spec;
  spec.wait_for_completion = true;
  Spec(spec, false);
  Make();
  t_.Do(CancelRun{RunId{1}});
  EXPECT_EQ(t_.run_state(kChild), "running");
  t_.Succeed("part", kChild);
  EXPECT_EQ(t_.run_state(kChild), "success");
}

TEST_F(SubRun, WithoutWaitingTheTaskEndsAsSoonAsTheRunHasItsId) {
  Spec({}, false);
  Begin();
  Ask();
  EXPECT_EQ(t_.state("part"), "deferred");
  Stored();
  EXPECT_EQ(t_.state("part"), "success");
}

TEST_F(SubRun, CancelledInTheTurnInWhichItAskedNoRunIsMade) {
  Begin();
  Command cancel;
  cancel.id = CommandId{3};
  cancel.what = CancelRun{RunId{1}};
  std::vector<Event> events;
  events.emplace_back(RunAsked{attempt_, "c", "r", std::nullopt, Value(), std::nullopt});
  events.emplace_back(std::move(cancel));
  const Plan plan = t_.engine().Apply(std::move(events), t_.now());
  EXPECT_THAT(plan.new_runs, IsEmpty());
  EXPECT_EQ(plan.closed.size(), 1u);
}

TEST_F(SubRun, ARunThatIsGoneFailsTheTask) {
  Begin();
  Ask();
  t_.Do(PauseDag{"c", true});
  Stored();
  t_.Do(DeleteDag{"c"});
  EXPECT_EQ(t_.state("part"), "failed");
}

TEST_F(SubRun, AnUnknownDagFailsTheTry) {
  Begin();
  t_.Send(RunAsked{attempt_, "nobody", "r", std::nullopt, Value(), std::nullopt});
  EXPECT_EQ(t_.state("part"), "failed");
  EXPECT_EQ(Message(), "no run was made: there is no DAG \"nobody\"");
}

TEST_F(SubRun, ExecutionTimeoutEndsBoth) {
  t_.task("part").execution_timeout = Seconds(60);
  Make();
  t_.Advance(Seconds(61));
  EXPECT_EQ(t_.state("part"), "failed");
  EXPECT_EQ(t_.run_state(kChild), "failed");
}

TEST_F(SubRun, WhyNamesTheRun) {
  Make();
  const CommandDone done = t_.Do(WhyTask{RunId{1}, "part"});
  EXPECT_EQ(done.result.Find("reasons")->list().at(0).Find("text")->string(),
            "waits for run \"r\" of DAG c, which is running");
}

class OneSlot : public SubRun {
 protected:
  OneSlot() : SubRun(EngineLimits{1}) {}
};

TEST_F(OneSlot, WhatWaitsTakesNone) {
  Begin();
  Ask();
  EXPECT_THAT(Stored(), ElementsAre("part"));  // the child's task
  EXPECT_THAT(t_.Succeed("part", kChild), ElementsAre("after"));
}

class Existing : public SubRun {
 protected:
  static FoundRun Found(RunState state, RunParent parent = {}) { return FoundRun{RunId{5}, "r", state, parent}; }
};

TEST_F(Existing, FailsTheTry) {
  Spec({}, false);
  Begin();
  Ask(Found(RunState::kSuccess));
  EXPECT_EQ(Message(), "no run was made: DAG c has a run \"r\" already");
}

TEST_F(Existing, SkipsTheTaskWhenItIsSaid) {
  TriggerSpec spec;
  spec.skip_when_already_exists = true;
  Spec(spec, false);
  Begin();
  Ask(Found(RunState::kSuccess));
  EXPECT_EQ(t_.state("part"), "skipped");
}

TEST_F(Existing, RunsAgainWhenItIsSaidAndItHasEnded) {
  TriggerSpec spec;
  spec.reset_dag_run = true;
  Spec(spec, false);
  Begin();
  Ask(Found(RunState::kFailed));
  ASSERT_EQ(t_.plan().resets.size(), 1u);
  EXPECT_EQ(t_.plan().resets[0].run, RunId{5});
  EXPECT_EQ(t_.plan().resets[0].parent.attempt, attempt_);
}

TEST_F(Existing, OneThatGoesOnIsNotSetBack) {
  TriggerSpec spec;
  spec.reset_dag_run = true;
  Spec(spec, false);
  Begin();
  Ask(Found(RunState::kRunning));
  EXPECT_EQ(Message(), "no run was made: DAG c has a run \"r\" already, which is under way");
}

// What a task that starts again has made before: after a retry, or after it was cleared.
TEST_F(Existing, TheTasksOwnRunsAgainUnasked) {
  Begin();
  Ask(Found(RunState::kSuccess, RunParent{RunId{1}, "part", AttemptId{77}, true}));
  ASSERT_EQ(t_.plan().resets.size(), 1u);
}

TEST(SubRunRestored, AParkedTaskWaitsOnAndTakesNoSlot) {
  EngineTest t("part; after: part", EngineLimits{1});
  TriggerSpec spec;
  spec.sub_run = spec.wait_for_completion = true;
  t.task("part").trigger = std::make_shared<const TriggerSpec>(spec);
  RunInfo parent;
  parent.id = RunId{1};
  parent.dag_id = "d";
  parent.state = RunState::kRunning;
  StoredTask part{0, TaskState::kRunning, 1, std::nullopt, AttemptId{4}};
  part.child = StoredChild{RunId{kChild}, "c", "r", RunState::kQueued, kT0};
  t.Send(RunRestored{parent, std::make_shared<Dag>(t.dag()), {part}});
  RunInfo child;
  child.id = RunId{kChild};
  child.dag_id = "c";
  child.run_id = "r";
  child.parent = RunParent{RunId{1}, "part", AttemptId{4}, true};
  EXPECT_THAT(t.Send(RunRequested{child, MakeDag("a", "c")}), ElementsAre("part"));
  EXPECT_THAT(t.Succeed("part", kChild), ElementsAre("after"));
}

// --- repeat

class RepeatTest : public ::testing::Test {
 protected:
  RepeatTest() : t_("a; b: a") {
    t_.task("a").repeat = {"{{ tasks.a.done }}", Seconds(10), 3};
    t_.Run();
  }
  // The iteration under way succeeds.
  std::vector<std::string> End(std::int32_t iteration, bool again) {
    AttemptFinished end;
    end.attempt = attempt();
    end.outcome = TryOutcome::kSucceeded;
    end.end = t_.now();
    end.repetition = Repetition{iteration, again};
    return t_.Send(std::move(end));
  }
  std::vector<std::string> Next() {
    const auto started = t_.Advance(Seconds(10));
    return started;
  }
  AttemptId attempt() { return t_.engine().last_attempt(); }
  EngineTest t_;
};

TEST_F(RepeatTest, RunsAgainAfterItsDelay) {
  EXPECT_THAT(End(1, true), IsEmpty());
  EXPECT_EQ(t_.state("a"), "up_for_retry");
  EXPECT_EQ(t_.plan().closed.at(0).end.outcome, TryOutcome::kSucceeded);
  EXPECT_EQ(t_.plan().tasks.at(0).why, "iteration 1: until is false");
  EXPECT_THAT(t_.Advance(Seconds(9)), IsEmpty());
  EXPECT_THAT(t_.Advance(Seconds(1)), ElementsAre("a"));
  EXPECT_THAT(End(2, false), ElementsAre("b"));
  EXPECT_EQ(t_.state("a"), "success");
}

TEST_F(RepeatTest, TheLastIterationFailsForGood) {
  t_.task("a").retry.retries = 5;
  End(1, true);
  Next();
  End(2, true);
  Next();
  End(3, true);
  EXPECT_EQ(t_.state("a"), "failed");
  EXPECT_EQ(t_.plan().closed.at(0).end.message, "until was still false after 3 iterations (repeat.max)");
  EXPECT_EQ(t_.plan().closed.at(0).end.outcome, TryOutcome::kFailed);
}

class RepeatWithRetry : public RepeatTest {};

TEST_F(RepeatWithRetry, EachIterationHasAllRetries) {
  EngineTest t("a");
  t.task("a").repeat = {"x", Micros(0), 9};
  t.task("a").retry.retries = 1;
  t.task("a").retry.delay = Seconds(1);
  t.Run();
  for (std::int32_t iteration = 1; iteration <= 3; ++iteration) {
    t.Fail("a");
    EXPECT_EQ(t.state("a"), "up_for_retry") << iteration;
    EXPECT_THAT(t.Advance(Seconds(2)), ElementsAre("a"));
    AttemptFinished end;
    end.attempt = t.engine().last_attempt();
    end.outcome = TryOutcome::kSucceeded;
    end.end = t.now();
    end.repetition = Repetition{iteration, true};
    EXPECT_THAT(t.Send(std::move(end)), IsEmpty()) << iteration;
    EXPECT_THAT(t.Advance(Micros(1)), ElementsAre("a")) << iteration;
  }
  t.Fail("a");
  t.Advance(Seconds(2));
  t.Fail("a");
  EXPECT_EQ(t.state("a"), "failed");
}

}  // namespace
}  // namespace pipelined::testing
