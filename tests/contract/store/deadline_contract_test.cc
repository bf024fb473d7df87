// Deadlines of runs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "contract/store/store_contract.h"

namespace pipelined::testing {
namespace {

Plan WithDeadline(RunId run, DeadlineState state, std::int64_t at = 60) {
  Plan plan;
  plan.deadlines = {DeadlineChange{run, "d", "r1", StoredDeadline{1, At(at), state}, "1m after it was queued"}};
  return plan;
}

TEST_P(StoreContract, ADeadlineIsLoadedWithItsRun) {
  const RunInfo run = Triggered("r1");
  ASSERT_TRUE(Commit(WithDeadline(run.id, DeadlineState::kDue)).ok());
  const Snapshot snapshot = Loaded();
  ASSERT_EQ(snapshot.runs.size(), 1U);
  EXPECT_THAT(snapshot.runs[0].deadlines, ::testing::ElementsAre(StoredDeadline{1, At(60), DeadlineState::kDue}));
}

TEST_P(StoreContract, AMissedDeadlineStaysMissedAndAMetOneMayBeSetAnew) {
  const RunInfo run = Triggered("r1");
  ASSERT_TRUE(Commit(WithDeadline(run.id, DeadlineState::kMet)).ok());
  ASSERT_TRUE(Commit(WithDeadline(run.id, DeadlineState::kDue, 90)).ok());
  EXPECT_THAT(Loaded().runs[0].deadlines, ::testing::ElementsAre(StoredDeadline{1, At(90), DeadlineState::kDue}));
  ASSERT_TRUE(Commit(WithDeadline(run.id, DeadlineState::kMissed, 90)).ok());
  ASSERT_TRUE(Commit(WithDeadline(run.id, DeadlineState::kDue, 120)).ok());
  EXPECT_THAT(Loaded().runs[0].deadlines, ::testing::ElementsAre(StoredDeadline{1, At(90), DeadlineState::kMissed}));
}

TEST_P(StoreContract, ARunThatIsSetBackComesWithItsDeadlines) {
  const RunInfo run = Finished(1);
  ASSERT_TRUE(Commit(WithDeadline(run.id, DeadlineState::kMissed)).ok());
  Plan plan;
  plan.resets = {RunReset{run.id, run.version, BackfillId{1}, 4, Value(), "again"}};
  ASSERT_TRUE(Commit(plan).ok());
  ASSERT_EQ(last_.runs.size(), 1U);
  EXPECT_THAT(last_.runs[0].deadlines, ::testing::ElementsAre(StoredDeadline{1, At(60), DeadlineState::kMissed}));
}

}  // namespace
}  // namespace pipelined::testing
