// Who asked for what a plan changes: of a command and all that it brings about, whoever sent it; of what follows by the
// rules, nobody.
#include "engine_fixture.h"

namespace pipelined::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

// "a failed ann" of each change of a task, "run queued ann" of each of a run; those by hand first.
std::vector<std::string> Changes(const Plan& plan, const Dag& dag) {
  std::vector<std::string> all;
  const auto add = [&](const std::string& what, std::string_view to, std::string_view who) {
    all.push_back(what + " " + std::string(to) + (who.empty() ? "" : " " + std::string(who)));
  };
  for (const TaskChange& change : plan.steered) add(dag.tasks[change.task].id, ToString(change.to), plan.WhoOf(change));
  for (const RunChange& change : plan.runs) add("run", ToString(change.to), change.who);
  for (const TaskChange& change : plan.tasks) add(dag.tasks[change.task].id, ToString(change.to), plan.WhoOf(change));
  return all;
}

std::vector<std::string> Changes(EngineTest& t) {
  return Changes(t.plan(), t.dag());
}

ClearTasks Clear(const EngineTest& t, const std::string& id) {
  ClearTasks clear{t.Choice(), {}};
  clear.tasks.ids = {id};
  clear.facts = t.Facts();
  return clear;
}

TEST(Author, WhatHappensByTheRulesHasNone) {
  EngineTest t("a; b: a");
  t.Run();
  EXPECT_THAT(Changes(t), ElementsAre("run running", "a running"));
  t.Fail("a");
  EXPECT_THAT(Changes(t), ElementsAre("run failed", "a failed", "b upstream_failed"));
}

TEST(Author, AClearSetsBackTheRunTooButDoesNotStartIt) {
  EngineTest t("a; b: a");
  t.Run();
  t.Fail("a");
  ClearTasks clear = Clear(t, "a");
  clear.tasks.downstream = true;
  t.Do(clear);
  EXPECT_THAT(Changes(t), ElementsAre("a none ann", "b none ann", "run queued ann", "run running", "a running"));
}

TEST(Author, ATaskThatIsStoppedToRunAgainIsWaitedForByTheScheduler) {
  EngineTest t("a");
  t.Run();
  t.Do(Clear(t, "a"));
  EXPECT_THAT(Changes(t), ElementsAre("a restarting ann"));
  t.Finish("a", TryOutcome::kStopped);
  EXPECT_THAT(Changes(t), ElementsAre("a none", "a running"));
}

TEST(Author, AMarkClearsWhatFailedBelow) {
  EngineTest t("a; b: a");
  t.Run();
  t.Fail("a");
  MarkTasks mark{t.Choice(), {}, TaskState::kSuccess};
  mark.tasks.ids = {"a"};
  mark.facts = t.Facts();
  t.Do(mark);
  EXPECT_THAT(Changes(t), ElementsAre("a success ann", "b none ann", "run queued ann", "run running", "b running"));
}

TEST(Author, ARunThatIsMarkedEndsItsTasks) {
  EngineTest t("a; b: a");
  t.Run();
  t.Do(MarkRun{"d", RunId{1}, RunState::kFailed, t.Facts()});
  EXPECT_THAT(Changes(t), ElementsAre("a failed ann", "b skipped ann", "run failed ann"));
}

TEST(Author, ARunThatIsMarkedQueuedBeginsByItself) {
  EngineTest t("a");
  t.Run();
  t.Do(MarkRun{"d", RunId{1}, RunState::kQueued, t.Facts()});
  EXPECT_THAT(Changes(t), ElementsAre("run queued ann", "run running"));
}

TEST(Author, ACancelledRunTakesItsTasksWithIt) {
  EngineTest t("a; b: a");
  t.Run();
  t.Do(CancelRun{RunId{1}});
  EXPECT_THAT(Changes(t), ElementsAre("run failed ann", "a failed ann", "b skipped ann"));
}

TEST(Author, EachCommandOfATurnHasItsOwn) {
  EngineTest t("a");
  t.Run();
  t.Fail("a");
  MarkTasks mark{t.Choice(), {}, TaskState::kSuccess};
  mark.facts = t.Facts();
  std::vector<Event> both;
  both.emplace_back(Command{CommandId{8}, "bob", mark});
  both.emplace_back(Command{CommandId{9}, "eve", Clear(t, "a")});
  const Plan plan = t.engine().Apply(std::move(both), t.now());
  EXPECT_THAT(Changes(plan, t.dag()),
              ElementsAre("a success bob", "a none eve", "run queued eve", "run running", "a running"));
}

TEST(Author, OfADagAndAPool) {
  EngineTest t("a");
  DagHead head;
  head.dag_id = "d";
  t.Send(DagUpdated{head});
  t.Do(PauseDag{"d", true});
  ASSERT_EQ(t.plan().dags.size(), 1U);
  EXPECT_EQ(t.plan().dags[0].who, "ann");
  t.Do(SetPool{"p", 3});
  t.Run();
  EXPECT_THAT(Changes(t), IsEmpty());  // it is paused
  t.Do(DeletePool{"p"});
  EXPECT_EQ(t.plan().pools.at(0).who, "ann");
  t.Do(PauseDag{"d", false});
  EXPECT_THAT(Changes(t), ElementsAre("run running", "a running"));  // nobody asked for these
}

// The run that a task waits for ends with it; that the task fails then is nobody's wish.
TEST(Author, ACancelReachesTheRunsThatAreAPartOfTheRun) {
  EngineTest t("part");
  TriggerSpec spec;
  spec.dag_id = "c";
  spec.sub_run = spec.wait_for_completion = true;
  t.task("part").action.kind = ActionKind::kSubDag;
  t.task("part").trigger = std::make_shared<const TriggerSpec>(spec);
  DagHead head;
  head.dag_id = "c";
  t.Send(DagUpdated{head});
  t.Run();
  const AttemptId attempt = t.plan().opened.at(0).attempt;
  t.Send(RunAsked{attempt, "c", "r", std::nullopt, Value(), std::nullopt});
  RunInfo child;
  child.id = RunId{2};
  child.dag_id = "c";
  child.run_id = "r";
  child.parent = RunParent{RunId{1}, "part", attempt, true};
  t.Send(RunRequested{child, MakeDag("a", "c")});
  t.Do(CancelRun{RunId{1}});
  EXPECT_THAT(Changes(t),
              UnorderedElementsAre("part failed ann", "run failed ann", "run failed ann", "part failed ann"));
}

}  // namespace
}  // namespace pipelined::testing
