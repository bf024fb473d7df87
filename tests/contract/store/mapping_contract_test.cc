// Instances of mapped tasks.
#include <gtest/gtest.h>

#include "contract/store/store_contract.h"

namespace pipelined::testing {
namespace {

// Instance `index` of task 0, mapped three times, on attempt 1 + index.
Plan ThreeInstances(const RunInfo& run) {
  Plan plan;
  plan.runs = {Begin(run)};
  plan.expanded = {TaskExpanded{run.id, 0, 3, {"a", "b", "c"}}};
  for (std::int32_t index = 0; index < 2; ++index) {
    plan.tasks.push_back(Start(run.id, 0, 1 + index, At(10)));
    plan.tasks.back().map_index = index;
    plan.opened.push_back(Open(run.id, 0, 1 + index));
    plan.opened.back().map_index = index;
  }
  return plan;
}

TEST_P(StoreContract, InstancesOfAMappedTaskAreFoundAgain) {
  const RunInfo run = Triggered("r1");
  const Status stored = Commit(ThreeInstances(run));
  ASSERT_TRUE(stored.ok()) << stored.error().message;
  const Snapshot snapshot = Loaded();
  ASSERT_EQ(snapshot.runs.size(), 1U);
  ASSERT_EQ(snapshot.runs[0].lengths.size(), 1U);
  EXPECT_EQ(snapshot.runs[0].lengths[0].length, 3U);
  ASSERT_EQ(snapshot.runs[0].tasks.size(), 2U);
  EXPECT_EQ(snapshot.runs[0].tasks[1].map_index, 1);
  EXPECT_EQ(snapshot.runs[0].tasks[1].attempt, AttemptId{2});
}

TEST_P(StoreContract, OutputsOfInstancesAreAListAndAnOwnOneIsNot) {
  const RunInfo run = Triggered("r1");
  ASSERT_TRUE(Commit(ThreeInstances(run)).ok());
  Plan plan;
  for (std::int32_t index = 1; index >= 0; --index) {
    plan.closed.push_back(Close(run.id, 0, 1 + index, At(10), Value(Value::Map{{"n", index + 5}})));
    plan.closed.back().map_index = index;
    plan.tasks.push_back(Finish(run.id, 0, 1 + index, At(10)));
    plan.tasks.back().map_index = index;
  }
  const Status stored = Commit(plan);
  ASSERT_TRUE(stored.ok()) << stored.error().message;
  EXPECT_EQ(*store().Outputs(run.id, {"t0"}),
            Value(Value::Map{{"t0", Value(Value::Map{{"n", Value(Value::List{5, 6})}})}}));
  EXPECT_EQ(*store().Outputs(run.id, {"t0"}, OwnInstance{1, {"t0"}}),
            Value(Value::Map{{"t0", Value(Value::Map{{"n", 6}})}}));
}

TEST_P(StoreContract, ARunThatIsSetBackForgetsHowManyInstancesThereWere) {
  const RunInfo run = Triggered("r1");
  Plan plan = ThreeInstances(run);
  plan.opened.clear();
  for (TaskChange& change : plan.tasks) {
    change.to = TaskState::kSkipped;
    change.end_date = At(10);
  }
  plan.runs.push_back(RunChange{run.id, "d", RunState::kRunning, RunState::kSuccess, ""});
  const Status stored = Commit(plan);
  ASSERT_TRUE(stored.ok()) << stored.error().message;
  Plan back;
  back.resets = {RunReset{run.id, run.version, BackfillId{1}, 1, Value(), "again"}};
  ASSERT_TRUE(Commit(back).ok());
  ASSERT_EQ(last_.runs.size(), 1U);
  EXPECT_TRUE(last_.runs[0].lengths.empty());
  EXPECT_TRUE(Loaded().runs[0].lengths.empty());
  ASSERT_EQ(last_.runs[0].tasks.size(), 2U);
  EXPECT_EQ(last_.runs[0].tasks[1].map_index, 1);
}

}  // namespace
}  // namespace pipelined::testing
