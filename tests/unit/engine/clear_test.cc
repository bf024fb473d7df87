#include "pipelined/engine/clear.h"

#include "engine_fixture.h"

namespace pipelined {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::MakeDag;

std::vector<std::string> Ids(const Dag& dag, const std::vector<TaskNo>& tasks) {
  std::vector<std::string> ids;
  for (const TaskNo task : tasks) ids.push_back(dag.tasks[task].id);
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
  const auto dag = MakeDag("a; b: a; c: b; d");
  const std::vector<TaskState> states{TaskState::kSuccess, TaskState::kFailed, TaskState::kUpstreamFailed,
                                      TaskState::kRunning};
  const auto state = [&](TaskNo task) { return states[task]; };
  TaskSelection selection;
  selection.only_failed = true;
  EXPECT_THAT(Ids(*dag, TasksToClear(*dag, selection, state)), ElementsAre("b", "c"));
  selection.only_failed = false;
  selection.only_running = true;
  EXPECT_THAT(Ids(*dag, TasksToClear(*dag, selection, state)), ElementsAre("d"));
}

TEST(Mark, LeavesOutWhatHasTheStateAndTeardownsThatWouldBeSkipped) {
  const auto dag = Cluster();
  const auto state = [](TaskNo task) { return task == 1 ? TaskState::kSkipped : TaskState::kSuccess; };
  TaskSelection selection = Of({"create"});
  selection.downstream = true;
  EXPECT_THAT(Ids(*dag, TasksToMark(*dag, selection, TaskState::kSkipped, state)),
              ElementsAre("create", "use", "after"));
  EXPECT_THAT(Ids(*dag, TasksToMark(*dag, selection, TaskState::kFailed, state)),
              ElementsAre("create", "work", "use", "destroy", "after"));
  EXPECT_THAT(Ids(*dag, TasksToMark(*dag, selection, TaskState::kSuccess, state)), ElementsAre("work"));
}

TEST(Mark, WhatFailedBelowRunsAgain) {
  const auto dag = MakeDag("a; b: a; c: b; d: b");
  const std::vector<TaskState> states{TaskState::kFailed, TaskState::kSuccess, TaskState::kUpstreamFailed,
                                      TaskState::kSkipped};
  EXPECT_THAT(Ids(*dag, TasksToClearBelow(*dag, Of({"b"}), [&](TaskNo task) { return states[task]; })),
              ElementsAre("c"));
}

}  // namespace
}  // namespace pipelined
