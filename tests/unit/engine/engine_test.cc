#include <gtest/gtest.h>

#include "engine_fixture.h"

namespace pipelined {
namespace {

using ::testing::ElementsAre;
using testing::EngineTest;
using ::testing::IsEmpty;
using testing::kT0;
using testing::MakeDag;
using ::testing::SizeIs;
using namespace std::chrono_literals;

TEST(Engine, StartsTheTasksWithoutUpstreams) {
  EngineTest t("a; b; c: a");
  EXPECT_THAT(t.Run(), ElementsAre("a", "b"));
  EXPECT_EQ(t.state("a"), "running");
  EXPECT_EQ(t.state("c"), "none");
}

TEST(Engine, TheEndOfATaskAndTheStartOfTheNextAreOnePlan) {
  EngineTest t("a; b: a");
  t.Run();
  EXPECT_THAT(t.Succeed("a"), ElementsAre("b"));
  EXPECT_THAT(t.plan().closed, SizeIs(1));
  EXPECT_THAT(t.plan().opened, SizeIs(1));
  EXPECT_EQ(t.state("a"), "success");
  EXPECT_EQ(t.state("b"), "running");
}

TEST(Engine, ARunSucceedsWhenItsLastTaskDoes) {
  EngineTest t("a; b: a");
  t.Run();
  t.Succeed("a");
  t.Succeed("b");
  EXPECT_EQ(t.run_state(), "success");
  EXPECT_EQ(t.engine().active_runs(), 0U);
}

TEST(Engine, AFailureFailsWhatFollowsAndTheRun) {
  EngineTest t("a; b: a; c: b");
  t.Run();
  EXPECT_THAT(t.Fail("a"), IsEmpty());
  EXPECT_EQ(t.state("b"), "upstream_failed");
  EXPECT_EQ(t.state("c"), "upstream_failed");
  EXPECT_EQ(t.run_state(), "failed");
}

TEST(Engine, OnlyLeavesDecideTheOutcome) {
  EngineTest t("a; cleanup: a");
  t.task("cleanup").trigger_rule = TriggerRule::kAllDone;
  t.Run();
  EXPECT_THAT(t.Fail("a"), ElementsAre("cleanup"));
  t.Succeed("cleanup");
  EXPECT_EQ(t.run_state(), "success");
}

TEST(Engine, OneFailedStartsAsSoonAsOneUpstreamFails) {
  EngineTest t("a; b; alarm: a b");
  t.task("alarm").trigger_rule = TriggerRule::kOneFailed;
  t.Run();
  EXPECT_THAT(t.Fail("a"), ElementsAre("alarm"));
}

TEST(Engine, AnEmptyTaskSucceedsWithoutAnAttempt) {
  EngineTest t("a; e: a; b: e");
  t.task("e").action.kind = ActionKind::kEmpty;
  t.Run();
  EXPECT_THAT(t.Succeed("a"), ElementsAre("b"));
  EXPECT_EQ(t.state("e"), "success");
}

TEST(Engine, ARunOfEmptyTasksEndsAsItBegins) {
  EngineTest t("a; b: a");
  t.task("a").action.kind = t.task("b").action.kind = ActionKind::kEmpty;
  EXPECT_THAT(t.Run(), IsEmpty());
  EXPECT_EQ(t.run_state(), "success");
}

TEST(Engine, AnAttemptThatIsReportedTwiceCountsOnce) {
  EngineTest t("a; b: a");
  t.Run();
  t.Succeed("a");
  EXPECT_THAT(t.Succeed("a"), IsEmpty());
  EXPECT_TRUE(t.plan().empty());
}

TEST(Engine, ARunThatIsMetTwiceBeginsOnce) {
  EngineTest t("a");
  t.Run();
  EXPECT_THAT(t.Run(), IsEmpty());
}

TEST(Retry, WaitsItsDelayAndCountsTheTry) {
  EngineTest t("a");
  t.task("a").retry = RetryPolicy{1, 10s, 0, std::nullopt, {}};
  t.Run();
  EXPECT_THAT(t.Fail("a"), IsEmpty());
  EXPECT_EQ(t.state("a"), "up_for_retry");
  EXPECT_THAT(t.Advance(9s), IsEmpty());
  EXPECT_THAT(t.Advance(1s), ElementsAre("a"));
  EXPECT_EQ(t.plan().opened.back().try_number, 2);
  t.Fail("a");
  EXPECT_EQ(t.state("a"), "failed");
}

TEST(Retry, OnlyAfterTheExitCodesThatAreNamed) {
  EngineTest t("a; b");
  t.task("a").retry = t.task("b").retry = RetryPolicy{1, 10s, 0, std::nullopt, {75}};
  t.Run();
  t.Finish("a", TryOutcome::kFailed, 1, 75);
  t.Finish("b", TryOutcome::kFailed, 1, 3);
  EXPECT_EQ(t.state("a"), "up_for_retry");
  EXPECT_EQ(t.state("b"), "failed");
}

TEST(Retry, ALostAttemptFailsForGoodUnlessOnLostSaysRetry) {
  EngineTest t("a; b");
  t.task("a").retry.retries = t.task("b").retry.retries = 3;
  t.task("b").on_lost = OnLost::kRetry;
  t.Run();
  t.Finish("a", TryOutcome::kLost);
  t.Finish("b", TryOutcome::kLost);
  EXPECT_EQ(t.state("a"), "failed");
  EXPECT_EQ(t.state("b"), "up_for_retry");
}

TEST(Retry, TheEndOfACommandElsewhereIsLostWithTheProcessThatWaitsForIt) {
  EngineTest t("a; b; c; d");
  for (const char* id : {"a", "b", "c"}) t.task(id).action.kind = ActionKind::kSsh;
  for (const char* id : {"a", "b", "c", "d"}) t.task(id).retry.retries = 1;
  t.Run();
  AttemptFinished end;
  end.outcome = TryOutcome::kFailed;
  const auto finish = [&](const char* id, int signal) {
    end.attempt = t.attempt(id);
    end.signal = signal;
    t.Send(end);
    return t.plan().closed.back().end.outcome;
  };
  EXPECT_EQ(finish("a", 9), TryOutcome::kLost);
  EXPECT_EQ(t.state("a"), "failed");
  EXPECT_EQ(finish("b", 15), TryOutcome::kFailed) << "it had not begun";
  EXPECT_EQ(finish("c", 0), TryOutcome::kFailed);
  EXPECT_EQ(finish("d", 9), TryOutcome::kFailed) << "a command of this host";
  EXPECT_EQ(t.state("d"), "up_for_retry");
}

TEST(Limits, ParallelismHoldsOverAllRuns) {
  EngineTest t("a; b; c", EngineLimits{2});
  EXPECT_THAT(t.Run(1), ElementsAre("a", "b"));
  EXPECT_THAT(t.Run(2), IsEmpty());
  EXPECT_THAT(t.Succeed("a", 1), ElementsAre("c"));
  EXPECT_THAT(t.Succeed("b", 1), ElementsAre("a"));  // of run 2
}

TEST(Limits, MaxActiveTasksHoldsPerRun) {
  EngineTest t("a; b; c");
  t.dag().max_active_tasks = 2;
  EXPECT_THAT(t.Run(1), ElementsAre("a", "b"));
  EXPECT_THAT(t.Run(2), ElementsAre("a", "b"));
  EXPECT_THAT(t.Succeed("b", 2), ElementsAre("c"));
}

TEST(Limits, MaxActiveRunsKeepsRunsQueued) {
  auto dag = MakeDag("a");
  dag->max_active_runs = 1;
  EngineTest t(dag);
  t.Run(1);
  EXPECT_THAT(t.Run(2), IsEmpty());
  EXPECT_EQ(t.run_state(2), "queued");
  EXPECT_THAT(t.Succeed("a", 1), ElementsAre("a"));
  EXPECT_EQ(t.run_state(2), "running");
}

TEST(Limits, APoolGivesItsSlotsToTheHigherWeight) {
  EngineTest t("low; high");
  t.task("low").pool = t.task("high").pool = "db";
  t.dag().weights = {1, 5};
  t.Send(PoolChanged{"db", 1});
  EXPECT_THAT(t.Run(), ElementsAre("high"));
  EXPECT_THAT(t.Succeed("high"), ElementsAre("low"));
}

TEST(Limits, ATaskOfAMissingPoolWaitsAndHoldsBackNobody) {
  EngineTest t("a; b");
  t.task("a").pool = "nowhere";
  EXPECT_THAT(t.Run(), ElementsAre("b"));
  const CommandDone why = t.Do(WhyTask{RunId{1}, "a"});
  EXPECT_EQ(why.result.Find("reasons")->list()[0].Find("code")->string(), "pool_missing");
  t.Do(SetPool{"nowhere", 1});
  EXPECT_EQ(t.state("a"), "running");
}

TEST(Limits, ADeletedPoolIsMissing) {
  EngineTest t("a; b: a");
  t.task("a").pool = t.task("b").pool = "etl";
  t.Do(SetPool{"etl", 1});
  EXPECT_THAT(t.Run(), ElementsAre("a"));
  EXPECT_EQ(t.Do(DeletePool{"etl"}).error, "");
  EXPECT_TRUE(t.plan().pools.at(0).deleted);
  EXPECT_THAT(t.Succeed("a"), IsEmpty());
  EXPECT_EQ(t.Do(DeletePool{"etl"}).error_code, ErrorCode::kNotFound);
  t.Do(SetPool{"etl", 1});
  EXPECT_EQ(t.state("b"), "running");
}

TEST(Limits, TheDefaultPoolStays) {
  EngineTest t("a");
  EXPECT_EQ(t.Do(DeletePool{"default_pool"}).error_code, ErrorCode::kNotAllowed);
}

TEST(Reports, EndATryOnceAndAreHarmlessAgain) {
  EngineTest t("a; b: a");
  t.Run();
  AttemptFinished end;
  end.attempt = t.plan().opened.at(0).attempt;
  end.outcome = TryOutcome::kSucceeded;
  EXPECT_EQ(t.Do(ReportEnd{end}).error, "");
  EXPECT_EQ(t.state("a"), "success");
  EXPECT_EQ(t.state("b"), "running");
  EXPECT_EQ(t.Do(ReportEnd{end}).error, "");
  EXPECT_TRUE(t.plan().closed.empty());
}

TEST(Limits, ATaskLargerThanItsPoolHoldsBackNobody) {
  EngineTest t("big; small");
  t.task("big").pool = t.task("small").pool = "db";
  t.task("big").pool_slots = 3;
  t.dag().weights = {9, 1};
  t.Send(PoolChanged{"db", 2});
  EXPECT_THAT(t.Run(), ElementsAre("small"));
  EXPECT_THAT(t.Send(PoolChanged{"db", 4}), ElementsAre("big"));
}

TEST(Pause, NothingNewStartsAndRunningTasksFinish) {
  EngineTest t("a; b: a; e: a; c: e");
  t.task("e").action.kind = ActionKind::kEmpty;
  t.Run();
  t.Pause(true);
  EXPECT_THAT(t.Succeed("a"), IsEmpty());
  EXPECT_EQ(t.state("a"), "success");
  EXPECT_EQ(t.run_state(), "running");
  EXPECT_THAT(t.Pause(false), ElementsAre("b", "c"));
}

TEST(Pause, ManualRunsStayQueued) {
  EngineTest t("a");
  t.Pause(true);
  EXPECT_THAT(t.Run(), IsEmpty());
  EXPECT_EQ(t.run_state(), "queued");
  EXPECT_THAT(t.Pause(false), ElementsAre("a"));
}

TEST(Cancel, StopsWhatRunsAndSkipsWhatWaits) {
  EngineTest t("a; b: a");
  t.Run();
  EXPECT_EQ(t.Do(CancelRun{RunId{1}}).error, "");
  EXPECT_THAT(t.plan().stops, SizeIs(1));
  EXPECT_EQ(t.state("a"), "failed");
  EXPECT_EQ(t.state("b"), "skipped");
  EXPECT_EQ(t.run_state(), "failed");
  t.Finish("a", TryOutcome::kStopped);
  EXPECT_THAT(t.plan().closed, SizeIs(1));
  EXPECT_THAT(t.plan().tasks, IsEmpty());
}

TEST(Cancel, ARunThatHasEndedIsAConflict) {
  EngineTest t("a");
  t.Run();
  t.Succeed("a");
  EXPECT_EQ(t.Do(CancelRun{RunId{1}}).error_code, ErrorCode::kConflict);
}

TEST(Timeout, OfARunEndsItAsFailed) {
  EngineTest t("a; b: a");
  t.dag().dagrun_timeout = 1min;
  t.Run();
  t.Advance(1min);
  EXPECT_EQ(t.run_state(), "failed");
  EXPECT_THAT(t.plan().stops, SizeIs(1));
}

TEST(Restart, GoesOnWhereTheStoreSays) {
  auto dag = MakeDag("a; b: a; c: b; d: b");
  EngineTest t(dag);
  RunInfo run;
  run.id = RunId{4};
  run.dag_id = dag->id;
  run.state = RunState::kRunning;
  std::vector<StoredTask> tasks(2);
  tasks[0] = StoredTask{0, TaskState::kSuccess, 1, std::nullopt, AttemptId{1}};
  tasks[1] = StoredTask{1, TaskState::kRunning, 1, std::nullopt, AttemptId{2}};
  EXPECT_THAT(t.Send(RunRestored{run, dag, tasks}), IsEmpty());
  AttemptFinished end;
  end.attempt = AttemptId{2};
  end.outcome = TryOutcome::kSucceeded;
  end.end = kT0;
  EXPECT_THAT(t.Send(end), ElementsAre("c", "d"));
}

TEST(Restart, ATaskWhoseTurnHadComeIsFoundAgainWithoutARow) {
  auto dag = MakeDag("a; b: a");
  EngineTest t(dag);
  RunInfo run;
  run.id = RunId{4};
  run.dag_id = dag->id;
  run.state = RunState::kRunning;
  EXPECT_THAT(t.Send(RunRestored{run, dag, {StoredTask{0, TaskState::kSuccess, 1, std::nullopt, AttemptId{1}}}}),
              ElementsAre("b"));
}

TEST(Cost, RowsOfWaitingTasksAreWrittenInTheBackground) {
  std::string text = "a";
  for (int i = 0; i < 2000; ++i) text += "; t" + std::to_string(i) + ": a";
  EngineTest t(text);
  t.Run();
  EXPECT_THAT(t.Succeed("a"), SizeIs(16));
  EXPECT_THAT(t.plan().tasks, SizeIs(17));
  t.Advance(900ms);
  EXPECT_EQ(t.state("t1999"), "none");
  t.Advance(3s);
  EXPECT_EQ(t.state("t1999"), "scheduled");
  EXPECT_FALSE(t.engine().NextTimer().has_value());
}

// A schedule that is due every hour from kT0 on.
class Hourly : public Timetable {
 public:
  std::optional<DueRun> Next(const std::optional<DataInterval>& last, Instant) const override {
    const Instant at = last ? last->end + 1h : kT0 + 1h;
    return DueRun{at, DataInterval{at, at}, at};
  }
  DataInterval ManualInterval(Instant run_after) const override { return {run_after, run_after}; }
};

DagHead HourlyHead(int max_active_runs = 16) {
  DagHead head;
  head.dag_id = "h";
  head.timetable = std::make_shared<Hourly>();
  head.max_active_runs = max_active_runs;
  return head;
}

TEST(Schedule, MakesARunWhenItIsDueAndNamesItAfterItsTime) {
  EngineTest t("a");
  t.Send(DagUpdated{HourlyHead()});
  t.Advance(59min);
  EXPECT_THAT(t.plan().new_runs, IsEmpty());
  t.Advance(1min);
  ASSERT_THAT(t.plan().new_runs, SizeIs(1));
  EXPECT_EQ(t.plan().new_runs[0].run_id, "scheduled__2026-01-01T01:00:00+00:00");
}

TEST(Schedule, MakesNoMoreThanMaxActiveRuns) {
  auto dag = MakeDag("a", "h");
  dag->max_active_runs = 1;
  EngineTest t(dag);
  t.Send(DagUpdated{HourlyHead(1)});
  t.Advance(1h);
  EXPECT_THAT(t.Run(), ElementsAre("a"));  // what was made comes back from the store
  EXPECT_FALSE(t.engine().NextTimer().has_value());
  t.Succeed("a");
  EXPECT_TRUE(t.engine().NextTimer().has_value());
}

TEST(Schedule, APausedDagMakesNoRun) {
  EngineTest t("a");
  DagHead head = HourlyHead();
  head.paused = true;
  t.Send(DagUpdated{head});
  EXPECT_FALSE(t.engine().NextTimer().has_value());
}

TEST(Schedule, AClockThatJumpsBackMakesNoSlotTwice) {
  EngineTest t("a");
  t.Send(DagUpdated{HourlyHead()});
  t.Advance(1h);
  t.Advance(-30min);
  t.Advance(45min);
  EXPECT_THAT(t.plan().new_runs, SizeIs(1));
  EXPECT_EQ(t.plan().new_runs[0].run_id, "scheduled__2026-01-01T01:00:00+00:00");
}

}  // namespace
}  // namespace pipelined
