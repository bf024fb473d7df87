// Decisions, setups and teardowns in the engine, beyond what the recorded tables ask.
#include <gmock/gmock.h>

#include "unit/engine/engine_fixture.h"

namespace pipelined::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// "s" is set up, "t" tears it down, "w" is the work between, "x" has nothing to do with them.
std::shared_ptr<Dag> Cluster() {
  auto dag = MakeDag("s; w: s; t: s w; x");
  dag->tasks[0].setup = true;
  dag->tasks[2].teardown = true;
  dag->tasks[2].trigger_rule = TriggerRule::kAllDoneSetupSuccess;
  EXPECT_TRUE(dag->Link({{0, 1}, {0, 2}, {1, 2}}).ok());
  return dag;
}

Decision Follow(std::vector<TaskNo> tasks) {
  Decision decision;
  decision.follow = std::move(tasks);
  return decision;
}

TEST(Flow, FailFastEndsTheOthersAndStillTearsDown) {
  auto dag = Cluster();
  dag->fail_fast = true;
  EngineTest t(dag);
  EXPECT_THAT(t.Run(), ElementsAre("s", "x"));
  EXPECT_THAT(t.Succeed("s"), ElementsAre("w"));
  EXPECT_THAT(t.Fail("w"), ElementsAre("t"));
  EXPECT_EQ(t.state("x"), "failed");
  EXPECT_EQ(t.run_state(), "running");
  t.Succeed("t");
  EXPECT_EQ(t.run_state(), "failed");
}

TEST(Flow, ATeardownDoesNotHideTheFailureOfTheWork) {
  EngineTest t(Cluster());
  t.Run();
  t.Succeed("s");
  t.Succeed("x");
  EXPECT_THAT(t.Fail("w"), ElementsAre("t"));
  t.Succeed("t");
  EXPECT_EQ(t.run_state(), "failed");
}

TEST(Flow, CancellingARunEndsItsTeardownsToo) {
  EngineTest t(Cluster());
  t.Run();
  t.Do(CancelRun{RunId{1}});
  EXPECT_EQ(t.state("t"), "skipped");
  EXPECT_EQ(t.run_state(), "failed");
}

TEST(Flow, ABranchSkipsWhatItDoesNotFollowButNotTheJoin) {
  auto dag = MakeDag("choose; left: choose; right: choose; join: choose left right");
  dag->tasks[0].action.kind = ActionKind::kBranch;
  dag->tasks[3].trigger_rule = TriggerRule::kNoneFailedMinOneSuccess;
  EngineTest t(dag);
  t.Run();
  AttemptFinished end;
  end.attempt = AttemptId{1};
  end.outcome = TryOutcome::kSucceeded;
  end.end = t.now();
  end.decision = Follow({1});
  EXPECT_THAT(t.Send(end), ElementsAre("left"));
  EXPECT_EQ(t.state("right"), "skipped");
  EXPECT_THAT(t.Succeed("left"), ElementsAre("join"));
}

// A teardown right below it: skipped by latest_only, which is a branch in Airflow, and spared by a short circuit.
TEST(Flow, LatestOnlySkipsATeardownRightBelowItAndAShortCircuitDoesNot) {
  for (const ActionKind kind : {ActionKind::kLatestOnly, ActionKind::kShortCircuit}) {
    auto dag = MakeDag("gate; w: gate; t: gate w");
    dag->tasks[0].action.kind = kind;
    dag->tasks[2].teardown = true;
    dag->tasks[2].trigger_rule = TriggerRule::kAllDoneSetupSuccess;
    EXPECT_TRUE(dag->Link({{0, 1}, {0, 2}, {1, 2}}).ok());
    EngineTest t(dag);
    t.Run();
    AttemptFinished end;
    end.attempt = AttemptId{1};
    end.outcome = TryOutcome::kSucceeded;
    end.end = t.now();
    end.decision = Decision{false, {}};
    t.Send(end);
    EXPECT_EQ(t.state("w"), "skipped");
    EXPECT_EQ(t.state("t"), kind == ActionKind::kLatestOnly ? "skipped" : "running");
  }
}

TEST(Flow, ASkippedEmptyTaskThatWasHeldDoesNotKeepItsRun) {
  auto dag = MakeDag("gate; feed; after: gate feed");
  dag->tasks[0].action.kind = ActionKind::kShortCircuit;
  dag->tasks[2].action.kind = ActionKind::kEmpty;
  dag->tasks[2].trigger_rule = TriggerRule::kOneSuccess;
  EngineTest t(dag);
  t.Run();
  t.Pause(true);
  t.Succeed("feed");  // `after` may run now, and is held
  AttemptFinished end;
  end.attempt = AttemptId{1};
  end.outcome = TryOutcome::kSucceeded;
  end.end = t.now();
  end.decision = Decision{false, {}};
  t.Send(end);
  EXPECT_EQ(t.state("after"), "skipped");
  EXPECT_EQ(t.run_state(), "success");
}

TEST(Flow, ExitCode99SkipsAndIsNotTriedAgain) {
  EngineTest t("a; b: a");
  t.task("a").retry.retries = 3;
  t.Run();
  t.Finish("a", TryOutcome::kFailed, 1, kSkipExitCode);
  EXPECT_EQ(t.state("a"), "skipped");
  EXPECT_EQ(t.state("b"), "skipped");
  EXPECT_EQ(t.plan().closed[0].end.outcome, TryOutcome::kSkipped);
}

TEST(Flow, ATimerOfAnEarlierLifeOfARunIsStale) {
  auto dag = MakeDag("a");
  dag->dagrun_timeout = std::chrono::seconds(60);
  EngineTest t(dag);
  t.Run();
  t.Advance(std::chrono::seconds(10));
  t.Succeed("a");
  EXPECT_EQ(t.run_state(), "success");
  t.Advance(std::chrono::seconds(20));
  t.Run();                              // set back: the same run begins anew
  t.Advance(std::chrono::seconds(45));  // 75 s after its first start, 45 s after this one
  EXPECT_EQ(t.run_state(), "running");
  t.Advance(std::chrono::seconds(20));
  EXPECT_EQ(t.run_state(), "failed");
}

}  // namespace
}  // namespace pipelined::testing
