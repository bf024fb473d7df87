// A deadline by the average of earlier runs, over a restart of the scheduler: it is what it was when the run was
// queued, whatever has run since.
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
using namespace pipelined::testing;
using namespace std::chrono_literals;

// 10 s longer than the last runs took, when there was one.
PublishedDag Averaged(bool paused) {
  PublishedDag published = SampleDag("d", 1);
  auto dag = std::make_shared<Dag>(*published.dag);
  dag->tasks[0].action.words = {"true"};
  dag->schedule = Schedule();
  dag->is_paused_upon_creation = paused;
  Deadline deadline;
  deadline.reference = DeadlineReference::kAverageRuntime;
  deadline.interval = 10s;
  deadline.min_runs = 1;
  dag->deadlines = {deadline};
  EXPECT_TRUE(dag->Link({}).ok());
  published.dag = dag;
  return published;
}

class DeadlineRestartTest : public ::testing::Test {
 protected:
  void Publish(bool paused = false) {
    published_ = Averaged(paused);
    store_.Publish(published_);
  }
  RunInfo Trigger(const std::string& run_id) {
    TriggerRequest request;
    request.dag_id = "d";
    request.run_id = run_id;
    request.run_after = clock_.Now();
    return *store_.Trigger(request);
  }
  // A run that begins now and ends so much later, without a scheduler that would tell this one of it.
  void Ran(const std::string& run_id, Micros took) {
    const RunInfo run = Trigger(run_id);
    Lease lease = **store_.Acquire("me", 30s);
    Plan begin, end;
    begin.now = clock_.Now();
    begin.runs = {Begin(run)};
    end.now = clock_.Now() + took;
    end.runs = {RunChange{run.id, "d", RunState::kRunning, RunState::kSuccess, ""}};
    EXPECT_TRUE(store_.Commit(begin, lease, ExecutorIdentity{"ours", "boot"}).ok());
    EXPECT_TRUE(store_.Commit(end, lease, ExecutorIdentity{"ours", "boot"}).ok());
    clock_.Advance(took);
  }
  // A scheduler takes over, as after a crash of the one before. It runs until the next call.
  void Lead() {
    SchedulerOptions options;
    options.holder = "me";
    options.on_plan = [this](const Plan& plan) {
      for (const DeadlineChange& change : plan.deadlines) {
        const auto seconds = std::chrono::floor<Seconds>(change.deadline.at - At(0)).count();
        said_.push_back(std::string(ToString(change.deadline.state)) + " " + change.run_id + " at +" +
                        std::to_string(seconds) + "s");
      }
    };
    for (const AttemptId attempt : executor_.started) executor_.known[attempt] = AttemptLiveness::kRunning;
    scheduler_.reset();
    scheduler_ = std::make_unique<Scheduler>(
        options, store_, executor_, zones_, [this](const DagSource&) -> Result<DagPtr> { return published_.dag; },
        clock_);
    Turn();
  }
  void Turn() {
    for (int step = 0; step < 3; ++step) scheduler_->Step();
  }
  // What was said of deadlines since the last call.
  std::vector<std::string> Said() { return std::exchange(said_, {}); }

  PublishedDag published_;
  ManualClock clock_{At(0)};
  MemoryStore store_{clock_};
  FakeExecutor executor_{"ours"};
  UtcZones zones_;
  std::vector<std::string> said_;
  std::unique_ptr<Scheduler> scheduler_;
};

TEST_F(DeadlineRestartTest, OneThatIsSetHoldsThoughTheAverageIsAnotherOneNow) {
  Publish();
  Ran("before", 20s);
  Trigger("r");
  Lead();
  EXPECT_THAT(Said(), ElementsAre("due r at +50s"));  // queued at +20s
  Ran("since", 5s);
  Lead();
  EXPECT_THAT(Said(), IsEmpty());
  clock_.Advance(25s);  // +50s
  Turn();
  EXPECT_THAT(Said(), ElementsAre("missed r at +50s"));
  Lead();
  clock_.Advance(1h);
  Turn();
  EXPECT_THAT(Said(), IsEmpty());  // once
}

TEST_F(DeadlineRestartTest, ARunThatEndsInTimeAfterTheRestartMeetsIt) {
  Publish();
  Ran("before", 20s);
  Trigger("r");
  Lead();
  Lead();
  ASSERT_EQ(executor_.started.size(), 1U);
  AttemptEnd end;
  end.attempt = executor_.started[0];
  end.outcome = AttemptOutcome::kSucceeded;
  end.start = end.end = clock_.Now();
  executor_.ends = {end};
  Turn();
  EXPECT_THAT(Said(), ElementsAre("due r at +50s", "met r at +50s"));
}

TEST_F(DeadlineRestartTest, OneThatPassedWhileNobodyLedIsMissedAtTheInstantThatWasStored) {
  Publish();
  Ran("before", 20s);
  Trigger("r");
  Lead();
  clock_.Advance(1h);
  Lead();
  EXPECT_THAT(Said(), ElementsAre("due r at +50s", "missed r at +50s"));
}

// Else a restart would give it a deadline that may have passed long before.
TEST_F(DeadlineRestartTest, AQueuedRunThatHadNoneForLackOfRunsHasNoneAfterwards) {
  Publish(/*paused=*/true);
  Trigger("r");
  Lead();
  Ran("since", 20s);
  Lead();
  EXPECT_THAT(Said(), IsEmpty());
}

TEST_F(DeadlineRestartTest, AQueuedRunKeepsTheOneThatItHas) {
  Publish(/*paused=*/true);
  Ran("before", 20s);
  Trigger("r");
  Lead();
  Ran("since", 60s);
  Lead();
  EXPECT_THAT(Said(), ElementsAre("due r at +50s", "missed r at +50s"));
}

TEST_F(DeadlineRestartTest, ARunThatWasAskedForWhileNobodyLedCountsFromThen) {
  Publish(/*paused=*/true);
  Ran("before", 20s);
  Trigger("r");
  Ran("since", 60s);  // had not ended when r was queued
  Lead();
  EXPECT_THAT(Said(), ElementsAre("due r at +50s", "missed r at +50s"));
}

}  // namespace
}  // namespace pipelined
