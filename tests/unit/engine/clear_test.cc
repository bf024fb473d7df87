#include "pipelined/engine/clear.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "engine_fixture.h"

namespace pipelined {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::MakeDag;

// "each[0,2]": of that task these instances.
std::vector<std::string> Ids(const Dag& dag, const std::vector<SelectedTask>& tasks) {
  std::vector<std::string> ids;
  for (const SelectedTask& selected : tasks) {
    ids.push_back(dag.tasks[selected.task].id);
    if (!selected.indexes.empty()) ids.back() += fmt::format("[{}]", fmt::join(selected.indexes, ","));
  }
  return ids;
}

TaskSelection Of(std::vector<std::string> ids) {
  TaskSelection selection;
  selection.ids = std::move(ids);
  return selection;
}

std::vector<std::string> Around(const Dag& dag, const TaskSelection& selection) {
  return Ids(dag, TasksAround(dag, selection));
}

// create → work → use → destroy, and after
std::shared_ptr<Dag> Cluster() {
  auto dag = MakeDag("create; work: create; use: work; destroy: create use; after: use");
  dag->tasks[0].setup = true;
  dag->tasks[3].teardown = true;
  dag->tasks[3].trigger_rule = TriggerRule::kAllDoneSetupSuccess;
  return dag;
}

TEST(Clear, NamesTheTasksAloneOrWithWhatIsAboveAndBelow) {
  const auto dag = MakeDag("a; b: a; c: b; d: b; other");
  TaskSelection selection = Of({"b"});
  EXPECT_THAT(Around(*dag, selection), ElementsAre("b"));
  selection.upstream = true;
  EXPECT_THAT(Around(*dag, selection), ElementsAre("a", "b"));
  selection.upstream = false;
  selection.downstream = true;
  EXPECT_THAT(Around(*dag, selection), ElementsAre("b", "c", "d"));
  EXPECT_THAT(Around(*dag, Of({"nope"})), IsEmpty());
  EXPECT_THAT(Around(*dag, Of({})), ElementsAre("a", "b", "c", "d", "other"));
  selection = Of({});
  selection.none = true;
  EXPECT_THAT(Around(*dag, selection), IsEmpty());
}

TEST(Clear, WithBothDirectionsWhatIsBelowTheTasksAboveIsClearedToo) {
  const auto dag = MakeDag("a; b: a; c: a");
  TaskSelection selection = Of({"b"});
  selection.upstream = selection.downstream = true;
  EXPECT_THAT(Around(*dag, selection), ElementsAre("a", "b", "c"));
}

TEST(Clear, AGroupStandsForItsTasks) {
  const auto dag = MakeDag("a; b: a; c: b");
  dag->groups = {TaskGroup{"g", "", ""}};
  dag->tasks[1].group = dag->tasks[2].group = "g";
  EXPECT_THAT(Around(*dag, Of({"g"})), ElementsAre("b", "c"));
}

TEST(Clear, TheSetupsThatATaskStandsOnComeWithTheirTeardowns) {
  const auto dag = Cluster();
  EXPECT_THAT(Around(*dag, Of({"use"})), ElementsAre("create", "use", "destroy"));
  EXPECT_THAT(Around(*dag, Of({"create"})), ElementsAre("create", "destroy"));
  EXPECT_THAT(Around(*dag, Of({"destroy"})), ElementsAre("destroy"));
  EXPECT_THAT(Around(*dag, Of({"after"})), ElementsAre("after"));  // its setup is torn down before it, or not at all
}

TEST(Clear, OnlyFailedTakesWhatFailedOrStoodBelow) {
  TaskSelection selection;
  selection.only_failed = true;
  EXPECT_TRUE(IsToClear(selection, TaskState::kFailed));
  EXPECT_TRUE(IsToClear(selection, TaskState::kUpstreamFailed));
  EXPECT_FALSE(IsToClear(selection, TaskState::kSuccess));
  EXPECT_FALSE(IsToClear(selection, TaskState::kRunning));
  selection.only_failed = false;
  selection.only_running = true;
  EXPECT_TRUE(IsToClear(selection, TaskState::kRunning));
  EXPECT_FALSE(IsToClear(selection, TaskState::kFailed));
}

TEST(Clear, InstancesBeyondTheEndStayRemoved) {
  EXPECT_FALSE(IsToClear({}, TaskState::kRemoved, 2));
  EXPECT_TRUE(IsToClear({}, TaskState::kRemoved));
  EXPECT_TRUE(IsToClear({}, TaskState::kSuccess, 2));
}

// one → two, both mapped together, between a and z
std::shared_ptr<Dag> MappedGroup() {
  auto dag = MakeDag("a; one: a; two: one; z: two");
  Mapping mapping;
  mapping.tasks = {1, 2};
  dag->Map(std::move(mapping));
  return dag;
}

TEST(Clear, OfAMappedTaskSomeInstancesCanBeMeant) {
  const auto dag = MappedGroup();
  TaskSelection selection;
  selection.instances = {{"one", 4}, {"one", 2}};
  EXPECT_THAT(Around(*dag, selection), ElementsAre("one[2,4]"));
  selection.downstream = true;
  EXPECT_THAT(Around(*dag, selection), ElementsAre("one[2,4]", "two[2,4]", "z"));
  selection.upstream = true;
  EXPECT_THAT(Around(*dag, selection), ElementsAre("a", "one[2,4]", "two[2,4]", "z"));
  selection = Of({"one"});
  selection.instances = {{"one", 2}, {"two", 3}, {"nope", 1}};
  EXPECT_THAT(Around(*dag, selection), ElementsAre("one", "two[3]"));
}

TEST(Mark, OfAMappedTaskSomeInstancesCanBeMeant) {
  const auto dag = MappedGroup();
  TaskSelection selection;
  selection.instances = {{"two", 1}};
  selection.upstream = true;
  EXPECT_THAT(Ids(*dag, TasksMarked(*dag, selection, TaskState::kSuccess)), ElementsAre("a", "one[1]", "two[1]"));
  EXPECT_THAT(Ids(*dag, TasksBelow(*dag, selection)), ElementsAre("z"));
}

TEST(Mark, LeavesOutTeardownsThatWouldBeSkipped) {
  const auto dag = Cluster();
  TaskSelection selection = Of({"create"});
  selection.downstream = true;
  EXPECT_THAT(Ids(*dag, TasksMarked(*dag, selection, TaskState::kSkipped)),
              ElementsAre("create", "work", "use", "after"));
  EXPECT_THAT(Ids(*dag, TasksMarked(*dag, selection, TaskState::kFailed)),
              ElementsAre("create", "work", "use", "destroy", "after"));
}

TEST(Mark, WhatIsBelowMarkedTasksLeavesThemOut) {
  const auto dag = MakeDag("a; b: a; c: b; d: b");
  EXPECT_THAT(Ids(*dag, TasksBelow(*dag, Of({"b"}))), ElementsAre("c", "d"));
}

}  // namespace
}  // namespace pipelined
