// Sensors to the engine: parked, they hold nothing until somebody says what has been seen.
#include "engine_fixture.h"

namespace pipelined::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const Value kJob = Value::Map{{"file", Value::Map{{"path", "/in/a"}}}};

class Sensor : public ::testing::Test {
 protected:
  explicit Sensor(const std::string& dag = "wait; after: wait", EngineLimits limits = {}) : t_(dag, limits) {
    Make("wait");
  }
  void Make(const std::string& id, SensorSpec spec = {}) {
    t_.task(id).action.kind = ActionKind::kSensor;
    t_.task(id).sensor = std::make_shared<const SensorSpec>(std::move(spec));
  }
  std::vector<std::string> Ask(const std::string& id = "wait") { return t_.Send(SensorAsked{t_.attempt(id), kJob}); }
  void Park() {
    t_.Run();
    Ask();
  }
  std::vector<std::string> End(TryOutcome outcome, bool is_final = false) {
    AttemptFinished end;
    end.attempt = t_.attempt("wait");
    end.outcome = outcome;
    end.end = t_.now();
    end.message = "because";
    end.is_final = is_final;
    return t_.Send(end);
  }

  EngineTest t_;
};

TEST_F(Sensor, IsDeferredAndStoredWithWhatItWaitsFor) {
  Park();
  EXPECT_EQ(t_.state("wait"), "deferred");
  ASSERT_EQ(t_.plan().waits.size(), 1u);
  EXPECT_EQ(t_.plan().waits[0].attempt, t_.attempt("wait"));
  EXPECT_EQ(t_.plan().waits[0].job, kJob);
  EXPECT_EQ(t_.run_state(), "running");
}

TEST_F(Sensor, GoesOnWhenItWasSeen) {
  Park();
  EXPECT_THAT(End(TryOutcome::kSucceeded), ElementsAre("after"));
  EXPECT_EQ(t_.state("wait"), "success");
  ASSERT_EQ(t_.plan().closed.size(), 1u);
  EXPECT_THAT(End(TryOutcome::kSucceeded), IsEmpty());  // said twice
  EXPECT_TRUE(t_.plan().empty());
}

TEST_F(Sensor, IsParkedOnce) {
  Park();
  Ask();
  EXPECT_TRUE(t_.plan().empty());
}

TEST_F(Sensor, AFailureIsTriedAgain) {
  t_.task("wait").retry.retries = 1;
  t_.task("wait").retry.delay = Seconds(1);
  Park();
  End(TryOutcome::kFailed);
  EXPECT_EQ(t_.state("wait"), "up_for_retry");
  EXPECT_THAT(t_.Advance(Seconds(2)), ElementsAre("wait"));
  Ask();
  EXPECT_EQ(t_.state("wait"), "deferred");
}

TEST_F(Sensor, ATimeoutWithTriesLeftFailsForGood) {
  t_.task("wait").retry.retries = 3;
  Park();
  End(TryOutcome::kTimedOut, /*is_final=*/true);
  EXPECT_EQ(t_.state("wait"), "failed");
}

TEST_F(Sensor, IsSkippedSoftly) {
  Park();
  End(TryOutcome::kSkipped);
  EXPECT_EQ(t_.state("wait"), "skipped");
  EXPECT_EQ(t_.state("after"), "skipped");
}

TEST_F(Sensor, ItsExecutionTimeoutEndsItToo) {
  t_.task("wait").execution_timeout = std::chrono::minutes(5);
  Park();
  t_.Advance(std::chrono::minutes(6));
  EXPECT_EQ(t_.state("wait"), "failed");
  EXPECT_THAT(t_.plan().closed.at(0).end.message, HasSubstr("execution_timeout of 5m"));
}

TEST_F(Sensor, ItsExecutionTimeoutSkipsItSoftly) {
  t_.task("wait").execution_timeout = std::chrono::minutes(5);
  SensorSpec spec;
  spec.soft_fail = true;
  Make("wait", spec);
  Park();
  t_.Advance(std::chrono::minutes(6));
  EXPECT_EQ(t_.state("wait"), "skipped");
}

TEST_F(Sensor, IsEndedWithItsRun) {
  Park();
  t_.Do(CancelRun{RunId{1}});
  EXPECT_EQ(t_.state("wait"), "failed");
  ASSERT_EQ(t_.plan().closed.size(), 1u);
  EXPECT_EQ(t_.plan().closed[0].end.outcome, TryOutcome::kStopped);
  EXPECT_THAT(t_.plan().stops, IsEmpty());  // it has no process
}

