// What a store says of the runs before one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "contract/store/store_contract.h"

namespace pipelined::testing {
namespace {

// A backfill over four dates, of which the first three are to be made and the last exists.
TEST_P(StoreContract, TheRunBeforeIsTheOneWithTheLatestEarlierDate) {
  Finished(1);
  const RunInfo before = Finished(3, {TaskState::kSuccess, TaskState::kSkipped});
  const RunInfo run = Dated(5);
  Dated(7);
  const auto past = store().RunBefore(run, false, {"t0", "t1"});
  ASSERT_TRUE(past.ok()) << past.error().message;
  ASSERT_TRUE(past->has_value());
  EXPECT_EQ((*past)->run, before.id);
  EXPECT_EQ((*past)->run_id, "day3");
  EXPECT_EQ((*past)->logical_date, At(3 * kDay));
  EXPECT_TRUE((*past)->finished);
  EXPECT_TRUE((*past)->unmet.empty());
}

TEST_P(StoreContract, WhatHoldsTheNextRunBackIsNamedWithItsState) {
  place_->Publish(SampleDag("d", 3, "h3"), lease_.epoch);
  Finished(1, {TaskState::kSuccess, TaskState::kFailed}, RunState::kFailed);  // t2 was never touched
  const auto past = store().RunBefore(Dated(2), false, {"t0", "t1", "t2"});
  ASSERT_TRUE(past.ok()) << past.error().message;
  EXPECT_THAT((*past)->unmet, ::testing::ElementsAre(PastTask{"t1", TaskState::kFailed, false},
                                                     PastTask{"t2", TaskState::kNone, false}));
}

TEST_P(StoreContract, ATaskThatTheRunBeforeDidNotHaveIsSaidToBeNewOrNot) {
  place_->Publish(SampleDag("d", 3, "h3"), lease_.epoch);
  Finished(1);  // had t2
  place_->Publish(SampleDag("d", 2, "h2"), lease_.epoch);
  Finished(2, {TaskState::kSuccess, TaskState::kSuccess});
  const auto past = store().RunBefore(Dated(3), false, {"t0", "t2", "t9"});
  ASSERT_TRUE(past.ok()) << past.error().message;
  EXPECT_THAT((*past)->unmet,
              ::testing::ElementsAre(PastTask{"t2", std::nullopt, false}, PastTask{"t9", std::nullopt, true}));
}

TEST_P(StoreContract, OfAMappedTaskAllInstancesOfTheRunBeforeCount) {
  const auto finished = [&](std::int64_t day, std::vector<TaskState> instances) {
    const RunInfo run = Dated(day);
    Plan plan;
    plan.runs = {Begin(run), RunChange{run.id, "d", RunState::kRunning, RunState::kSuccess, ""}};
    TaskExpanded expanded;
    expanded.run = run.id;
    expanded.task = 0;
    expanded.length = 3;
    plan.expanded = {expanded};
    for (std::size_t index = 0; index < instances.size(); ++index) {
      TaskChange change;
      change.run = run.id;
      change.map_index = static_cast<std::int32_t>(index);
      change.to = instances[index];
      change.end_date = At(10);
      plan.tasks.push_back(change);
    }
    const Status stored = Commit(plan);
    EXPECT_TRUE(stored.ok()) << stored.error().message;
    return store().RunBefore(Dated(day + 1), false, {"t0"})->value().unmet;
  };
  using ::testing::ElementsAre;
  EXPECT_THAT(finished(1, {TaskState::kSuccess, TaskState::kSkipped, TaskState::kSuccess}), ElementsAre());
  EXPECT_THAT(finished(11, {TaskState::kSuccess, TaskState::kFailed, TaskState::kSuccess}),
              ElementsAre(PastTask{"t0", TaskState::kFailed, false}));
  EXPECT_THAT(finished(21, {TaskState::kSuccess, TaskState::kSuccess}),  // the third was never touched
              ElementsAre(PastTask{"t0", TaskState::kNone, false}));
}

TEST_P(StoreContract, ARunBeforeThatIsUnderWayIsSaidToBe) {
  Dated(1);
  const auto past = store().RunBefore(Dated(2), false, {"t0"});
  ASSERT_TRUE(past.ok() && past->has_value());
  EXPECT_FALSE((*past)->finished);
}

TEST_P(StoreContract, RunsByHandMayBePassedOverAndTheFirstRunHasNoneBefore) {
  const RunInfo first = Finished(1);  // by hand, as all that are triggered
  const RunInfo run = Dated(2);
  EXPECT_FALSE(store().RunBefore(run, true, {"t0"})->has_value());
  EXPECT_FALSE(store().RunBefore(first, false, {"t0"})->has_value());
  EXPECT_FALSE(store().RunBefore(Triggered("undated"), false, {"t0"})->has_value());
}

TEST_P(StoreContract, TheLatestRunsAreThoseWithTheLatestDates) {
  const RunInfo old = Finished(1), failed = Finished(3, {}, RunState::kFailed), queued = Dated(2);
  const auto latest = store().LatestRuns("d", 2);
  ASSERT_TRUE(latest.ok()) << latest.error().message;
  EXPECT_THAT(*latest, ::testing::UnorderedElementsAre(RecentRun{failed.id, At(3 * kDay), RunState::kFailed},
                                                       RecentRun{queued.id, At(2 * kDay), RunState::kQueued}));
  EXPECT_EQ(store().LatestRuns("d", 9)->size(), 3U);
}

TEST_P(StoreContract, ARunWithoutADateCountsFromWhenItWasDue) {
  Finished(1);
  const RunInfo undated = Triggered("undated");  // due at At(0)
  const auto latest = store().LatestRuns("d", 9);
  ASSERT_TRUE(latest.ok()) << latest.error().message;
  EXPECT_THAT(*latest, ::testing::Contains(RecentRun{undated.id, At(0), RunState::kQueued}));
  EXPECT_EQ(store().LatestRuns("d", 1)->front().date, At(kDay));
}

TEST_P(StoreContract, TheAverageRuntimeIsThatOfTheLastFinishedRuns) {
  const RunInfo run = Dated(1);
  Plan begin;
  begin.runs = {Begin(run)};
  ASSERT_TRUE(Commit(begin).ok());  // at At(10)
  Plan end;
  end.now = At(40);
  end.runs = {RunChange{run.id, "d", RunState::kRunning, RunState::kFailed, ""}};
  ASSERT_TRUE(store().Commit(end, lease_, ExecutorIdentity{"i", "b"}).ok());
  Finished(2);  // begins and ends at once
  Dated(3);
  EXPECT_EQ(*store().AverageRuntime("d", 2, 10, At(kDay)), std::optional<Micros>(Seconds(15)));
  EXPECT_EQ(*store().AverageRuntime("d", 1, 1, At(kDay)), std::optional<Micros>(Seconds(0)));
  EXPECT_FALSE(store().AverageRuntime("d", 3, 10, At(kDay))->has_value());
  // The first ran until 40, the second ended at 10.
  EXPECT_EQ(*store().AverageRuntime("d", 1, 10, At(39)), std::optional<Micros>(Seconds(0)));
  EXPECT_EQ(*store().AverageRuntime("d", 2, 10, At(40)), std::optional<Micros>(Seconds(15)));
  EXPECT_FALSE(store().AverageRuntime("d", 1, 10, At(9))->has_value());
}

}  // namespace
}  // namespace pipelined::testing
