// Sensors through the whole scheduler, over crashes: nothing that waits is forgotten, and nothing is seen twice.
#include <poll.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "pipelined/scheduler/scheduler.h"
#include "pipelined/store/memory_store.h"
#include "support/store_samples.h"
#include "unit/scheduler/fake_executor.h"
#include "unit/scheduler/sensor_fixture.h"

namespace pipelined {
namespace {

using namespace pipelined::testing;
using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class SensorSchedulerTest : public ::testing::Test {
 protected:
  void Publish(const std::string& tasks) {
    loaded_ = LoadTasks(tasks);
    store_.Publish(PublishedDag{loaded_.dag, loaded_.source, ""});
    TriggerRequest request;
    request.dag_id = "d";
    request.run_id = "r";
    request.run_after = clock_.Now();
    ASSERT_TRUE(store_.Trigger(request).ok());
    Lead();
  }
  // A scheduler takes over, as after a crash of the one before.
  void Lead() {
    SchedulerOptions options;
    options.holder = "me";
    options.launch.logs_dir = "/logs";
    options.prober = &prober_;
    options.on_plan = [this](const Plan& plan) {
      for (const TaskChange& change : plan.tasks)
        said_.push_back(loaded_.dag->tasks[change.task].id + " " + std::string(ToString(change.to)));
    };
    scheduler_.reset();
    scheduler_ = std::make_unique<Scheduler>(
        options, store_, executor_, zones_, [this](const DagSource&) -> Result<DagPtr> { return loaded_.dag; }, clock_);
    Turn();
  }
  void Turn() {
    for (int step = 0; step < 4; ++step) scheduler_->Step();
  }
  void Advance(Micros by) {
    clock_.Advance(by);
    Turn();
  }
  void Answer(std::size_t asked, Value value) {
    prober_.answers.push_back(ProbeResult{prober_.asked.at(asked).first, true, std::move(value), {}});
    Turn();
  }
  std::vector<std::string> Said() { return std::exchange(said_, {}); }

  ManualClock clock_{At(0)};
  MemoryStore store_{clock_};
  FakeExecutor executor_{"ours"};
  FakeProber prober_;
  UtcZones zones_;
  LoadedDag loaded_;
  std::vector<std::string> said_;
  std::unique_ptr<Scheduler> scheduler_;
};

TEST_F(SensorSchedulerTest, WaitsWithoutAProcessAndGoesOn) {
  Publish("wait: {sensor: {port: 'db:1'}}, after: {depends_on: wait, sensor: {delta: 0s}}");
  EXPECT_THAT(Said(), ElementsAre("wait running", "wait deferred"));
  EXPECT_THAT(executor_.started, IsEmpty());
  Answer(0, false);
  EXPECT_THAT(Said(), IsEmpty());
  EXPECT_EQ(scheduler_->NextTimer(), At(60));
  Advance(60s);
  Answer(1, true);
  EXPECT_THAT(Said(), ElementsAre("wait success", "after running", "after deferred", "after success"));
  EXPECT_EQ(store_.StateOf(RunId{1}), RunState::kSuccess);
}

TEST_F(SensorSchedulerTest, IsNotForgottenByACrash) {
  Publish("wait: {sensor: {port: 'db:1'}}");
  Answer(0, false);
  Said();
  EXPECT_EQ(prober_.led, 1);
  Lead();
  EXPECT_EQ(prober_.led, 2) << "commands of an older epoch are refused";
  EXPECT_THAT(Said(), IsEmpty());
  ASSERT_EQ(prober_.asked.size(), 2u);  // what happened meanwhile is looked for at once
  Answer(1, true);
  EXPECT_THAT(Said(), ElementsAre("wait success"));
}

TEST_F(SensorSchedulerTest, ItsTimeoutIsNotLengthenedByCrashes) {
  Publish("wait: {sensor: {port: 'db:1', timeout: 100s}}");
  Answer(0, false);
  clock_.Advance(70s);
  Lead();
  Answer(1, false);
  EXPECT_EQ(scheduler_->NextTimer(), At(100));
  Advance(30s);
  Said();
  Answer(2, false);
  EXPECT_THAT(Said(), ElementsAre("wait failed"));
}

// The attempt is stored, and the scheduler goes down before it is parked.
TEST_F(SensorSchedulerTest, IsAskedForAgainWhenTheCrashCameBeforeItWasParked) {
  loaded_ = LoadTasks("wait: {sensor: {port: 'db:1'}}");
  store_.Publish(PublishedDag{loaded_.dag, loaded_.source, ""});
  TriggerRequest request;
  request.dag_id = "d";
  request.run_id = "r";
  const RunInfo run = *store_.Trigger(request);
  Lease lease = **store_.Acquire("me", 30s);
  Plan plan;
  plan.runs = {Begin(run)};
  plan.tasks = {Start(run.id, 0, 1, At(0))};
  plan.opened = {Open(run.id, 0, 1)};
  ASSERT_TRUE(store_.Commit(plan, lease, ExecutorIdentity{"ours", "boot"}).ok());
  Lead();
  EXPECT_THAT(Said(), ElementsAre("wait deferred"));
  Answer(0, true);
  EXPECT_THAT(Said(), ElementsAre("wait success"));
}

TEST_F(SensorSchedulerTest, IsSeenOnceHoweverOftenItIsSaid) {
  Publish("wait: {sensor: {port: 'db:1'}}");
  Said();
  prober_.answers = {ProbeResult{1, true, true, {}}, ProbeResult{1, true, true, {}}};
  Turn();
  EXPECT_THAT(Said(), ElementsAre("wait success"));
}

TEST_F(SensorSchedulerTest, WaitsNoLongerWhenItsRunIsCancelled) {
  Publish("wait: {sensor: {port: 'db:1'}}");
  store_.File(Command{{}, "me", CancelRun{RunId{1}}});
  clock_.Advance(31s);  // nobody notifies: it is looked for now and then
  Turn();
  EXPECT_THAT(Said(), ElementsAre("wait running", "wait deferred", "wait failed"));
  Answer(0, true);
  EXPECT_THAT(Said(), IsEmpty());
  EXPECT_EQ(scheduler_->NextTimer(), std::nullopt);
}

TEST_F(SensorSchedulerTest, SaysWhatItWaitsFor) {
  Publish("wait: {sensor: {port: 'db:1'}}");
  Answer(0, false);
  const CommandId asked = store_.File(Command{{}, "me", WhyTask{RunId{1}, "wait"}});
  clock_.Advance(31s);
  Turn();
  const auto done = store_.ResultOf(asked);
  ASSERT_TRUE(done);
  EXPECT_EQ(done->result.Find("reasons")->list().at(0).Find("text")->string(),
            "waits for port db:1 since 2026-01-01T00:00:00Z, looked 1 times, looks next at 2026-01-01T00:01:00Z");
}

TEST_F(SensorSchedulerTest, ATemplateThatCannotBeRenderedFailsTheTry) {
  Publish("wait: {sensor: {file: '{{ dag_run.conf.name }}'}}");
  EXPECT_THAT(Said(), ElementsAre("wait running", "wait failed"));
}

TEST_F(SensorSchedulerTest, TheEndOfAnotherRunIsSeenInTheNextTurn) {
  Publish("other: {sensor: {port: 'db:1'}}, wait: {sensor: {task: {dag_id: d, run_id: r, task_id: other}}}");
  Said();
  Answer(0, true);
  EXPECT_THAT(Said(), ElementsAre("other success", "wait success"));
}

TEST_F(SensorSchedulerTest, AFileThatCameDuringACrashIsSeen) {
  char pattern[] = "/tmp/pipelined-sensors-XXXXXX";
  const std::string folder = mkdtemp(pattern);
  Publish("wait: {sensor: {file: " + folder + "/a}}");
  Said();
  scheduler_.reset();
  std::ofstream(folder + "/a") << "x";
  Lead();
  for (int tries = 0; tries < 1000 && said_.empty(); ++tries) {
    poll(nullptr, 0, 5);  // another thread looks
    Turn();
  }
  EXPECT_THAT(Said(), ElementsAre("wait success"));
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace pipelined
