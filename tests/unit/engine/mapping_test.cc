// Mapped tasks in the engine, beyond what the recorded tables ask: lengths that are made of outputs, limits, restarts.
#include <gmock/gmock.h>

#include "unit/engine/engine_fixture.h"

namespace pipelined::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

void Map(Dag& dag, std::vector<TaskNo> tasks, Expand expand, std::vector<TaskNo> sources = {}) {
  Mapping mapping;
  mapping.expand = std::move(expand);
  mapping.tasks = std::move(tasks);
  mapping.sources = std::move(sources);
  dag.Map(std::move(mapping));
}

Expand Literal(std::size_t length) {
  Expand expand;
  expand.values.push_back(ExpandValue{"x", Value(Value::List(length)), ""});
  return expand;
}

Expand Output() {
  Expand expand;
  expand.values.push_back(ExpandValue{"x", {}, "{{ tasks.a.x }}"});
  return expand;
}

// "b" is mapped over an output of "a", "c" is below.
std::shared_ptr<Dag> OverOutput() {
  auto dag = MakeDag("a; b: a; c: b");
  Map(*dag, {1}, Output(), {0});
  EXPECT_TRUE(dag->Link({{0, 1}, {1, 2}}).ok());
  return dag;
}

// The answer to what the last plan wants.
MappingLength Answer(const EngineTest& t, std::uint64_t length) {
  EXPECT_EQ(t.plan().wanted.size(), 1U);
  const LengthWanted wanted = t.plan().wanted.empty() ? LengthWanted{} : t.plan().wanted.front();
  return MappingLength{wanted.run, wanted.life, wanted.mapping, length};
}

TEST(Mapping, TheLengthOfAnOutputIsAskedForAndTheRunWaitsForIt) {
  EngineTest t(OverOutput());
  t.Run();
  EXPECT_THAT(t.Succeed("a"), IsEmpty());
  EXPECT_EQ(t.run_state(), "running");
  const MappingLength two = Answer(t, 2);
  EXPECT_THAT(t.Send(two), ElementsAre("b[0]", "b[1]"));
  ASSERT_EQ(t.plan().expanded.size(), 1U);
  EXPECT_EQ(t.plan().expanded[0].length, 2U);
  EXPECT_THAT(t.Send(two), IsEmpty()) << "an answer that comes twice";
  t.Succeed("b[1]");
  EXPECT_THAT(t.Succeed("b[0]"), ElementsAre("c"));
  t.Succeed("c");
  EXPECT_EQ(t.run_state(), "success");
}

TEST(Mapping, NothingToMapOverSkipsTheTaskAndWhatIsBelow) {
  EngineTest t(OverOutput());
  t.Run();
  t.Succeed("a");
  t.Send(Answer(t, 0));
  EXPECT_EQ(t.state("b"), "skipped");
  EXPECT_EQ(t.state("c"), "skipped");
  EXPECT_EQ(t.run_state(), "success");
}

TEST(Mapping, TooManyInstancesFailTheTaskWithTheLimit) {
  EngineTest t(OverOutput(), EngineLimits{32, 3});
  t.Run();
  t.Succeed("a");
  t.Send(Answer(t, 4));
  EXPECT_EQ(t.state("b"), "failed");
  EXPECT_EQ(t.plan().tasks[0].why, "it would have 4 instances, and core.max_map_length is 3");
  EXPECT_EQ(t.state("c"), "upstream_failed");
  EXPECT_EQ(t.run_state(), "failed");
}

TEST(Mapping, WhatIsNoListFailsTheTaskWithTheReason) {
  EngineTest t(OverOutput());
  t.Run();
  t.Succeed("a");
  MappingLength answer = Answer(t, 0);
  answer.error = "expand.x: a list is needed to map over";
  t.Send(answer);
  EXPECT_EQ(t.state("b"), "failed");
  EXPECT_EQ(t.plan().tasks[0].why, "expand.x: a list is needed to map over");
}

