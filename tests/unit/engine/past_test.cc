// Tasks that wait for the run before: depends_on_past and wait_for_downstream.
#include <gmock/gmock.h>

#include "unit/engine/engine_fixture.h"

namespace pipelined::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;
using namespace std::chrono_literals;

Instant Day(int day) {
  return kT0 + std::chrono::hours(24 * day);
}

StoredTask Row(TaskNo task, TaskState state) {
  return StoredTask{task, state, 1, std::nullopt, {}};
}

// Runs of one DAG, each with the date of its number.
class PastTest : public EngineTest {
 public:
  explicit PastTest(const std::string& dag, const std::string& waits = "a", bool downstream = false)
      : EngineTest(Waiting(dag, waits, downstream)) {}
  explicit PastTest(std::shared_ptr<Dag> dag) : EngineTest(std::move(dag)) {}

  RunInfo Info(int number, RunType type = RunType::kScheduled) {
    RunInfo info;
    info.id = RunId{number};
    info.dag_id = dag().id;
    info.run_id = "run" + std::to_string(number);
    info.type = type;
    info.logical_date = Day(number);
    info.run_after = Day(number);
    return info;
  }
  // The run of that number comes, and what its store says of the run before.
  std::vector<std::string> Come(int number, std::optional<PastRun> past = std::nullopt,
                                RunType type = RunType::kScheduled) {
    return Send(RunRequested{Info(number, type), Shared(), {}, {}, {}, std::move(past)});
  }
  // Set back: a finished run that is to run again, with what is left of its tasks.
  std::vector<std::string> ComeBack(int number, std::vector<StoredTask> tasks) {
    return Send(RunRequested{Info(number), Shared(), std::move(tasks)});
  }
  static PastRun Under(int number) { return PastRun{RunId{number}, "run" + std::to_string(number), Day(number)}; }
  static PastRun Over(int number, std::vector<PastTask> unmet = {}) {
    PastRun past = Under(number);
    past.finished = true;
    past.unmet = std::move(unmet);
    return past;
  }
  std::string Why(const std::string& task, int run) {
    const Value result = Do(WhyTask{RunId{run}, task}).result;
    std::string text;
    for (const Value& reason : result.Find("reasons")->list())
      text += reason.Find("code")->string() + ": " + reason.Find("text")->string();
    return text;
  }
  // The engine's DAG is not changed by it: a DAG is immutable once it is loaded.
  DagPtr Shared() {
    return DagPtr(&dag(), [](const Dag*) {});
  }

 private:
  static std::shared_ptr<Dag> Waiting(const std::string& text, const std::string& waits, bool downstream) {
    auto dag = MakeDag(text);
    for (TaskNo no = 0; no < dag->tasks.size(); ++no) {
      Task& task = dag->tasks[no];
      if (task.id == waits) (downstream ? task.wait_for_downstream : task.depends_on_past) = true;
      dag->depends_on_past = true;
      task.depends_on_past = task.depends_on_past || task.wait_for_downstream;
    }
    return dag;
  }
};

TEST(Past, TheFirstRunOfADagWaitsForNothing) {
  PastTest t("a");
  EXPECT_THAT(t.Come(1), ElementsAre("a"));
}

TEST(Past, ATaskStartsAsItsOwnInstanceInTheRunBeforeSucceeds) {
  PastTest t("a; b: a");
  t.Come(1);
  EXPECT_THAT(t.Come(2, t.Under(1)), IsEmpty());
  EXPECT_EQ(t.state("a", 2), "none");
  EXPECT_THAT(t.Succeed("a", 1), UnorderedElementsAre("b", "a"));  // b of run 1, a of run 2
  EXPECT_EQ(t.state("a", 2), "running");
}

TEST(Past, ASkippedInstanceIsAsGoodAsOneThatSucceeded) {
  PastTest t("a");
  t.Come(1);
  t.Come(2, t.Under(1));
  EXPECT_THAT(t.Finish("a", TryOutcome::kSkipped, 1), ElementsAre("a"));
}