TEST_F(Sensor, IsMarkedAndWaitsNoLonger) {
  Park();
  t_.Do(MarkTasks{t_.Choice(), TaskSelection{{"wait"}}, TaskState::kSuccess, std::nullopt, t_.Facts()});
  EXPECT_EQ(t_.state("wait"), "success");
  EXPECT_EQ(t_.plan().closed.size(), 1u);
  EXPECT_THAT(End(TryOutcome::kSucceeded), IsEmpty());
}

TEST_F(Sensor, IsClearedAndBeginsAnew) {
  Park();
  const AttemptId before = t_.attempt("wait");
  t_.Do(ClearTasks{t_.Choice(), TaskSelection{{"wait"}}, true, false, false, std::nullopt, t_.Facts()});
  ASSERT_EQ(t_.plan().closed.size(), 1u);
  EXPECT_EQ(t_.plan().closed[0].end.attempt, before);
  EXPECT_EQ(t_.state("wait"), "running");  // another attempt, in the same turn
  EXPECT_NE(t_.attempt("wait"), before);
}

TEST_F(Sensor, ClearedBeforeItIsParkedEndsInsteadOfWaiting) {
  t_.Run();
  t_.Do(ClearTasks{t_.Choice(), TaskSelection{{"wait"}}, true, false, false, std::nullopt, t_.Facts()});
  EXPECT_EQ(t_.state("wait"), "restarting");
  EXPECT_THAT(Ask(), ElementsAre("wait"));
  EXPECT_THAT(t_.plan().waits, IsEmpty());
}

TEST_F(Sensor, SaysWhatItWaitsFor) {
  Park();
  WhyTask why{RunId{1}, "wait"};
  why.told = "waits for file /in/a";
  const Value reasons = *t_.Do(why).result.Find("reasons");
  ASSERT_EQ(reasons.list().size(), 1u);
  EXPECT_EQ(reasons.list()[0].Find("text")->string(), "waits for file /in/a");
  EXPECT_EQ(t_.engine().ParkedOf(RunId{1}, "wait", kNotMapped), t_.attempt("wait"));
  EXPECT_EQ(t_.engine().ParkedOf(RunId{1}, "after", kNotMapped), std::nullopt);
}

class NarrowSensor : public Sensor {
 protected:
  NarrowSensor() : Sensor("wait; other", EngineLimits{1}) {}
};

TEST_F(NarrowSensor, HoldsNoSlotWhileItWaits) {
  t_.Run();
  EXPECT_EQ(t_.state("other"), "none");
  EXPECT_THAT(Ask(), ElementsAre("other"));
}

TEST_F(NarrowSensor, HoldsThoseOfAPoolThatCountsWhatWaits) {
  t_.task("wait").pool = t_.task("other").pool = "narrow";
  t_.Do(SetPool{"narrow", 1, std::nullopt, true});
  t_.Run();
  EXPECT_THAT(Ask(), IsEmpty());
  EXPECT_THAT(End(TryOutcome::kSucceeded), ElementsAre("other"));
}

TEST_F(Sensor, WaitsOnAfterARestart) {
  RunInfo info;
  info.id = RunId{1};
  info.dag_id = "d";
  info.run_id = "r1";
  info.state = RunState::kRunning;
  info.start_date = kT0;
  StoredTask wait{0, TaskState::kDeferred, 1, std::nullopt, AttemptId{4}};
  wait.wait = StoredWait{kJob, kT0};
  Engine engine(EngineLimits{}, LastIds{AttemptId{4}, {}});
  DagHead head;
  head.dag_id = "d";
  Plan plan = engine.Apply({DagUpdated{head}, RunRestored{info, std::make_shared<const Dag>(t_.dag()), {wait}}}, kT0);
  EXPECT_THAT(plan.opened, IsEmpty());
  EXPECT_THAT(plan.waits, IsEmpty());
  AttemptFinished end;
  end.attempt = AttemptId{4};
  end.outcome = TryOutcome::kSucceeded;
  end.end = kT0;
  plan = engine.Apply({end}, kT0);
  ASSERT_EQ(plan.opened.size(), 1u);
  EXPECT_EQ(plan.opened[0].task, 1u);
}

}  // namespace
}  // namespace pipelined::testing