TEST(Mapping, WithoutItsSourceATaskIsUpstreamFailedWhateverItsRule) {
  auto dag = OverOutput();
  dag->tasks[1].trigger_rule = TriggerRule::kAllDone;
  EngineTest t(dag);
  t.Run();
  t.Fail("a");
  EXPECT_THAT(t.plan().wanted, IsEmpty());
  EXPECT_EQ(t.state("b"), "upstream_failed");
}

TEST(Mapping, ARuleThatIsMetEarlyStillWaitsForTheSource) {
  auto dag = OverOutput();
  dag->tasks[1].trigger_rule = TriggerRule::kAlways;
  EngineTest t(dag);
  EXPECT_THAT(t.Run(), ElementsAre("a"));
  EXPECT_THAT(t.plan().wanted, IsEmpty());
  t.Succeed("a");
  EXPECT_THAT(t.Send(Answer(t, 1)), ElementsAre("b[0]"));
}

TEST(Mapping, InstancesOfAGroupFollowTheirOwn) {
  auto dag = MakeDag("one; two: one; after: two");
  Map(*dag, {0, 1}, Literal(2));
  ASSERT_TRUE(dag->Link({{0, 1}, {1, 2}}).ok());
  EngineTest t(dag);
  EXPECT_THAT(t.Run(), ElementsAre("one[0]", "one[1]"));
  EXPECT_THAT(t.Succeed("one[1]"), ElementsAre("two[1]"));
  EXPECT_THAT(t.Succeed("two[1]"), IsEmpty());
  t.Fail("one[0]");
  EXPECT_EQ(t.state("two[0]"), "upstream_failed");
  EXPECT_EQ(t.state("after"), "upstream_failed");
}

TEST(Mapping, AShortCircuitInAMappedGroupSkipsItsOwnInstancesOnly) {
  auto dag = MakeDag("ask; work: ask; after: work");
  dag->tasks[0].action.kind = ActionKind::kShortCircuit;
  dag->tasks[2].trigger_rule = TriggerRule::kAllDone;
  Map(*dag, {0, 1}, Literal(2));
  ASSERT_TRUE(dag->Link({{0, 1}, {1, 2}}).ok());
  EngineTest t(dag);
  t.Run();
  AttemptFinished no;
  no.attempt = AttemptId{1};
  no.outcome = TryOutcome::kSucceeded;
  no.decision = Decision{false, {}};
  no.end = t.now();
  t.Send(no);
  EXPECT_EQ(t.state("work[0]"), "skipped");
  EXPECT_EQ(t.state("work[1]"), "none");
  EXPECT_EQ(t.state("after"), "none");
}

TEST(Mapping, ASkippingTaskAboveSkipsAllInstances) {
  auto dag = MakeDag("ask; work: ask");
  dag->tasks[0].action.kind = ActionKind::kShortCircuit;
  Map(*dag, {1}, Literal(3));
  ASSERT_TRUE(dag->Link({{0, 1}}).ok());
  EngineTest t(dag);
  t.Run();
  AttemptFinished no;
  no.attempt = AttemptId{1};
  no.outcome = TryOutcome::kSucceeded;
  no.decision = Decision{false, {}};
  no.end = t.now();
  t.Send(no);
  for (const char* const id : {"work[0]", "work[1]", "work[2]"}) EXPECT_EQ(t.state(id), "skipped") << id;
  EXPECT_EQ(t.run_state(), "success");
}

TEST(Mapping, EachInstanceHasItsOwnTries) {
  auto dag = MakeDag("m");
  dag->tasks[0].retry.retries = 1;
  dag->tasks[0].retry.delay = std::chrono::seconds(5);
  Map(*dag, {0}, Literal(2));
  ASSERT_TRUE(dag->Link({}).ok());
  EngineTest t(dag);
  t.Run();
  t.Fail("m[1]");
  EXPECT_EQ(t.state("m[1]"), "up_for_retry");
  EXPECT_THAT(t.Advance(std::chrono::seconds(6)), ElementsAre("m[1]"));
  t.Succeed("m[1]");
  t.Succeed("m[0]");
  EXPECT_EQ(t.run_state(), "success");
}