TEST(Past, AFailedInstanceHoldsTheNextRunAndNeverFailsIt) {
  PastTest t("a");
  t.Come(1);
  t.Come(2, t.Under(1));
  EXPECT_THAT(t.Fail("a", 1), IsEmpty());
  EXPECT_EQ(t.run_state(1), "failed");
  EXPECT_EQ(t.run_state(2), "running");
  EXPECT_EQ(t.Why("a", 2),
            "depends_on_past: waits for task a of the run before, run1, to succeed or be skipped: it is failed "
            "(depends_on_past)");
}

TEST(Past, AFinishedRunIsKnownFromTheStore) {
  PastTest t("a");
  EXPECT_THAT(t.Come(2, t.Over(1)), ElementsAre("a"));
  PastTest failed("a");
  EXPECT_THAT(failed.Come(2, failed.Over(1, {{"a", TaskState::kUpstreamFailed}})), IsEmpty());
  EXPECT_THAT(failed.Why("a", 2), HasSubstr("it is upstream_failed"));
}

TEST(Past, WhenTheFailedRunBeforeIsRunAgainItsSuccessLetsTheNextOneGoOn) {
  PastTest t("a");
  t.Come(1);
  t.Fail("a", 1);
  t.Come(2, t.Over(1, {{"a", TaskState::kFailed}}));
  EXPECT_THAT(t.ComeBack(1, {Row(0, TaskState::kNone)}), ElementsAre("a"));
  EXPECT_THAT(t.Succeed("a", 1), ElementsAre("a"));
  EXPECT_EQ(t.state("a", 2), "running");
}

TEST(Past, ARunBeforeThatIsRunAgainHoldsWhatHasNotBegun) {
  PastTest t("x; a: x");
  t.Come(2, t.Over(1));
  t.ComeBack(1, {Row(1, TaskState::kNone)});
  EXPECT_THAT(t.Succeed("x", 2), IsEmpty());
  t.Succeed("x", 1);
  EXPECT_THAT(t.Succeed("a", 1), ElementsAre("a"));
}

TEST(Past, AMarkedTaskOfARunThatComesBackFinishedIsSeenAtOnce) {
  PastTest t("a; b: a");
  t.Come(2, t.Over(1, {{"a", TaskState::kFailed}}));
  EXPECT_THAT(t.ComeBack(1, {Row(0, TaskState::kSuccess)}), UnorderedElementsAre("a", "b"));
}

TEST(Past, OnlyTheTasksThatSaySoWait) {
  PastTest t("a; b", "b");
  t.Come(1);
  EXPECT_THAT(t.Come(2, t.Under(1)), ElementsAre("a"));
}

TEST(Past, TheTriggerRuleStillCounts) {
  PastTest t("x; a: x");
  t.Come(2, t.Over(1));
  EXPECT_EQ(t.state("a", 2), "none");
  EXPECT_THAT(t.Succeed("x", 2), ElementsAre("a"));
}

TEST(Past, WhatTheRuleDecidesAgainstATaskDoesNotWait) {
  PastTest t("x; a: x");
  t.Come(2, t.Over(1, {{"a", TaskState::kFailed}}));
  t.Fail("x", 2);
  EXPECT_EQ(t.state("a", 2), "upstream_failed");
  EXPECT_EQ(t.run_state(2), "failed");
}

TEST(Past, WaitForDownstreamWaitsForTheTasksDirectlyBelow) {
  PastTest t("a; b: a; c: b", "a", true);
  t.Come(1);
  t.Come(2, t.Under(1));
  EXPECT_THAT(t.Succeed("a", 1), ElementsAre("b"));
  EXPECT_EQ(t.Why("a", 2),
            "depends_on_past: waits for task b of the run before, run1, to succeed or be skipped: it is running "
            "(wait_for_downstream)");
  EXPECT_THAT(t.Succeed("b", 1), UnorderedElementsAre("c", "a"));  // not for c
}

TEST(Past, WaitForDownstreamIsHeldByAFailureBelow) {
  PastTest t("a; b: a", "a", true);
  t.Come(2, t.Over(1, {{"b", TaskState::kFailed}}));
  EXPECT_EQ(t.state("a", 2), "none");
}

