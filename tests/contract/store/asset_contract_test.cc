// Events of assets come with the turn that stores the success, or not at all.
#include <gmock/gmock.h>

#include "contract/store/store_contract.h"

namespace pipelined::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Attempt 1 of task 0 ends well, with an event for each of these.
Plan Ending(const RunInfo& run, const std::vector<std::string>& uris) {
  Plan plan;
  plan.closed = {Close(run.id, 0, 1, At(10))};
  plan.tasks = {Finish(run.id, 0, 1, At(10))};
  for (const std::string& uri : uris) plan.asset_events.push_back(AssetEvent{uri, Value(), "d", "r1", "t0"});
  return plan;
}

TEST_P(StoreContract, EventsOfAssetsAreStoredWithTheSuccess) {
  const RunInfo run = Running();
  Plan plan = Ending(run, {"s3://b", "s3://a"});
  plan.asset_events[1].extra = Value(Value::Map{{"rows", 42}, {"of", "x\"y"}});
  plan.asset_events[1].map_index = 3;
  const Status stored = Commit(plan);
  ASSERT_TRUE(stored.ok()) << stored.error().message;
  EXPECT_THAT(place_->AssetEvents(),
              ElementsAre("s3://b d r1 t0 -1 {}", "s3://a d r1 t0 3 {\"rows\":42,\"of\":\"x\\\"y\"}"));
}

TEST_P(StoreContract, ATurnThatIsRefusedLeavesNoEventOfAnAsset) {
  const RunInfo run = Running();
  ASSERT_TRUE(Commit(Ending(run, {"s3://a"})).ok());
  EXPECT_EQ(Commit(Ending(run, {"s3://a"})).error().code, ErrorCode::kStale) << "the end is reported again";
  EXPECT_EQ(place_->AssetEvents().size(), 1U);
}

TEST_P(StoreContract, AnOldLeaderLeavesNoEventOfAnAsset) {
  const RunInfo run = Running();
  ASSERT_TRUE(store().Acquire("me", kTtl)->has_value());
  EXPECT_EQ(Commit(Ending(run, {"s3://a"})).error().code, ErrorCode::kStale);
  EXPECT_THAT(place_->AssetEvents(), IsEmpty());
}

TEST_P(StoreContract, EventsOfAssetsOutliveTheirRunAndTheirDag) {
  const RunInfo run = Running();
  Plan plan = Ending(run, {"s3://a"});
  plan.runs = {RunChange{run.id, "d", RunState::kRunning, RunState::kSuccess, ""}};
  plan.deleted = {RunDeleted{run.id, "d", "deleted"}};
  ASSERT_TRUE(Commit(plan).ok());
  Plan gone;
  gone.dags = {DagChange{"d", std::nullopt, std::nullopt, true, ""}};
  ASSERT_TRUE(Commit(gone).ok());
  EXPECT_THAT(place_->AssetEvents(), ElementsAre("s3://a d r1 t0 -1 {}"));
}

}  // namespace
}  // namespace pipelined::testing