RunInfo RunningRun() {
  RunInfo run;
  run.id = RunId{1};
  run.dag_id = "d";
  run.run_id = "r";
  run.state = RunState::kRunning;
  return run;
}

TEST(Mapping, ARestartKnowsTheInstancesAndAsksNothingAgain) {
  EngineTest t(OverOutput());
  StoredTask done{0, TaskState::kSuccess, 1, {}, {}};
  StoredTask ended{1, TaskState::kSuccess, 1, {}, {}};
  ended.map_index = 0;
  StoredTask runs{1, TaskState::kRunning, 1, std::nullopt, AttemptId{9}};
  runs.map_index = 2;
  EXPECT_THAT(t.Send(RunRestored{RunningRun(), OverOutput(), {done, ended, runs}, {StoredLength{1, 3}}}),
              ElementsAre("b[1]"));
  EXPECT_THAT(t.plan().wanted, IsEmpty());
  t.Succeed("b[1]");
  AttemptFinished end;
  end.attempt = AttemptId{9};
  end.outcome = TryOutcome::kSucceeded;
  end.end = t.now();
  EXPECT_THAT(t.Send(end), ElementsAre("c"));
}

TEST(Mapping, ARunThatWasSetBackRemovesInstancesThatAreLeftOver) {
  EngineTest t(OverOutput());
  t.Run();  // learns the DAG
  RunInfo run = RunningRun();
  run.id = RunId{2};
  run.state = RunState::kQueued;
  std::vector<StoredTask> tries;
  for (std::int32_t index = 0; index < 3; ++index) {
    StoredTask cleared{1, TaskState::kNone, 4, {}, {}};
    cleared.max_tries = 5;
    cleared.map_index = index;
    tries.push_back(cleared);
  }
  t.Send(RunRequested{run, OverOutput(), tries});
  t.Succeed("a", 2);
  t.Send(Answer(t, 2));
  EXPECT_EQ(t.plan().opened[0].try_number, 5);
  EXPECT_EQ(t.state("b[2]", 2), "removed");
  t.Succeed("b[0]", 2);
  EXPECT_THAT(t.Succeed("b[1]", 2), ElementsAre("c"));
}

// The instances of "b" that are left over are removed before those of "c" have counted anything.
TEST(Mapping, ARunThatWasSetBackRemovesThemInAWholeGroup) {
  auto dag = MakeDag("a; b: a; c: b; d: c");
  Map(*dag, {1, 2}, Output(), {0});
  ASSERT_TRUE(dag->Link({{0, 1}, {1, 2}, {2, 3}}).ok());
  EngineTest t(dag);
  t.Run();  // learns the DAG
  RunInfo run = RunningRun();
  run.id = RunId{2};
  run.state = RunState::kQueued;
  std::vector<StoredTask> tries;
  for (std::int32_t index = 0; index < 3; ++index) {  // "c" had ended as a whole
    tries.push_back(StoredTask{1, TaskState::kNone, 1, {}, {}});
    tries.back().map_index = index;
  }
  t.Send(RunRequested{run, dag, tries});
  t.Succeed("a", 2);
  EXPECT_THAT(t.Send(Answer(t, 2)), ElementsAre("b[0]", "b[1]"));
  EXPECT_EQ(t.state("b[2]", 2), "removed");
  EXPECT_THAT(t.Succeed("b[0]", 2), ElementsAre("c[0]"));
  EXPECT_THAT(t.Succeed("b[1]", 2), ElementsAre("c[1]"));
  EXPECT_EQ(t.state("c[2]", 2), "removed");
  t.Succeed("c[0]", 2);
  EXPECT_THAT(t.Succeed("c[1]", 2), ElementsAre("d"));
}

