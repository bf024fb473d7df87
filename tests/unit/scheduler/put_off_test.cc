// A vault that does not answer: tasks that need it wait, all else goes on under the same leader.
#include <gmock/gmock.h>

#include "pipelined/scheduler/scheduler.h"
#include "pipelined/store/memory_store.h"
#include "support/store_samples.h"
#include "support/utc_zones.h"
#include "unit/scheduler/fake_executor.h"

namespace pipelined {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using namespace pipelined::testing;
using namespace std::chrono_literals;

class PutOffTest : public ::testing::Test {
 protected:
  // t0 reads a variable, t1 nothing.
  PutOffTest() {
    published_ = SampleDag("d");
    auto dag = std::make_shared<Dag>(*published_.dag);
    dag->tasks[0].action = {ActionKind::kBash, {"echo {{ var.value.region }}"}};
    dag->tasks[1].action = {ActionKind::kBash, {"true"}};
    dag->schedule = Schedule();
    EXPECT_TRUE(dag->Link({}).ok());
    published_.dag = dag;
    store_.Publish(published_);
    TriggerRequest request;
    request.dag_id = "d";
    request.run_after = At(0);
    run_ = store_.Trigger(request)->id;
    SchedulerOptions options;
    options.holder = "me";
    options.on_lead = [this](std::int64_t) { ++led_; };
    options.on_plan = [this](const Plan& plan) {
      for (const AttemptClosed& closed : plan.closed) ends_.push_back(closed.end);
    };
    options.launch.variable = [this](const std::string&) -> Result<std::string> {
      ++asked_;
      if (is_away_) return Error{ErrorCode::kUnavailable, "the vault does not answer", ""};
      return std::string("eu");
    };
    scheduler_ = std::make_unique<Scheduler>(
        options, store_, executor_, zones_, [this](const DagSource&) -> Result<DagPtr> { return published_.dag; },
        clock_);
    Turns();
  }
  void Turns() {
    for (int turn = 0; turn < 4; ++turn) scheduler_->Step();
  }

  PublishedDag published_;
  ManualClock clock_{At(0)};
  MemoryStore store_{clock_};
  FakeExecutor executor_{"me"};
  UtcZones zones_;
  RunId run_;
  bool is_away_ = true;
  int led_ = 0, asked_ = 0;
  std::vector<AttemptFinished> ends_;
  std::unique_ptr<Scheduler> scheduler_;
};

TEST_F(PutOffTest, TheTaskWaitsAndTheOthersAndTheLeaderGoOn) {
  EXPECT_THAT(executor_.started, SizeIs(1));
  clock_.Advance(1s);
  Turns();
  EXPECT_EQ(asked_, 1) << "it is not asked in each turn";
  clock_.Advance(4s);
  Turns();
  EXPECT_EQ(asked_, 2);
  EXPECT_THAT(executor_.started, SizeIs(1));
  is_away_ = false;
  clock_.Advance(5s);
  Turns();
  EXPECT_THAT(executor_.started, SizeIs(2));
  EXPECT_THAT(ends_, IsEmpty());
  EXPECT_EQ(led_, 1);
}

TEST_F(PutOffTest, OneThatIsStoppedMeanwhileNeverStarts) {
  Command command;
  command.what = CancelRun{run_};
  store_.File(command);
  clock_.Advance(30s);  // a look without a notification
  Turns();
  ASSERT_THAT(ends_, SizeIs(1));
  EXPECT_EQ(ends_[0].outcome, TryOutcome::kStopped);
  is_away_ = false;
  clock_.Advance(10s);
  Turns();
  EXPECT_THAT(executor_.started, SizeIs(1));
}

}  // namespace
}  // namespace pipelined
