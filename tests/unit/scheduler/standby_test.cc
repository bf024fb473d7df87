#include "scheduler/standby.h"

#include <gmock/gmock.h>

#include "pipelined/store/memory_store.h"
#include "support/store_samples.h"
#include "unit/scheduler/fake_executor.h"

namespace pipelined {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using namespace pipelined::testing;

// Another leads; attempt 1 was opened by this scheduler's instance, "ours", and 2 by "theirs".
class StandbyTest : public ::testing::Test {
 protected:
  StandbyTest() {
    store_.Publish(SampleDag("d"));
    TriggerRequest request;
    request.dag_id = "d";
    request.run_after = At(0);
    run_ = store_.Trigger(request)->id;
    lease_ = **store_.Acquire("leader", std::chrono::seconds(30));
    Plan begin;
    begin.now = At(0);
    begin.runs = {RunChange{run_, "d", RunState::kQueued, RunState::kRunning, ""}};
    Store(begin, "ours");
    OpenOne(0, 1, "ours");
    OpenOne(1, 2, "theirs");
  }
  void OpenOne(TaskNo task, std::int64_t attempt, const std::string& instance) {
    Plan plan;
    plan.now = At(1);
    plan.tasks = {Start(run_, task, attempt, At(1))};
    plan.opened = {Open(run_, task, attempt)};
    Store(plan, instance);
  }
  void Store(const Plan& plan, const std::string& instance) {
    ASSERT_TRUE(store_.Commit(plan, lease_, ExecutorIdentity{instance, "boot"}).ok());
  }
  void Ends(std::int64_t attempt) {
    AttemptEnd end;
    end.attempt = AttemptId{attempt};
    end.outcome = AttemptOutcome::kSucceeded;
    executor_.ends.push_back(end);
  }
  // What the leader finds: "1 success".
  std::vector<std::string> Reports() {
    std::vector<std::string> found;
    const auto inbox = store_.Poll();
    for (const Command& command : inbox->commands) {
      const AttemptFinished& end = std::get<ReportEnd>(command.what).end;
      found.push_back(std::to_string(end.attempt.value) + " " + std::string(ToString(end.outcome)));
    }
    return found;
  }
  void LeaderStoresTheEnd() {
    Plan plan;
    plan.now = At(2);
    plan.tasks = {Finish(run_, 0, 1, At(2))};
    plan.closed = {Close(run_, 0, 1, At(2))};
    Store(plan, "theirs");
  }

  ManualClock clock_{At(0)};
  MemoryStore store_{clock_};
  FakeExecutor executor_{"ours"};
  Standby standby_{"standby", store_, executor_, clock_};
  RunId run_;
  Lease lease_;
};

TEST_F(StandbyTest, ReportsWhatItsOwnExecutorSawEnd) {
  executor_.known = {{AttemptId{1}, AttemptLiveness::kRunning}};
  ASSERT_TRUE(standby_.Step().ok());
  EXPECT_THAT(Reports(), IsEmpty());
  Ends(1);
  ASSERT_TRUE(standby_.Step().ok());
  EXPECT_THAT(Reports(), ElementsAre("1 success"));
}

TEST_F(StandbyTest, KeepsTheRecordUntilTheLeaderHasStoredTheEnd) {
  executor_.known = {{AttemptId{1}, AttemptLiveness::kEnded}};
  Ends(1);
  ASSERT_TRUE(standby_.Step().ok());
  EXPECT_THAT(executor_.forgotten, IsEmpty());
  LeaderStoresTheEnd();
  ASSERT_TRUE(standby_.Step().ok());
  EXPECT_THAT(executor_.forgotten, ElementsAre(AttemptId{1}));
}

TEST_F(StandbyTest, ReportsOnce) {
  Ends(1);
  ASSERT_TRUE(standby_.Step().ok());
  ASSERT_TRUE(standby_.Step().ok());
  EXPECT_THAT(Reports(), ElementsAre("1 success"));
}

TEST_F(StandbyTest, ReportsWhatIsLostAndWhatWasNeverStarted) {
  executor_.known = {{AttemptId{1}, AttemptLiveness::kLost}};
  ASSERT_TRUE(standby_.Step().ok());
  EXPECT_THAT(Reports(), ElementsAre("1 lost"));
  executor_.known = {{AttemptId{1}, AttemptLiveness::kNotStarted}};
  standby_.Reset();
  ASSERT_TRUE(standby_.Step().ok());
  EXPECT_THAT(Reports(), ElementsAre("1 launch_failed"));
}

TEST_F(StandbyTest, SaysNothingOfAttemptsOfOthers) {
  executor_.known = {{AttemptId{2}, AttemptLiveness::kLost}};
  ASSERT_TRUE(standby_.Step().ok());
  EXPECT_THAT(Reports(), IsEmpty());
}

}  // namespace
}  // namespace pipelined