ClearTasks Clear(const EngineTest& t, std::vector<std::string> ids) {
  ClearTasks clear{t.Choice(), {}};
  clear.tasks.ids = std::move(ids);
  clear.facts = t.Facts();
  return clear;
}

// "a" and both instances of "b" have succeeded, "c" runs.
void RunTwo(EngineTest& t) {
  t.Run();
  t.Succeed("a");
  t.Send(Answer(t, 2));
  t.Succeed("b[0]");
  t.Succeed("b[1]");
}

TEST(Mapping, ClearedWithItsSourceATaskIsExpandedAgainToMore) {
  EngineTest t(OverOutput());
  RunTwo(t);
  t.Succeed("c");
  ClearTasks clear = Clear(t, {});
  auto facts = std::make_shared<SteeringFacts>(*clear.facts);
  facts->runs[0].lengths = {StoredLength{1, 2}};
  clear.facts = facts;
  EXPECT_EQ(t.Do(clear).result.Find("tasks")->list().size(), 4U);
  ASSERT_EQ(t.plan().expanded.size(), 1U);
  EXPECT_TRUE(t.plan().expanded[0].stale);
  EXPECT_EQ(t.plan().expanded[0].length, 2U);
  EXPECT_THAT(t.Succeed("a"), IsEmpty());
  EXPECT_THAT(t.Send(Answer(t, 3)), ElementsAre("b[0]", "b[1]", "b[2]"));
  ASSERT_EQ(t.plan().expanded.size(), 1U);
  EXPECT_FALSE(t.plan().expanded[0].stale);
  EXPECT_EQ(t.plan().expanded[0].length, 3U);
  EXPECT_EQ(t.plan().opened[0].try_number, 2);
  EXPECT_EQ(t.plan().opened[2].try_number, 1);
  t.Succeed("b[0]");
  t.Succeed("b[2]");
  EXPECT_THAT(t.Succeed("b[1]"), ElementsAre("c"));
  t.Succeed("c");
  EXPECT_EQ(t.run_state(), "success");
}

TEST(Mapping, ClearedWithItsSourceATaskIsExpandedAgainToFewerAndBack) {
  EngineTest t(OverOutput());
  RunTwo(t);
  t.Do(Clear(t, {"a", "b"}));
  EXPECT_EQ(t.state("b[1]"), "none");
  t.Succeed("a");
  EXPECT_THAT(t.Send(Answer(t, 1)), ElementsAre("b[0]"));
  EXPECT_EQ(t.state("b[1]"), "removed");
  EXPECT_EQ(t.plan().expanded[0].length, 2U);
  t.Succeed("b[0]");
  t.Do(Clear(t, {"b"}));
  EXPECT_EQ(t.state("b[0]"), "running") << "its length is kept";
  EXPECT_EQ(t.state("b[1]"), "removed");
  t.Succeed("b[0]");
  t.Do(Clear(t, {"a", "b"}));
  t.Succeed("a");
  EXPECT_THAT(t.Send(Answer(t, 2)), ElementsAre("b[0]", "b[1]"));
}

TEST(Mapping, ClearedWithItsSourceATaskOverNothingIsSkipped) {
  EngineTest t(OverOutput());
  RunTwo(t);
  t.Do(Clear(t, {"a", "b", "c"}));
  t.Finish("c", TryOutcome::kStopped);
  t.Succeed("a");
  t.Send(Answer(t, 0));
  EXPECT_EQ(t.state("b[0]"), "skipped");
  EXPECT_EQ(t.state("b[1]"), "skipped");
  EXPECT_EQ(t.state("c"), "skipped");
  EXPECT_EQ(t.run_state(), "success");
}

