// What sensors need of a store: what they wait for is kept while they do, and runs and tasks can be looked at.
#include "contract/store/store_contract.h"

namespace pipelined::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const Value kJob = Value::Map{{"file", Value::Map{{"path", "/in/ä \"b\""}}}};

TEST_P(StoreContract, WhatIsWaitedForIsLoadedWithItsTask) {
  Parked(kJob);
  const Snapshot snapshot = Loaded();
  ASSERT_EQ(snapshot.runs.at(0).tasks.size(), 1u);
  const StoredTask& task = snapshot.runs[0].tasks[0];
  EXPECT_EQ(task.state, TaskState::kDeferred);
  EXPECT_EQ(task.attempt, AttemptId{1});
  ASSERT_TRUE(task.wait);
  EXPECT_EQ(task.wait->job, kJob);
  EXPECT_EQ(task.wait->since, At(10));
  EXPECT_FALSE(task.child);
  EXPECT_EQ(snapshot.attempts.size(), 1u);
}

TEST_P(StoreContract, WhatHasBeenSeenIsWaitedForNoLonger) {
  const RunInfo run = Parked(kJob);
  Plan plan;
  TaskChange done = Finish(run.id, 0, 1, At(10));
  done.from = TaskState::kDeferred;
  plan.tasks = {done};
  plan.closed = {Close(run.id, 0, 1, At(10))};
  ASSERT_TRUE(Commit(plan).ok());
  const Snapshot snapshot = Loaded();
  EXPECT_EQ(snapshot.runs.at(0).tasks.at(0).state, TaskState::kSuccess);
  EXPECT_FALSE(snapshot.runs[0].tasks[0].wait);
  EXPECT_THAT(snapshot.attempts, IsEmpty());
}

TEST_P(StoreContract, ARunIsFoundByItsIdOrItsDate) {
  Finished(3);
  const auto seen = *store().LookAtRuns({{"d", "day3", std::nullopt, {}},
                                         {"d", "", At(3 * kDay), {}},
                                         {"d", "other", std::nullopt, {}},
                                         {"d", "", At(4 * kDay), {}},
                                         {"other", "day3", std::nullopt, {}},
                                         {"d", "", std::nullopt, {}}});
  ASSERT_EQ(seen.size(), 6u);
  for (int i : {0, 1}) {
    ASSERT_TRUE(seen[i]) << i;
    EXPECT_EQ(seen[i]->run_id, "day3");
    EXPECT_EQ(seen[i]->state, RunState::kSuccess);
    EXPECT_THAT(seen[i]->tasks, IsEmpty());
  }
  for (int i : {2, 3, 4, 5}) EXPECT_FALSE(seen[i]) << i;
}

TEST_P(StoreContract, TasksAreSeenAsTheyAre) {
  Finished(1, {TaskState::kFailed});
  const auto seen = *store().LookAtRuns({{"d", "day1", std::nullopt, {"t1", "t0", "none"}}});
  ASSERT_TRUE(seen.at(0));
  EXPECT_THAT(seen[0]->tasks, ElementsAre(ElementsAre(TaskState::kNone), ElementsAre(TaskState::kFailed), IsEmpty()));
}

TEST_P(StoreContract, OfAMappedTaskAllInstancesAreSeen) {
  const RunInfo run = Triggered("r1");
  Plan plan;
  plan.runs = {Begin(run)};
  plan.expanded = {TaskExpanded{run.id, 0, 3}};
  TaskChange instance = Start(run.id, 0, 1, At(10));
  instance.map_index = 1;
  plan.tasks = {instance};
  plan.opened = {Open(run.id, 0, 1)};
  plan.opened[0].map_index = 1;
  ASSERT_TRUE(Commit(plan).ok());
  const auto seen = *store().LookAtRuns({{"d", "r1", std::nullopt, {"t0"}}});
  ASSERT_TRUE(seen.at(0));
  EXPECT_THAT(seen[0]->tasks.at(0),
              ::testing::UnorderedElementsAre(TaskState::kNone, TaskState::kRunning, TaskState::kNone));
}

}  // namespace
}  // namespace pipelined::testing
