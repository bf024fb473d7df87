// The sensors that wait, with a clock that is set, a store without a database, files, and somebody who is asked.
#include "scheduler/sensors/sensor_host.h"

#include <poll.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "pipelined/schema/json.h"
#include "pipelined/store/memory_store.h"
#include "support/store_samples.h"
#include "unit/scheduler/sensor_fixture.h"

namespace pipelined {
namespace {

using namespace pipelined::testing;
using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class SensorHostTest : public ::testing::Test {
 protected:
  SensorHostTest() {
    char pattern[] = "/tmp/pipelined-sensors-XXXXXX";
    folder_ = mkdtemp(pattern);
    host_ = std::make_unique<SensorHost>(clock_, &prober_);
  }
  ~SensorHostTest() override {
    host_.reset();
    std::filesystem::remove_all(folder_);
  }

  // Waits as the attempt 7 for `job`, since now.
  void Wait(const std::string& sensor, Value job, std::int64_t attempt = 7) {
    dag_ = LoadTasks("wait: {sensor: " + sensor + "}").dag;
    host_->Add(WaitingSensor{AttemptId{attempt}, dag_, 0, std::move(job), clock_.Now()});
  }
  void WaitForFile(const std::string& name, const std::string& more = "") {
    const std::string path = folder_ + "/" + name;
    Wait("{file: x" + more + "}", Value::Map{{"file", Value::Map{{"path", path}}}});
  }
  void WaitForPort(const std::string& more = "") {
    Wait("{port: 'db:1'" + more + "}", Value::Map{{"port", Value::Map{{"host", "db"}, {"port", 1}}}});
  }
  void Answer(bool answered, Value value, std::string error = {}) {
    prober_.answers.push_back(ProbeResult{7, answered, std::move(value), std::move(error)});
  }
  std::vector<std::string> Step() {
    const auto ends = host_->Step(store_, clock_.Now());
    EXPECT_TRUE(ends.ok());
    std::vector<std::string> words;
    for (const AttemptFinished& end : *ends) {
      words.push_back(std::string(ToString(end.outcome)) + (end.is_final ? " for good" : "") +
                      (end.message.empty() ? "" : ": " + end.message));
      last_ = end;
    }
    return words;
  }
  // Advances to each instant at which something is due.
  std::vector<std::string> Until(Instant end) {
    std::vector<std::string> all = Step();
    while (all.empty() && host_->NextDue() && *host_->NextDue() <= end) {
      clock_.Advance(std::max(Micros(0), *host_->NextDue() - clock_.Now()));
      all = Step();
    }
    return all;
  }
  // Files are looked at by another thread: until it has answered.
  std::vector<std::string> StepWhenAnswered() {
    pollfd wait{host_->PollFd(), POLLIN, 0};
    EXPECT_EQ(poll(&wait, 1, 10'000), 1) << "nobody answered";
    return Step();
  }
  void Write(const std::string& name, const std::string& text = "x") { std::ofstream(folder_ + "/" + name) << text; }

  ManualClock clock_{At(0)};
  MemoryStore store_{clock_};
  FakeProber prober_;
  std::string folder_;
  DagPtr dag_;
  std::unique_ptr<SensorHost> host_;
  AttemptFinished last_;
};

// --- instants

TEST_F(SensorHostTest, ATimeIsThereWhenItHasCome) {
  Wait("{time: '00:00'}", Value::Map{{"time", Value::Map{{"at", FormatInstant(At(90))}}}});
  EXPECT_THAT(Step(), IsEmpty());
  EXPECT_EQ(host_->NextDue(), At(90));
  EXPECT_THAT(Until(At(90)), ElementsAre("success"));
  EXPECT_EQ(host_->size(), 0u);
  EXPECT_EQ(host_->NextDue(), std::nullopt);
}

TEST_F(SensorHostTest, ATimeThatHasGoneByIsThereAtOnce) {
  Wait("{time: '00:00'}", Value::Map{{"time", Value::Map{{"at", FormatInstant(At(-90))}}}});
  EXPECT_THAT(Step(), ElementsAre("success"));
}

TEST_F(SensorHostTest, ATimeBehindTheTimeoutTimesOut) {
  Wait("{time: '00:00', timeout: 1m}", Value::Map{{"time", Value::Map{{"at", FormatInstant(At(90))}}}});
  EXPECT_THAT(Until(At(60)), ElementsAre(HasSubstr("timed_out for good: timeout of 1m is over")));
}

// --- what others are asked

TEST_F(SensorHostTest, AsksAtOnceAndAtEachInterval) {
  WaitForPort();
  EXPECT_THAT(Step(), IsEmpty());
  ASSERT_EQ(prober_.asked.size(), 1u);
  EXPECT_EQ(prober_.asked[0].first, 7);
  Answer(true, false);
  EXPECT_THAT(Step(), IsEmpty());
  EXPECT_EQ(host_->NextDue(), At(60));
  Until(At(60));
  EXPECT_EQ(prober_.asked.size(), 2u);
  Answer(true, true);
  EXPECT_THAT(Step(), ElementsAre("success"));
}

TEST_F(SensorHostTest, OneThatIsNotAnsweredIsNotAskedAgain) {
  WaitForPort();
  Until(At(600));
  EXPECT_EQ(prober_.asked.size(), 1u);
}

TEST_F(SensorHostTest, WhatCouldNotBeAskedIsAskedAgain) {
  WaitForPort();
  Step();
  Answer(false, {}, "connection refused");
  EXPECT_THAT(Step(), IsEmpty());
  EXPECT_EQ(host_->NextDue(), At(60));
  EXPECT_THAT(host_->Explain(AttemptId{7}), HasSubstr("looks next at 2026-01-01T00:01:00Z: connection refused"));
}

TEST_F(SensorHostTest, UnlessItIsNotToBeSilent) {
  WaitForPort(", silent_fail: false");
  Step();
  Answer(false, {}, "connection refused");
  EXPECT_THAT(Step(), ElementsAre("failed: connection refused"));
}

TEST_F(SensorHostTest, LooksOnceMoreAtTheTimeout) {
  WaitForPort(", timeout: 90s");
  Step();
  Answer(true, false);
  Step();
  clock_.Advance(60s);
  Step();
  Answer(true, false, "closed");
  Step();
  EXPECT_EQ(host_->NextDue(), At(90));
  clock_.Advance(30s);
  EXPECT_THAT(Step(), IsEmpty());
  EXPECT_EQ(prober_.asked.size(), 3u);
  Answer(true, false, "closed");
  EXPECT_THAT(Step(), ElementsAre("timed_out for good: timeout of 1m30s is over: port db:1 was not there (closed)"));
}

TEST_F(SensorHostTest, WhatIsThereAtTheTimeoutIsInTime) {
  WaitForPort(", timeout: 30s");
  Step();
  Answer(true, false);
  Step();
  clock_.Advance(30s);
  Step();
  Answer(true, true);
  EXPECT_THAT(Step(), ElementsAre("success"));
}

TEST_F(SensorHostTest, ALastLookThatIsNotAnsweredIsGivenUp) {
  WaitForPort(", timeout: 30s");
  EXPECT_THAT(Until(At(120)), ElementsAre(HasSubstr("timed_out for good")));
  EXPECT_EQ(clock_.Now(), At(40));
}

TEST_F(SensorHostTest, AWallClockThatIsSetChangesNothingOfHowLongIsWaited) {
  for (const Micros jump : {Micros(-1h), Micros(1h)}) {
    const std::size_t asked = prober_.asked.size();
    WaitForPort(", poke_interval: 30s, timeout: 90s");
    Step();
    clock_.JumpTo(clock_.Now() + jump);
    Answer(true, false);
    EXPECT_THAT(Step(), IsEmpty()) << "it has not timed out";
    EXPECT_EQ(*host_->NextDue() - clock_.Now(), Micros(30s));
    clock_.Advance(30s);
    Step();
    EXPECT_EQ(prober_.asked.size(), asked + 2);
    Answer(true, false);
    Step();
    clock_.Advance(60s);
    Step();
    Answer(true, false);
    EXPECT_THAT(Step(), ElementsAre(HasSubstr("timed_out for good: timeout of 1m30s is over")));
  }
}

TEST_F(SensorHostTest, AConnectionThatCannotBeReadNowIsNoFailure) {
  bool is_away = true;
  host_ = std::make_unique<SensorHost>(clock_, &prober_, [&](const std::string&) -> Result<Value> {
    if (is_away) return Error{ErrorCode::kUnavailable, "the vault is away", ""};
    return Value(Value::Map{{"conn_type", "http"}, {"host", "h"}});
  });
  Wait("{http: {connection: api, url: /x}, poke_interval: 30s}",
       Value::Map{{"http", Value::Map{{"connection", "api"}, {"url", "/x"}}}});
  EXPECT_THAT(Step(), IsEmpty());
  EXPECT_THAT(host_->Explain(AttemptId{7}), HasSubstr("the vault is away"));
  is_away = false;
  clock_.Advance(30s);
  EXPECT_THAT(Step(), IsEmpty());
  EXPECT_EQ(prober_.asked.size(), 1u);
}

TEST_F(SensorHostTest, ATimeoutSkipsSoftly) {
  WaitForPort(", timeout: 30s, soft_fail: true");
  EXPECT_THAT(Until(At(120)), ElementsAre(HasSubstr("skipped: timeout of 30s is over")));
}

TEST_F(SensorHostTest, OneThatWasDownForTooLongLooksOnce) {
  WaitForPort(", timeout: 1h");
  clock_.Advance(24h);
  EXPECT_THAT(Step(), IsEmpty());
  EXPECT_EQ(prober_.asked.size(), 1u);
  Answer(true, false);
  EXPECT_THAT(Step(), ElementsAre(HasSubstr("timed_out")));
}

TEST_F(SensorHostTest, ThousandsLookTogether) {
  for (std::int64_t i = 0; i < 1000; ++i) {
    Wait("{port: 'db:1'}", Value::Map{{"port", Value::Map{{"host", "db"}, {"port", 1}}}}, 100 + i);
    clock_.Advance(Micros(1));
  }
  Step();
  EXPECT_EQ(prober_.asked.size(), 1000u);
  for (std::int64_t i = 0; i < 1000; ++i) prober_.answers.push_back(ProbeResult{100 + i, true, false, {}});
  Step();
  clock_.Advance(61s);
  Step();
  EXPECT_EQ(prober_.asked.size(), 2000u);
  EXPECT_THAT(Step(), IsEmpty());
}

TEST_F(SensorHostTest, WhatIsRemovedEndsNoMore) {
  WaitForPort();
  Step();
  host_->Remove(AttemptId{7});
  Answer(true, true);
  EXPECT_THAT(Step(), IsEmpty());
  EXPECT_EQ(host_->NextDue(), std::nullopt);
  EXPECT_EQ(host_->Explain(AttemptId{7}), "");
}

TEST_F(SensorHostTest, WhatIsUnderWayForARemovedOneIsDropped) {
  WaitForPort();
  Step();
  host_->Remove(AttemptId{7});
  EXPECT_THAT(prober_.dropped, ElementsAre(7));
  WaitForPort();
  Step();
  Answer(true, false);
  Step();
  host_->Remove(AttemptId{7});  // nothing is under way for it
  EXPECT_THAT(prober_.dropped, ElementsAre(7));
}

TEST_F(SensorHostTest, AnAnswerThatIsNotAsExpectedIsNotYetThere) {
  Wait("{http: 'http://x/'}", Value::Map{{"http", Value::Map{{"url", "http://x/"}}}});
  Step();
  Answer(true, Value::Map{{"status", 404}, {"ok", false}, {"why", "HTTP status 404"}});
  EXPECT_THAT(Step(), IsEmpty());
  EXPECT_THAT(host_->Explain(AttemptId{7}), HasSubstr("waits for http http://x/ since"));
  EXPECT_THAT(host_->Explain(AttemptId{7}), HasSubstr(": HTTP status 404"));
  Until(At(60));
  Answer(true, Value::Map{{"ok", true}, {"outputs", Value::Map{{"status", 200}, {"id", 5}}}});
  EXPECT_THAT(Step(), ElementsAre("success"));
  EXPECT_EQ(ToJson(last_.outputs), R"({"status":200,"id":5,"return_value":200})");
}

TEST_F(SensorHostTest, ACommandIsThereWhenItsExitCodeIsZero) {
  const Value job = Value::Map{{"command", Value::Map{{"argv", Value::List{"bash", "-c", "test -e a"}}}}};
  Wait("{command: test -e a}", job);
  Step();
  ASSERT_EQ(prober_.asked.size(), 1u);
  EXPECT_EQ(prober_.asked[0].second, job);
  Answer(true, Value::Map{{"ok", false}, {"why", "exit code 1"}});
  EXPECT_THAT(Step(), IsEmpty());
  EXPECT_THAT(host_->Explain(AttemptId{7}), HasSubstr("waits for command test -e a since"));
  Until(At(60));
  Answer(true, Value::Map{{"ok", true}, {"outputs", Value::Map{{"return_value", "x"}}}});
  EXPECT_THAT(Step(), ElementsAre("success"));
  EXPECT_EQ(ToJson(last_.outputs), R"({"return_value":"x"})");
}

TEST_F(SensorHostTest, AConnectionIsLookedUpForEachLookAndNotStored) {
  int looked_up = 0;
  host_ = std::make_unique<SensorHost>(clock_, &prober_, [&](const std::string& id) -> Result<Value> {
    if (++looked_up == 1) return Error{ErrorCode::kNotFound, "there is no connection \"" + id + "\"", ""};
    return Value(Value::Map{{"host", "db"}});
  });
  Wait("{sql: {connection: w, query: select 1}}",
       Value::Map{{"sql", Value::Map{{"connection", "w"}, {"statements", Value::List{}}}}});
  EXPECT_THAT(Step(), IsEmpty());
  EXPECT_THAT(prober_.asked, IsEmpty());
  EXPECT_THAT(host_->Explain(AttemptId{7}), HasSubstr("there is no connection \"w\""));
  Until(At(60));
  ASSERT_EQ(prober_.asked.size(), 1u);
  EXPECT_EQ(ToJson(prober_.asked[0].second), R"({"sql":{"connection":{"host":"db"},"statements":[]}})");
  Answer(true, 0);
  EXPECT_THAT(Step(), IsEmpty());
  Until(At(120));
  Answer(true, 3);
  EXPECT_THAT(Step(), ElementsAre("success"));
  EXPECT_EQ(ToJson(last_.outputs), R"({"return_value":3})");
}

// --- runs of other DAGs

class RunSensorTest : public SensorHostTest {
 protected:
  RunSensorTest() {
    store_.Publish(SampleDag("sales"));
    lease_ = **store_.Acquire("me", 30s);
  }
  void WaitForTask(const std::string& more = "") {
    Wait("{task: {dag_id: sales, task_id: t0}, poke_interval: 1h}",
         Value::Map{{"task", Value::Map{{"dag_id", "sales"},
                                        {"run_id", "r1"},
                                        {"task_ids", Value::List{"t0"}},
                                        {"allowed_states", Value::List{"success"}},
                                        {"failed_states", more.empty() ? Value::List{} : Value::List{more}}}}});
  }
  void Run() {
    TriggerRequest request;
    request.dag_id = "sales";
    request.run_id = "r1";
    request.run_after = clock_.Now();
    run_ = store_.Trigger(request)->id;
    Plan plan;
    plan.runs = {RunChange{run_, "sales", RunState::kQueued, RunState::kRunning, ""}};
    plan.tasks = {Start(run_, 0, 1, clock_.Now())};
    plan.opened = {Open(run_, 0, 1)};
    Commit(plan);
  }
  void End(TaskState state) {
    Plan plan;
    plan.tasks = {Finish(run_, 0, 1, clock_.Now(), state)};
    plan.closed = {Close(run_, 0, 1, clock_.Now())};
    Commit(plan);
  }
  void Commit(const Plan& plan) { ASSERT_TRUE(store_.Commit(plan, lease_, ExecutorIdentity{"i", "b"}).ok()); }
  Lease lease_;
  RunId run_;
};

TEST_F(RunSensorTest, ATaskIsThereWhenItSucceeded) {
  WaitForTask();
  EXPECT_THAT(Step(), IsEmpty());
  EXPECT_THAT(host_->Explain(AttemptId{7}), HasSubstr("there is no such run yet"));
  Run();
  host_->NoteRun({"sales", "r1", std::nullopt});
  EXPECT_THAT(Step(), IsEmpty());
  EXPECT_THAT(host_->Explain(AttemptId{7}), HasSubstr("task t0 of run \"r1\" is running"));
  End(TaskState::kSuccess);
  host_->NoteTask({"sales", "r1", std::nullopt}, "t0");
  EXPECT_THAT(Step(), ElementsAre("success"));
  EXPECT_EQ(last_.outputs.Find("run_id")->string(), "r1");
  EXPECT_FALSE(host_->LooksAtRuns());
}

TEST_F(RunSensorTest, IsSeenAtItsIntervalWithoutBeingTold) {
  WaitForTask();
  Step();
  Run();
  End(TaskState::kSuccess);
  EXPECT_THAT(Until(At(3599)), IsEmpty());
  EXPECT_THAT(Until(At(3600)), ElementsAre("success"));
}

TEST_F(RunSensorTest, AChangeOfAnotherRunOrTaskIsNoReasonToLook) {
  WaitForTask();
  Step();
  host_->NoteRun({"other", "r1", At(0)});
  host_->NoteRun({"sales", "r2", At(0)});
  host_->NoteTask({"other", "r1", At(0)}, "t0");
  host_->NoteTask({"sales", "r1", At(0)}, "t1");
  host_->NoteTask({"sales", "r2", At(0)}, "t0");
  EXPECT_EQ(host_->NextDue(), At(3600));
}

TEST_F(RunSensorTest, AFailedStateFailsTheTry) {
  WaitForTask("failed");
  Run();
  End(TaskState::kFailed);
  EXPECT_THAT(Step(), ElementsAre("failed: task t0 of run \"r1\" is failed"));
}

// --- assets

class AssetSensorTest : public RunSensorTest {
 protected:
  void WaitForEvent() {
    Wait("{asset: orders, poke_interval: 1h}",
         Value::Map{{"asset", Value::Map{{"uri", "orders"}, {"since", FormatInstant(At(0))}}}});
  }
  void Happens(const std::string& uri) {
    Plan plan;
    plan.now = clock_.Now();
    plan.asset_events = {AssetEvent{uri, Value(Value::Map{{"rows", 3}}), "sales", "r1", "t0"}};
    Commit(plan);
    host_->NoteEvent(uri);
  }
};

TEST_F(AssetSensorTest, AnEventIsSeenWhenItIsStored) {
  WaitForEvent();
  EXPECT_THAT(Step(), IsEmpty());
  EXPECT_THAT(host_->Explain(AttemptId{7}), HasSubstr("waits for an event of asset orders since"));
  clock_.Advance(5s);
  Happens("other");
  EXPECT_THAT(Step(), IsEmpty());
  Happens("orders");
  EXPECT_THAT(Step(), ElementsAre("success"));
  EXPECT_EQ(ToJson(last_.outputs),
            R"({"return_value":"2026-01-01T00:00:05Z","timestamp":"2026-01-01T00:00:05Z","extra":{"rows":3},)"
            R"("source_dag_id":"sales","source_run_id":"r1","source_task_id":"t0"})");
}

TEST_F(AssetSensorTest, WhatHappenedBeforeDoesNotCount) {
  clock_.JumpTo(At(-10));
  Happens("orders");
  clock_.JumpTo(At(0));
  WaitForEvent();
  EXPECT_THAT(Step(), IsEmpty());
  Happens("orders");
  EXPECT_THAT(Step(), ElementsAre("success"));
}

// --- files

TEST_F(SensorHostTest, AFileThatIsThereIsSeenAtOnce) {
  Write("a.csv", "12345");
  WaitForFile("a.csv");
  EXPECT_THAT(Step(), IsEmpty());
  EXPECT_THAT(StepWhenAnswered(), ElementsAre("success"));
  EXPECT_EQ(last_.outputs.Find("path")->string(), folder_ + "/a.csv");
  EXPECT_EQ(last_.outputs.Find("size")->integer(), 5);
}

TEST_F(SensorHostTest, AFileThatComesIsSeenWithoutALook) {
  WaitForFile("a.csv", ", poke_interval: 1h");
  Step();
  EXPECT_THAT(StepWhenAnswered(), IsEmpty());
  Write("other.csv");
  Write("a.csv");
  EXPECT_THAT(StepWhenAnswered(), ElementsAre("success"));
}

TEST_F(SensorHostTest, AFileInAFolderThatComesLaterIsSeenWhenItIsLookedFor) {
  WaitForFile("new/a.csv");
  Step();
  EXPECT_THAT(StepWhenAnswered(), IsEmpty());
  std::filesystem::create_directory(folder_ + "/new");
  Write("new/a.csv");
  clock_.Advance(60s);
  Step();
  EXPECT_THAT(StepWhenAnswered(), ElementsAre("success"));
}

TEST_F(SensorHostTest, AFileThatIsTooSmallIsWaitedFor) {
  Write("a.csv", "1");
  Wait("{file: x}", Value::Map{{"file", Value::Map{{"path", folder_ + "/a.csv"}, {"min_size", 3}}}});
  Step();
  EXPECT_THAT(StepWhenAnswered(), IsEmpty());
  EXPECT_THAT(host_->Explain(AttemptId{7}), HasSubstr("1 bytes of at least 3"));
  Write("a.csv", "123");
  EXPECT_THAT(StepWhenAnswered(), ElementsAre("success"));
}

TEST_F(SensorHostTest, AFileThatChangesIsLookedAtWhenItHasBeenStable) {
  Write("a.csv");
  const Instant written = SystemClock().Now();
  clock_.JumpTo(written);
  Wait("{file: x, poke_interval: 1h}",
       Value::Map{{"file", Value::Map{{"path", folder_ + "/a.csv"}, {"stable_micros", 600'000'000}}}});
  Step();
  EXPECT_THAT(StepWhenAnswered(), IsEmpty());
  ASSERT_TRUE(host_->NextDue());
  EXPECT_GT(*host_->NextDue(), written + 9min);
  EXPECT_LT(*host_->NextDue(), written + 11min);
  clock_.Advance(*host_->NextDue() - clock_.Now());
  Step();
  EXPECT_THAT(StepWhenAnswered(), ElementsAre("success"));
}

TEST_F(SensorHostTest, FilesByAPatternAreSeenAllTogether) {
  Write("b.csv");
  Write("c.txt");
  Wait("{glob: x, poke_interval: 1h}",
       Value::Map{{"glob", Value::Map{{"pattern", folder_ + "/*.csv"}, {"min_count", 2}}}});
  Step();
  EXPECT_THAT(StepWhenAnswered(), IsEmpty());
  EXPECT_THAT(host_->Explain(AttemptId{7}), HasSubstr("1 of at least 2 files"));
  Write("a.csv");
  EXPECT_THAT(StepWhenAnswered(), ElementsAre("success"));
  EXPECT_EQ(*last_.outputs.Find("paths"), Value(Value::List{folder_ + "/a.csv", folder_ + "/b.csv"}));
}

TEST_F(SensorHostTest, AFolderThatMayNotBeReadIsNoReasonToFail) {
  Wait("{file: x}", Value::Map{{"file", Value::Map{{"path", folder_ + "/" + std::string(300, 'x')}}}});
  Step();
  EXPECT_THAT(StepWhenAnswered(), IsEmpty());
  EXPECT_THAT(host_->Explain(AttemptId{7}), HasSubstr("File name too long"));
}

TEST_F(SensorHostTest, NothingIsHeardOfWhatWasForgotten) {
  WaitForFile("a.csv");
  Step();
  StepWhenAnswered();
  host_->Clear();
  Write("a.csv");
  Wait("{file: x}", Value::Map{{"file", Value::Map{{"path", folder_ + "/b.csv"}}}}, 8);
  Step();
  EXPECT_THAT(StepWhenAnswered(), IsEmpty());
}

}  // namespace
}  // namespace pipelined