TEST(Mapping, AGroupGrowsTogetherWhenSomeOfItIsCleared) {
  auto dag = MakeDag("a; one: a; two: one; after: two");
  Map(*dag, {1, 2}, Output(), {0});
  ASSERT_TRUE(dag->Link({{0, 1}, {1, 2}, {2, 3}}).ok());
  EngineTest t(dag);
  t.Run();
  t.Succeed("a");
  t.Send(Answer(t, 1));
  t.Succeed("one[0]");
  t.Succeed("two[0]");
  t.Do(Clear(t, {"a", "one"}));
  t.Finish("after", TryOutcome::kSucceeded);
  t.Succeed("a");
  EXPECT_THAT(t.Send(Answer(t, 2)), ElementsAre("one[0]", "one[1]"));
  EXPECT_THAT(t.plan().expanded.size(), 2U);
  t.Succeed("one[0]");
  EXPECT_EQ(t.state("two[0]"), "success");
  EXPECT_THAT(t.Succeed("one[1]"), ElementsAre("two[1]"));
  t.Succeed("two[1]");
  EXPECT_EQ(t.run_state(), "success");
}

TEST(Mapping, AnInstanceThatIsStillBeingStoppedHoldsTheExpansion) {
  EngineTest t(OverOutput());
  t.Run();
  t.Succeed("a");
  t.Send(Answer(t, 2));
  t.Succeed("b[0]");
  t.Do(Clear(t, {"a", "b"}));
  EXPECT_EQ(t.state("b[1]"), "restarting");
  t.Succeed("a");
  EXPECT_THAT(t.plan().wanted, IsEmpty());
  t.Finish("b[1]", TryOutcome::kStopped);
  EXPECT_THAT(t.Send(Answer(t, 1)), ElementsAre("b[0]"));
  EXPECT_EQ(t.state("b[1]"), "removed");
}

TEST(Mapping, AnAnswerFromBeforeAClearIsNotTaken) {
  EngineTest t(OverOutput());
  t.Run();
  t.Succeed("a");
  const MappingLength old = Answer(t, 2);
  t.Do(Clear(t, {"a"}));
  EXPECT_THAT(t.Send(old), IsEmpty());
  t.Succeed("a");
  EXPECT_THAT(t.Send(Answer(t, 1)), ElementsAre("b[0]"));
}

TEST(Mapping, AfterARestartATaskIsStillToBeExpandedAgain) {
  EngineTest t(OverOutput());
  StoredTask done{0, TaskState::kSuccess, 2, {}, {}};
  StoredTask cleared{1, TaskState::kNone, 1, {}, {}};
  cleared.map_index = 0;
  EXPECT_THAT(t.Send(RunRestored{RunningRun(), OverOutput(), {done, cleared}, {StoredLength{1, 2, true}}}), IsEmpty());
  EXPECT_THAT(t.Send(Answer(t, 1)), ElementsAre("b[0]"));
  EXPECT_EQ(t.state("b[1]"), "removed");
}

TEST(Mapping, OneInstanceCanBeClearedAndMarked) {
  EngineTest t(OverOutput());
  RunTwo(t);
  ClearTasks clear = Clear(t, {});
  clear.tasks.instances = {{"b", 1}, {"b", 7}};
  clear.note = "once more";
  const CommandDone done = t.Do(clear);
  ASSERT_EQ(done.result.Find("tasks")->list().size(), 1U);
  EXPECT_EQ(done.result.Find("tasks")->list()[0].list()[2].integer(), 1);
  EXPECT_EQ(t.plan().notes[0].map_index, 1);
  EXPECT_THAT(t.plan().expanded, IsEmpty());
  EXPECT_EQ(t.state("b[0]"), "success");
  EXPECT_EQ(t.state("b[1]"), "running");
  MarkTasks mark{t.Choice(), {}, TaskState::kFailed};
  mark.tasks.instances = {{"b", 1}};
  mark.facts = t.Facts();
  EXPECT_EQ(t.Do(mark).error, "");
  EXPECT_EQ(t.state("b[1]"), "failed");
  EXPECT_EQ(t.state("b[0]"), "success");
  EXPECT_EQ(t.Do(mark).error_code, ErrorCode::kConflict);
}