TEST(Past, ADownstreamThatTheRunBeforeDidNotHaveIsNotWaitedFor) {
  PastTest t("a; b: a", "a", true);
  EXPECT_THAT(t.Come(2, t.Over(1, {{"b", std::nullopt, true}})), ElementsAre("a"));
}

TEST(Past, ANewTaskWaitsUnlessItMayIgnoreItsFirstRun) {
  PastTest t("a");
  EXPECT_THAT(t.Come(2, t.Over(1, {{"a", std::nullopt, true}})), IsEmpty());
  EXPECT_THAT(t.Why("a", 2), HasSubstr("ignore_first_depends_on_past"));
  PastTest ignores("a");
  ignores.task("a").ignore_first_depends_on_past = true;
  EXPECT_THAT(ignores.Come(2, ignores.Over(1, {{"a", std::nullopt, true}})), ElementsAre("a"));
  PastTest had("a");  // some run before that one had it
  had.task("a").ignore_first_depends_on_past = true;
  EXPECT_THAT(had.Come(3, had.Over(2, {{"a", std::nullopt, false}})), IsEmpty());
}

TEST(Past, ARunWithoutALogicalDateAndTheFirstOfABackfillLookAtNothing) {
  PastTest t("a");
  RunInfo undated = t.Info(2);
  undated.logical_date.reset();
  EXPECT_FALSE(LooksBack(undated, t.dag()));
  RunInfo first = t.Info(2);
  first.backfill = BackfillId{1};
  first.backfill_ordinal = 1;
  EXPECT_FALSE(LooksBack(first, t.dag()));
  first.backfill_ordinal = 2;
  EXPECT_TRUE(LooksBack(first, t.dag()));
}

TEST(Past, ARunThatComesInBetweenIsTheRunBefore) {
  PastTest t("x; a: x");
  t.Come(3, t.Over(1));
  t.Come(2, t.Over(1), RunType::kManual);
  EXPECT_THAT(t.Succeed("x", 3), IsEmpty());
  EXPECT_THAT(t.Why("a", 3), HasSubstr("run2"));
  t.Succeed("x", 2);
  EXPECT_THAT(t.Succeed("a", 2), ElementsAre("a"));
}

TEST(Past, ARunThatComesFartherBackIsNot) {
  PastTest t("a");
  t.Come(4, t.Over(3, {{"a", TaskState::kFailed}}));
  t.Come(2);
  EXPECT_THAT(t.Why("a", 4), HasSubstr("run3"));
}

TEST(Past, WhereTheDagCatchesUpRunsByHandAreNobodysPast) {
  auto dag = MakeDag("x; a: x");
  dag->tasks[1].depends_on_past = dag->depends_on_past = true;
  dag->schedule.catchup = true;
  PastTest t(dag);
  t.Come(3, t.Over(1));
  t.Come(2, t.Over(1), RunType::kManual);
  EXPECT_THAT(t.Succeed("x", 3), ElementsAre("a"));
}

TEST(Past, EmptyTasksFollowEachOtherThroughAllRunsInOneTurn) {
  auto dag = MakeDag("a");
  dag->tasks[0].depends_on_past = dag->depends_on_past = true;
  dag->tasks[0].action.kind = ActionKind::kEmpty;
  constexpr int kRuns = 20'000;  // a recursion would overflow the stack
  dag->max_active_runs = kRuns;
  PastTest t(dag);
  t.Come(2, t.Over(1, {{"a", TaskState::kFailed}}));
  for (int run = 3; run <= kRuns; ++run) t.Come(run, t.Under(run - 1));
  EXPECT_EQ(t.run_state(kRuns), "running");
  t.ComeBack(1, {Row(0, TaskState::kNone)});
  EXPECT_EQ(t.run_state(kRuns), "success");
  EXPECT_EQ(t.engine().active_runs(), 0U);
}

