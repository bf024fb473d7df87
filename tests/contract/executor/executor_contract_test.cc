// What every Executor promises (ports/executor.h), asked of each: processes under supervisors, actions of the worker,
// and both as one.
#include <gmock/gmock.h>
#include <poll.h>
#include <stdlib.h>

#include <filesystem>
#include <functional>
#include <map>
#include <memory>

#include "pipelined/base/clock.h"
#include "pipelined/executor/local_executor.h"
#include "pipelined/executor/worker_executor.h"
#include "support/tiny_http_server.h"

namespace pipelined {
namespace {

// One way to do attempts, on a folder that it is given.
struct Subject {
  std::unique_ptr<LocalExecutor> commands;
  std::unique_ptr<WorkerExecutor> actions;
  std::unique_ptr<Executor> both;
  Executor& get(bool routed) const {
    return routed ? *both : actions ? static_cast<Executor&>(*actions) : static_cast<Executor&>(*commands);
  }
};

struct Kind {
  std::string name;
  bool acts = false;    // its attempts are actions
  bool routed = false;  // behind the composite
};

void PrintTo(const Kind& kind, std::ostream* out) {
  *out << kind.name;
}

class ExecutorContract : public ::testing::TestWithParam<Kind> {
 protected:
  ExecutorContract() {
    std::string name = "/tmp/executor-contract-XXXXXX";
    folder_ = ::mkdtemp(name.data());
    std::filesystem::permissions(folder_, std::filesystem::perms(0711));
    Open();
  }
  ~ExecutorContract() override {
    subject_ = {};
    server_.Release();
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  // The daemon goes, and another one comes.
  void Open() {
    subject_ = {};
    LocalExecutorOptions local;
    local.attempts_dir = folder_ + "/attempts";
    local.launcher_path = PIPELINED_BIN_DIR "/pipelined-launcher";
    local.installation_id = "11111111-2222-4333-8444-555555555555";
    auto commands = LocalExecutor::Open(local);
    ASSERT_TRUE(commands.ok()) << commands.error().message;
    subject_.commands = std::move(*commands);
    if (!GetParam().acts && !GetParam().routed) return;
    WorkerExecutorOptions worker;
    worker.attempts_dir = local.attempts_dir;
    worker.worker_path = PIPELINED_BIN_DIR "/pipelined-worker";
    worker.instance = subject_.commands->instance();
    worker.boot_id = subject_.commands->boot_id();
    auto actions = WorkerExecutor::Open(worker);
    ASSERT_TRUE(actions.ok()) << actions.error().message;
    subject_.actions = std::move(*actions);
    subject_.both = MakeRoutingExecutor(*subject_.commands, *subject_.actions);
  }
  Executor& executor() { return subject_.get(GetParam().routed); }

  AttemptStart Attempt(std::int64_t id, std::vector<std::string> argv, const std::string& path) const {
    AttemptStart start;
    start.attempt = AttemptId{id};
    start.log_path = folder_ + "/logs/" + std::to_string(id) + ".log";
    start.grace = Millis(200);
    if (GetParam().acts) {
      start.action = Value::Map{{"http", Value::Map{{"url", server_.Url(path)}}}};
    } else {
      start.argv = std::move(argv);
      start.env = {{"PATH", "/usr/bin:/bin"}};
      start.working_dir = "/";
    }
    return start;
  }
  AttemptStart Quick(std::int64_t id) const { return Attempt(id, {"true"}, "/"); }
  AttemptStart Endless(std::int64_t id) const { return Attempt(id, {"sleep", "1000"}, "/hold"); }
  void Start(AttemptStart start) {
    std::vector<AttemptStart> starts;
    starts.push_back(std::move(start));
    executor().Start(std::move(starts));
  }

  AttemptEnd Await(std::int64_t id) {
    const Micros limit = SystemClock().Monotonic() + Seconds(20);
    while (!ends_.contains(id) && SystemClock().Monotonic() < limit) {
      pollfd wake{executor().PollFd(), POLLIN, 0};
      poll(&wake, 1, 1000);
      for (const AttemptEnd& end : executor().Ended()) {
        ++reported_[end.attempt.value];
        ends_[end.attempt.value] = end;
      }
    }
    EXPECT_TRUE(ends_.contains(id)) << "attempt " << id << " did not end";
    return ends_[id];
  }
  OpenAttempt OpenOf(std::int64_t id) { return {AttemptId{id}, executor().instance(), executor().boot_id()}; }
  AttemptLiveness ReattachOne(OpenAttempt open) { return executor().Reattach({std::move(open)}).at(0).liveness; }

  std::string folder_;
  pipelined::testing::TinyHttpServer server_;
  Subject subject_;
  std::map<std::int64_t, AttemptEnd> ends_;
  std::map<std::int64_t, int> reported_;
};

TEST_P(ExecutorContract, AnEndIsReportedOnce) {
  Start(Quick(1));
  EXPECT_EQ(Await(1).outcome, AttemptOutcome::kSucceeded);
  Start(Quick(2));
  EXPECT_EQ(Await(2).outcome, AttemptOutcome::kSucceeded);
  EXPECT_EQ(reported_[1], 1);
}

TEST_P(ExecutorContract, StartingTwiceIsHarmless) {
  Start(Quick(1));
  Start(Quick(1));
  Await(1);
  Start(Quick(1));
  Start(Quick(2));
  Await(2);
  EXPECT_EQ(reported_[1], 1);
}

TEST_P(ExecutorContract, WhatIsStoppedSaysSo) {
  Start(Endless(1));
  executor().Stop(AttemptId{1});
  EXPECT_EQ(Await(1).outcome, AttemptOutcome::kStopped);
  executor().Stop(AttemptId{1});  // it has ended
  executor().Stop(AttemptId{7});  // nobody knows it
}

TEST_P(ExecutorContract, ATimeoutEndsIt) {
  AttemptStart start = Endless(1);
  start.timeout = Millis(50);
  Start(std::move(start));
  EXPECT_EQ(Await(1).outcome, AttemptOutcome::kTimedOut);
}

TEST_P(ExecutorContract, WhatRunsIsFoundAgain) {
  Start(Endless(1));
  Start(Quick(2));
  Await(2);
  Open();
  EXPECT_EQ(ReattachOne(OpenOf(1)), AttemptLiveness::kRunning);
  executor().Stop(AttemptId{1});
  EXPECT_EQ(Await(1).outcome, AttemptOutcome::kStopped);
}

TEST_P(ExecutorContract, AnEndThatWasNotForgottenIsReportedAgain) {
  Start(Quick(1));
  Await(1);
  Open();
  EXPECT_EQ(ReattachOne(OpenOf(1)), AttemptLiveness::kEnded);
  ends_.clear();
  EXPECT_EQ(Await(1).outcome, AttemptOutcome::kSucceeded);
  executor().Forget({AttemptId{1}});
}

TEST_P(ExecutorContract, NeverGuesses) {
  EXPECT_EQ(ReattachOne(OpenOf(1)), AttemptLiveness::kNotStarted);
  OpenAttempt other_boot = OpenOf(1), other_instance = OpenOf(1);
  other_boot.boot_id = "another";
  other_instance.instance = "another";
  EXPECT_EQ(ReattachOne(other_boot), AttemptLiveness::kLost);
  EXPECT_EQ(ReattachOne(other_instance), AttemptLiveness::kForeign);
  EXPECT_TRUE(executor().Ended().empty());
}

TEST_P(ExecutorContract, WhatCannotBeginIsALaunchThatFailed) {
  AttemptStart start = Attempt(1, {"/nothing/here"}, "/");
  if (GetParam().acts) start.action = Value::Map{{"nothing", Value::Map{}}};
  Start(std::move(start));
  EXPECT_EQ(Await(1).outcome, AttemptOutcome::kLaunchFailed);
}

INSTANTIATE_TEST_SUITE_P(All, ExecutorContract,
                         ::testing::Values(Kind{"Commands"}, Kind{"Actions", true}, Kind{"RoutedCommands", false, true},
                                           Kind{"RoutedActions", true, true}),
                         [](const auto& kind) { return kind.param.name; });

}  // namespace
}  // namespace pipelined
