// Commands that sensors ask, beside the attempts of one attempts folder.
#include "pipelined/executor/local_executor.h"
#include "worker_fixture.h"

namespace pipelined {
namespace {

using ::testing::HasSubstr;

class Look : public WorkerTest {
 protected:
  Look() { OpenBoth(); }
  ~Look() override { both_.reset(); }

  void OpenBoth() {
    both_.reset();
    executor_.reset();
    commands_.reset();
    LocalExecutorOptions local;
    local.attempts_dir = folder_;
    local.launcher_path = PIPELINED_BIN_DIR "/pipelined-launcher";
    local.log_cap_bytes = log_cap_;
    local.installation_id = "11111111-2222-4333-8444-555555555555";
    auto opened = LocalExecutor::Open(local);
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    commands_ = std::move(*opened);
    options_.instance = commands_->instance();
    options_.boot_id = commands_->boot_id();
    LookOptions looks;
    looks.environment = {{"PATH", "/usr/bin:/bin"}, {"WHO", "nobody"}};
    looks.grace = Millis(100);
    looks.at_once = 2;
    both_ = MakeRoutingExecutor(*commands_, Open(), std::move(looks));
  }
  void Ask(std::int64_t id, const std::string& script, Micros timeout = Seconds(20)) {
    both_->Probe(id,
                 Value::Map{{"command", Value::Map{{"argv", Value::List{"bash", "-c", script}},
                                                   {"env", Value::Map{{"WHO", "me"}}},
                                                   {"working_dir", folder_},
                                                   {"log", LogPath(1)},
                                                   {"timeout", std::int64_t{timeout.count()}}}}},
                 {});
  }
  ProbeResult Answer(std::int64_t id) {
    EXPECT_TRUE(Eventually([&] {
      pollfd wake{both_->PollFd(), POLLIN, 0};
      poll(&wake, 1, 100);
      for (const AttemptEnd& end : both_->Ended()) ended_.push_back(end.attempt.value);
      for (ProbeResult& result : both_->Probed()) answers_[result.id] = std::move(result);
      return answers_.contains(id);
    })) << "no answer";
    return std::exchange(answers_[id], {});
  }

  std::int64_t log_cap_ = 1 << 20;
  std::unique_ptr<LocalExecutor> commands_;
  std::unique_ptr<RoutingExecutor> both_;
  std::map<std::int64_t, ProbeResult> answers_;
  std::vector<std::int64_t> ended_;
};

TEST_F(Look, ItsExitCodeIsTheAnswer) {
  Ask(7, "echo looked as $WHO in $PWD; echo '{\"rows\": 3}' > $PIPELINED_OUTPUT");
  const ProbeResult seen = Answer(7);
  ASSERT_TRUE(seen.answered) << seen.error;
  EXPECT_EQ(ToJson(seen.value), R"({"ok":true,"outputs":{"rows":3}})");
  EXPECT_THAT(Log(1), HasSubstr("looked as me in " + folder_));
  Ask(8, "exit 3");
  const ProbeResult not_yet = Answer(8);
  ASSERT_TRUE(not_yet.answered);
  EXPECT_EQ(ToJson(not_yet.value), R"({"ok":false,"why":"exit code 3"})");
  EXPECT_THAT(ended_, ::testing::IsEmpty()) << "a look is no attempt";
}

TEST_F(Look, WhatDidNotEndByItselfIsNoAnswer) {
  Ask(7, "sleep 1000", Millis(50));
  EXPECT_EQ(Answer(7).error, "the command did not end within 50ms");
  Ask(8, "kill -9 $$");
  EXPECT_THAT(Answer(8).error, HasSubstr("SIGKILL"));
  Ask(9, "echo no json > $PIPELINED_OUTPUT");
  EXPECT_FALSE(Answer(9).answered);
}

TEST_F(Look, OneThatIsDroppedIsStoppedAndItsIdCanBeUsedAgain) {
  Ask(7, "trap 'echo stopped; exit' TERM; echo began; while true; do sleep 0.01; done");
  ASSERT_TRUE(Eventually([&] {
    both_->Ended();
    return Log(1).find("began") != std::string::npos;
  }));
  both_->Drop(7);
  Ask(7, "true");
  EXPECT_EQ(ToJson(Answer(7).value), R"({"ok":true})");
  EXPECT_TRUE(Eventually([&] {
    both_->Ended();
    return Log(1).find("stopped") != std::string::npos;
  }));
}

TEST_F(Look, OnlySomeLookAtATime) {
  for (std::int64_t id = 1; id <= 6; ++id)
    Ask(id, "mkdir one 2>/dev/null || mkdir two || exit 9; sleep 0.05; rmdir one 2>/dev/null || rmdir two");
  for (std::int64_t id = 1; id <= 6; ++id) EXPECT_EQ(ToJson(Answer(id).value), R"({"ok":true})") << id;
}

TEST_F(Look, AllLooksOfATryShareTheCapOfItsLog) {
  log_cap_ = 100'000;
  OpenBoth();
  for (std::int64_t id = 1; id <= 6; ++id) {
    Ask(id, "head -c 60000 /dev/zero | tr '\\0' x");
    Answer(id);
  }
  const std::string log = Log(1);
  EXPECT_LT(log.size(), 100'000U + 300U);
  EXPECT_EQ(log.find("log cap reached"), log.rfind("log cap reached")) << "said once";
  EXPECT_NE(log.find("log cap reached"), log.npos);
}

TEST_F(Look, AllAreAnsweredHoweverManyAskTheWorkerTogether) {
  const Value job = Value::Map{{"http", Value::Map{{"url", server_.Url("/ok")}}}};
  for (std::int64_t id = 1; id <= 200; ++id) both_->Probe(id, job, {});
  both_->Drop(150);  // not asked yet
  for (std::int64_t id = 1; id <= 200; ++id) {
    if (id == 150) continue;
    EXPECT_TRUE(Answer(id).answered) << id;
  }
  EXPECT_FALSE(answers_.contains(150));
}

TEST_F(Look, WhatAKilledDaemonLeftIsStopped) {
  Ask(7, "trap 'echo stopped; exit' TERM; echo began; while true; do sleep 0.01; done");
  ASSERT_TRUE(Eventually([&] { return Log(1).find("began") != std::string::npos; }));
  OpenBoth();
  both_->Reattach({});
  EXPECT_TRUE(Eventually([&] {
    both_->Ended();
    return Log(1).find("stopped") != std::string::npos;
  }));
  Ask(7, "true");
  EXPECT_EQ(ToJson(Answer(7).value), R"({"ok":true})");
}

}  // namespace
}  // namespace pipelined