TEST(Mapping, WhyNamesTheInstancesThatAreStillToEnd) {
  auto dag = MakeDag("m; after: m");
  Map(*dag, {0}, Literal(3));
  ASSERT_TRUE(dag->Link({{0, 1}}).ok());
  EngineTest t(dag);
  t.Run();
  t.Succeed("m[0]");
  const CommandDone why = t.Do(WhyTask{RunId{1}, "after"});
  EXPECT_EQ(why.result.Find("reasons")->list()[0].Find("text")->string(),
            "trigger rule all_success waits: 1 of 3 upstream tasks are done; still to come: m (2 of 3 instances)");
  EXPECT_EQ(t.Do(WhyTask{RunId{1}, "m"}).error,
            "task \"m\" is mapped: ask for one of its 3 instances by its map index");
  EXPECT_EQ(t.Do(WhyTask{RunId{1}, "m", 3}).error_code, ErrorCode::kNotFound);
  EXPECT_EQ(t.Do(WhyTask{RunId{1}, "m", 2}).result.Find("state")->string(), "running");
}

TEST(Mapping, ARunThatEndsAndIsClearedInOneTurnAsksAgain) {
  EngineTest t(OverOutput());
  t.Run();
  ClearTasks clear{t.Choice(1), {}};
  clear.facts = t.Facts({1});
  AttemptFinished end;
  end.attempt = t.plan().opened[0].attempt;
  end.outcome = TryOutcome::kSucceeded;
  end.end = t.now();
  std::vector<Event> events;
  events.emplace_back(end);  // asks for the length
  events.emplace_back(Command{CommandId{8}, "ann", CancelRun{RunId{1}}});
  events.emplace_back(Command{CommandId{9}, "ann", clear});
  Plan plan = t.engine().Apply(std::move(events), t.now());
  ASSERT_EQ(plan.opened.size(), 1U);
  end.attempt = plan.opened[0].attempt;
  t.Send(end);
  EXPECT_THAT(t.Send(Answer(t, 2)), ElementsAre("b[0]", "b[1]"));
}

TEST(Mapping, ARunThatEndsBeforeTheAnswerTakesNone) {
  EngineTest t(OverOutput());
  t.Run();
  t.Succeed("a");
  const MappingLength late = Answer(t, 2);
  t.Do(CancelRun{RunId{1}});
  EXPECT_EQ(t.state("b"), "skipped");
  EXPECT_THAT(t.Send(late), IsEmpty());
}

TEST(Mapping, WhatItIsMappedOverIsMarkedBeforeItsLengthIsKnown) {
  auto dag = OverOutput();
  dag->tasks[1].trigger_rule = TriggerRule::kAllDone;
  EngineTest t(dag);
  t.Run();
  t.Succeed("a");
  const MappingLength answer = Answer(t, 2);
  MarkTasks mark{t.Choice(), {}, TaskState::kSkipped};
  mark.tasks.ids = {"a"};
  mark.facts = t.Facts();
  t.Do(mark);
  t.Send(answer);
  EXPECT_EQ(t.state("b"), "upstream_failed");  // there is nothing to map over
  EXPECT_EQ(t.run_state(), "failed");
}

TEST(Mapping, InstancesThatWereRemovedAreNotMarked) {
  EngineTest t(OverOutput());
  RunTwo(t);
  t.Do(Clear(t, {"a", "b"}));
  t.Succeed("a");
  t.Send(Answer(t, 1));
  ASSERT_EQ(t.state("b[1]"), "removed");
  MarkTasks mark{t.Choice(), {}, TaskState::kFailed};
  mark.tasks.ids = {"b"};
  mark.facts = t.Facts();
  EXPECT_EQ(t.Do(mark).result.Find("tasks")->list().size(), 1U);
  EXPECT_EQ(t.state("b[1]"), "removed");
}

}  // namespace
}  // namespace pipelined::testing
