// Where features meet: clears and branches, marks and the run before, runs that are set to queued.
#include <gmock/gmock.h>

#include "unit/engine/engine_fixture.h"

namespace pipelined::testing {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

MarkRun ToQueued(const EngineTest& t) {
  MarkRun mark;
  mark.dag_id = "d";
  mark.run = RunId{1};
  mark.state = RunState::kQueued;
  mark.facts = t.Facts();
  return mark;
}

AttemptFinished EndOf(const EngineTest& t, AttemptId attempt) {
  AttemptFinished end;
  end.attempt = attempt;
  end.outcome = TryOutcome::kSucceeded;
  end.end = t.now();
  return end;
}

TEST(Seams, ABranchThatDecidesAgainOvertakesATaskThatIsStillBeingStopped) {
  auto dag = MakeDag("choose; left: choose; right: choose");
  dag->tasks[0].action.kind = ActionKind::kBranch;
  EngineTest t(dag);
  t.Run();
  AttemptFinished chosen = EndOf(t, t.plan().opened[0].attempt);
  chosen.decision = Decision{true, {1}};
  EXPECT_THAT(t.Send(chosen), ElementsAre("left"));
  const AttemptId left = t.plan().opened[0].attempt;
  ClearTasks clear{t.Choice(1), {}};
  clear.tasks.ids = {"choose"};
  clear.tasks.downstream = true;
  clear.facts = t.Facts({1});
  t.Do(clear);
  chosen = EndOf(t, t.engine().last_attempt());
  chosen.decision = Decision{true, {2}};
  EXPECT_THAT(t.Send(chosen), ElementsAre("right"));
  EXPECT_EQ(t.state("left"), "skipped");
  EXPECT_THAT(t.plan().stops, Contains(left));
  t.Send(EndOf(t, t.engine().last_attempt()));
  EXPECT_EQ(t.run_state(), "success");
  EXPECT_THAT(t.Send(EndOf(t, left)), IsEmpty());  // its run has left memory
}

TEST(Seams, ADagIsDeletedWithARunThatWasSetToQueuedWhileItRan) {
  EngineTest t("a; b: a");
  t.Run();
  const AttemptId attempt = t.plan().opened[0].attempt;
  t.Pause(true);
  t.Do(ToQueued(t));
  EXPECT_EQ(t.run_state(), "queued");
  EXPECT_EQ(t.Do(DeleteDag{"d"}).error, "");
  EXPECT_THAT(t.plan().stops, ElementsAre(attempt));
  EXPECT_THAT(t.Send(EndOf(t, attempt)), IsEmpty());
}

TEST(Seams, EmptyTasksOfARunThatWasSetToQueuedWhilePausedGoOn) {
  auto dag = MakeDag("a; b: a; c: b");
  dag->tasks[1].action.kind = ActionKind::kEmpty;
  EngineTest t(dag);
  t.Run();
  t.Pause(true);
  t.Do(ToQueued(t));
  t.Succeed("a");
  t.Pause(false);
  EXPECT_EQ(t.state("b"), "success");
  EXPECT_EQ(t.state("c"), "running");
}

TEST(Seams, AMarkInAnEndedRunLetsTheNextRunGoOn) {
  auto dag = MakeDag("a");
  dag->tasks[0].depends_on_past = true;
  ASSERT_TRUE(dag->Link({}).ok());
  EngineTest t(dag);
  const auto come = [&](std::int64_t number, std::optional<PastRun> past) {
    RunInfo info;
    info.id = RunId{number};
    info.dag_id = "d";
    info.run_id = "r" + std::to_string(number);
    info.logical_date = kT0 + std::chrono::hours(24 * number);
    info.run_after = *info.logical_date;
    return t.Send(RunRequested{info, dag, {}, {}, {}, std::move(past)});
  };
  come(1, std::nullopt);
  EXPECT_THAT(come(2, PastRun{RunId{1}, "r1", kT0 + std::chrono::hours(24)}), IsEmpty());
  t.Fail("a", 1);
  EXPECT_EQ(t.state("a", 2), "none");
  MarkTasks mark{t.Choice(1), {}, TaskState::kSuccess};
  mark.tasks.ids = {"a"};
  mark.facts = t.Facts({1});
  t.Do(mark);
  EXPECT_EQ(t.state("a", 2), "running");
}

TEST(Seams, ARunThatEndsAndIsClearedInOneTurnForgetsWhatWasBeingStopped) {
  auto dag = MakeDag("a; b");
  dag->fail_fast = true;
  EngineTest t(dag);
  t.Run();
  const AttemptId a = t.plan().opened[0].attempt, b = t.plan().opened[1].attempt;
  ClearTasks clear{t.Choice(1), {}};
  clear.tasks.ids = {"a"};
  clear.facts = t.Facts({1});
  std::vector<Event> events;
  AttemptFinished failed = EndOf(t, b);
  failed.outcome = TryOutcome::kFailed;
  events.emplace_back(failed);  // ends the run, a is to be stopped
  events.emplace_back(EndOf(t, a));
  events.emplace_back(Command{CommandId{9}, "ann", clear});
  const Plan plan = t.engine().Apply(std::move(events), t.now());
  ASSERT_EQ(plan.opened.size(), 1U);
  EXPECT_EQ(plan.opened[0].task, 0U);
}

TEST(Seams, RunsOfABackfillThatIsOverKeepTheLimitOfTheirDag) {
  auto dag = MakeDag("a");
  dag->max_active_runs = 1;
  EngineTest t(dag);
  const auto come = [&](std::int64_t number) {
    RunInfo info;
    info.id = RunId{number};
    info.dag_id = "d";
    info.run_id = "r" + std::to_string(number);
    info.run_after = kT0;
    info.backfill = BackfillId{7};
    info.backfill_ordinal = static_cast<std::int32_t>(number);
    return t.Send(RunRequested{info, dag});
  };
  EXPECT_THAT(come(1), ElementsAre("a"));
  EXPECT_THAT(come(2), IsEmpty());
  EXPECT_THAT(t.Succeed("a", 1), ElementsAre("a"));
}

}  // namespace
}  // namespace pipelined::testing