TEST(Past, ACancelledRunSkipsWhatWaitedAndSoLetsTheNextOneGoOn) {
  PastTest t("x; a: x");
  t.Come(1);
  t.Come(2, t.Under(1));
  t.Succeed("x", 2);
  t.Do(CancelRun{RunId{1}});
  EXPECT_EQ(t.state("a", 1), "skipped");
  EXPECT_EQ(t.state("a", 2), "running");
}

TEST(Past, CancellingTheRunThatWaitsEndsIt) {
  PastTest t("a");
  t.Come(2, t.Over(1, {{"a", TaskState::kFailed}}));
  t.Do(CancelRun{RunId{2}});
  EXPECT_EQ(t.state("a", 2), "skipped");
  EXPECT_EQ(t.run_state(2), "failed");
}

TEST(Past, ARetryWaitsWhenTheRunBeforeIsRunAgainMeanwhile) {
  PastTest t("a");
  t.task("a").retry = RetryPolicy{1, 10s, 0, std::nullopt, {}};
  t.Come(2, t.Over(1));
  t.Fail("a", 2);
  t.ComeBack(1, {Row(0, TaskState::kNone)});
  EXPECT_THAT(t.Advance(10s), IsEmpty());
  EXPECT_EQ(t.state("a", 2), "up_for_retry");
  EXPECT_THAT(t.Why("a", 2), HasSubstr("depends_on_past"));
  EXPECT_THAT(t.Succeed("a", 1), ElementsAre("a"));
}

TEST(Past, AfterARestartARunWaitsForTheOneThatIsRestoredAfterIt) {
  PastTest t("a");
  RunInfo later = t.Info(2), before = t.Info(5);  // the ids are not in the order of the dates
  later.state = before.state = RunState::kRunning;
  before.logical_date = Day(1);
  PastRun past{before.id, before.run_id, Day(1)};
  EXPECT_THAT(t.Send(RunRestored{later, t.Shared(), {}, {}, {}, past}), IsEmpty());
  EXPECT_THAT(t.Send(RunRestored{before, t.Shared(), {Row(0, TaskState::kSuccess)}}), ElementsAre("a"));
}

TEST(Past, ADeletedDagLeavesNothingBehind) {
  PastTest t("a");
  t.Pause(true);
  t.Come(1);
  t.Come(2, t.Under(1));
  EXPECT_EQ(t.Do(DeleteDag{"d"}).error, "");
  EXPECT_EQ(t.engine().active_runs(), 0U);
}

TEST(Past, TheTasksThatMatterAreThoseThatWaitAndWhatIsBelowThem) {
  auto dag = MakeDag("a; b: a; c: b; d");
  dag->tasks[0].wait_for_downstream = true;
  dag->tasks[3].depends_on_past = true;
  EXPECT_TRUE(dag->Link({{0, 1}, {1, 2}}).ok());
  EXPECT_TRUE(dag->depends_on_past);
  EXPECT_TRUE(dag->tasks[0].depends_on_past);  // implied
  EXPECT_THAT(PastTaskIds(*dag), ElementsAre("a", "b", "d"));
}

TEST(Past, ARunThatTheNextOneMayWaitForIsNotDeleted) {
  PastTest t("a");
  t.Come(1);
  t.Come(2, PastTest::Under(1));
  t.Fail("a", 1);
  const CommandDone refused = t.Do(DeleteRun{"d", "run1", RunId{1}});
  EXPECT_EQ(refused.error_code, ErrorCode::kConflict);
  EXPECT_THAT(refused.error, HasSubstr("depends_on_past"));
  EXPECT_THAT(t.plan().deleted, IsEmpty());
  t.Do(CancelRun{RunId{2}});
  EXPECT_EQ(t.Do(DeleteRun{"d", "run1", RunId{1}}).error, "");
}

TEST(Past, ARunThatMetEverythingMayBeDeleted) {
  PastTest t("a; b");
  t.Come(1);
  t.Succeed("b", 1);
  t.Succeed("a", 1);
  t.Come(2, PastTest::Over(1));
  EXPECT_EQ(t.Do(DeleteRun{"d", "run1", RunId{1}}).error, "");
}

}  // namespace
}  // namespace pipelined::testing
