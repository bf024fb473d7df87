// A scheduler that went down between the commit of a decision's attempt and the decision: the next one decides.
#include <gmock/gmock.h>

#include "pipelined/scheduler/scheduler.h"
#include "pipelined/store/memory_store.h"
#include "support/store_samples.h"
#include "support/utc_zones.h"
#include "unit/scheduler/fake_executor.h"

namespace pipelined {
namespace {

using ::testing::ElementsAre;
using namespace pipelined::testing;

// t0 > t1, t0 is what the test makes of it.
PublishedDag DagWith(Action action, std::string when) {
  PublishedDag published = SampleDag("d");
  auto dag = std::make_shared<Dag>(*published.dag);
  dag->tasks[0].action = std::move(action);
  dag->tasks[0].when = std::move(when);
  dag->tasks[1].action.words = {"true"};
  dag->schedule = Schedule();  // no further runs
  EXPECT_TRUE(dag->Link({{0, 1}}).ok());
  published.dag = dag;
  return published;
}

class UndecidedTest : public ::testing::Test {
 protected:
  // Stores attempt 1 of t0 as begun, and lets another scheduler lead until its attempts come to an end.
  std::vector<AttemptFinished> LeadAfterACrash(const PublishedDag& published) {
    store_.Publish(published);
    TriggerRequest request;
    request.dag_id = "d";
    request.run_after = At(0);
    const RunId run = store_.Trigger(request)->id;
    Lease lease = **store_.Acquire("crashed", std::chrono::seconds(30));
    Plan plan;
    plan.now = At(0);
    plan.runs = {RunChange{run, "d", RunState::kQueued, RunState::kRunning, ""}};
    plan.tasks = {Start(run, 0, 1, At(0))};
    plan.opened = {Open(run, 0, 1)};
    EXPECT_TRUE(store_.Commit(plan, lease, ExecutorIdentity{"ours", "boot"}).ok());
    EXPECT_TRUE(store_.Release(lease).ok());

    std::vector<AttemptFinished> ends;
    SchedulerOptions options;
    options.holder = "next";
    options.on_plan = [&ends](const Plan& stored) {
      for (const AttemptClosed& closed : stored.closed) ends.push_back(closed.end);
    };
    executor_.known = {{AttemptId{1}, AttemptLiveness::kNotStarted}};
    Scheduler scheduler(
        options, store_, executor_, zones_, [&](const DagSource&) -> Result<DagPtr> { return published.dag; }, clock_);
    for (int turn = 0; turn < 3; ++turn) scheduler.Step();
    return ends;
  }

  ManualClock clock_{At(0)};
  MemoryStore store_{clock_};
  FakeExecutor executor_{"ours"};
  UtcZones zones_;
};

TEST_F(UndecidedTest, ABranchIsDecided) {
  const auto ends = LeadAfterACrash(DagWith({ActionKind::kBranch, {"t1"}}, ""));
  ASSERT_EQ(ends.size(), 1u);
  EXPECT_EQ(ends[0].attempt, AttemptId{1});
  EXPECT_EQ(ends[0].outcome, TryOutcome::kSucceeded);
  EXPECT_THAT(ends[0].decision.value_or(Decision()).follow, ElementsAre(1));
}

TEST_F(UndecidedTest, ATaskWithAConditionIsSkipped) {
  const auto ends = LeadAfterACrash(DagWith({ActionKind::kBash, {"true"}}, "false"));
  ASSERT_EQ(ends.size(), 1u);
  EXPECT_EQ(ends[0].outcome, TryOutcome::kSkipped);
}

TEST_F(UndecidedTest, ATaskWhoseConditionHoldsIsStarted) {
  LeadAfterACrash(DagWith({ActionKind::kBash, {"true"}}, "true"));
  EXPECT_THAT(executor_.started, ElementsAre(AttemptId{1}));
}

TEST_F(UndecidedTest, ABranchThatCannotBeRenderedFails) {
  const auto ends = LeadAfterACrash(DagWith({ActionKind::kBranch, {"{{ nothing }}"}}, ""));
  ASSERT_EQ(ends.size(), 1u);
  EXPECT_EQ(ends[0].outcome, TryOutcome::kLaunchFailed);
}

}  // namespace
}  // namespace pipelined
