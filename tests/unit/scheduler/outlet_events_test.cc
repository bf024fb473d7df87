// What a task says of its outlets: what can be taken, and what becomes of a try that says what cannot.
#include "scheduler/outlet_events.h"

#include <gmock/gmock.h>

#include "pipelined/schema/json.h"
#include "pipelined/scheduler/scheduler.h"
#include "pipelined/store/memory_store.h"
#include "support/store_samples.h"
#include "support/utc_zones.h"
#include "unit/scheduler/fake_executor.h"

namespace pipelined {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using namespace pipelined::testing;

std::string Fault(const std::string& outputs, std::vector<std::string> outlets = {"s3://x", "s3://y"}) {
  Task task;
  task.outlets = std::move(outlets);
  return OutletEventsFault(task, *ParseJson(outputs));
}

TEST(OutletEvents, ObjectsByOutletAreTaken) {
  EXPECT_EQ(Fault(R"({"outlet_events": {"s3://x": {"rows": 42}, "s3://y": {}}})"), "");
  EXPECT_EQ(Fault(R"({"outlet_events": {}})"), "");
  EXPECT_EQ(Fault(R"({"rows": 42})"), "");
  EXPECT_EQ(Fault("null"), "");
}

TEST(OutletEvents, AnythingElseIsRefused) {
  EXPECT_THAT(Fault(R"({"outlet_events": 42})"), HasSubstr("no object"));
  EXPECT_THAT(Fault(R"({"outlet_events": {"s3://x": 42}})"), HasSubstr("what is said of \"s3://x\" is no object"));
  EXPECT_THAT(Fault(R"({"outlet_events": {"s3://z": {}}})"), HasSubstr("\"s3://z\", which is not among the outlets"));
  EXPECT_THAT(Fault(R"({"outlet_events": {"s3://z": {}}})"), HasSubstr("(s3://x, s3://y)"));
  EXPECT_THAT(Fault(R"({"outlet_events": {"s3://z": {}}})", {}), HasSubstr("(it has none)"));
}

class OutletEventsTest : public ::testing::Test {
 protected:
  OutletEventsTest() {
    published_ = SampleDag("d", 1);
    auto dag = std::make_shared<Dag>(*published_.dag);
    dag->tasks[0].action.words = {"true"};
    dag->tasks[0].outlets = {"s3://x"};
    dag->schedule = Schedule();
    EXPECT_TRUE(dag->Link({}).ok());
    published_.dag = dag;
    store_.Publish(published_);
    TriggerRequest request;
    request.dag_id = "d";
    request.run_after = At(0);
    run_ = store_.Trigger(request)->id;
  }
  // Runs the task, which ends well and gives `outputs`.
  void Run(const std::string& outputs) {
    SchedulerOptions options;
    options.holder = "us";
    Scheduler scheduler(
        options, store_, executor_, zones_, [&](const DagSource&) -> Result<DagPtr> { return published_.dag; }, clock_);
    for (int turn = 0; turn < 6; ++turn) {
      scheduler.Step();
      for (const AttemptId started : std::exchange(executor_.started, {})) {
        AttemptEnd end;
        end.attempt = started;
        end.outcome = AttemptOutcome::kSucceeded;
        end.outputs = *ParseJson(outputs);
        executor_.ends.push_back(std::move(end));
      }
    }
  }

  ManualClock clock_{At(0)};
  MemoryStore store_{clock_};
  FakeExecutor executor_{"ours"};
  UtcZones zones_;
  PublishedDag published_;
  RunId run_;
};

TEST_F(OutletEventsTest, WhatIsSaidIsStoredWithTheEvent) {
  Run(R"({"outlet_events": {"s3://x": {"rows": 42}}})");
  EXPECT_EQ(store_.StateOf(run_), RunState::kSuccess);
  ASSERT_EQ(store_.asset_events().size(), 1U);
  EXPECT_EQ(ToJson(store_.asset_events()[0].extra), R"({"rows":42})");
}

TEST_F(OutletEventsTest, ATryThatSaysWhatCannotBeTakenHasFailed) {
  Run(R"({"outlet_events": {"s3://elsewhere": {}}})");
  EXPECT_EQ(store_.StateOf(run_), RunState::kFailed);
  EXPECT_THAT(store_.asset_events(), IsEmpty());
}

}  // namespace
}  // namespace pipelined
