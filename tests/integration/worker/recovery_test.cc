// What survives the death of the daemon and of the worker; and that nothing is begun twice.
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "integration/worker/worker_fixture.h"
#include "pipelined/executor/worker_protocol.h"

namespace pipelined {
namespace {

using ::testing::HasSubstr;

class WorkerRecovery : public WorkerTest {
 protected:
  void StartAndHold(std::int64_t id) {
    const std::size_t before = server_.asked();
    Start(Get(id, "/hold"));
    ASSERT_TRUE(Eventually([&] { return server_.asked() == before + 1; }));
  }
  void KillWorkers() {
    for (const pid_t pid : Workers()) kill(pid, SIGKILL);
  }
};

TEST_F(WorkerRecovery, ARequestGoesOnWithoutItsDaemonAndIsWatchedByTheNext) {
  StartAndHold(1);
  Open();
  EXPECT_EQ(ReattachOne(1), AttemptLiveness::kRunning);
  EXPECT_TRUE(executor().Ended().empty());
  server_.Release();
  EXPECT_EQ(Await(1).outcome, AttemptOutcome::kSucceeded);
  EXPECT_EQ(server_.asked(), 1u);
}

TEST_F(WorkerRecovery, AnEndThatNobodySawIsReportedOnceByTheNextDaemon) {
  StartAndHold(1);
  const std::vector<pid_t> workers = Workers();
  executor_.reset();
  server_.Release();
  ASSERT_TRUE(Eventually([&] { return Workers().empty(); }));  // it has nothing left to do
  Open();
  EXPECT_EQ(ReattachOne(1), AttemptLiveness::kEnded);
  EXPECT_EQ(Await(1).outcome, AttemptOutcome::kSucceeded);
  executor().Forget({AttemptId{1}});
  EXPECT_EQ(CountFiles("j-1."), 0u);
  EXPECT_EQ(CountFiles("w-1."), 0u);
}

TEST_F(WorkerRecovery, AReattachedRequestCanBeStopped) {
  StartAndHold(1);
  Open();
  EXPECT_EQ(ReattachOne(1), AttemptLiveness::kRunning);
  executor().Stop(AttemptId{1});
  EXPECT_EQ(Await(1).outcome, AttemptOutcome::kStopped);
}

TEST_F(WorkerRecovery, WhatTheStoreDoesNotHoldOpenIsStopped) {
  StartAndHold(1);
  Open();
  executor().Reattach({});
  EXPECT_TRUE(Eventually([&] {
    executor().Ended();
    return server_.given_up() == 1;
  }));
}

TEST_F(WorkerRecovery, AKilledWorkerLosesWhatItHadBegunAndNothingElse) {
  StartAndHold(1);
  KillWorkers();
  const AttemptEnd lost = Await(1);
  EXPECT_EQ(lost.outcome, AttemptOutcome::kLost);
  EXPECT_THAT(lost.message, HasSubstr("killed"));
  EXPECT_EQ(Run(Get(2, "/")).outcome, AttemptOutcome::kSucceeded);
}

TEST_F(WorkerRecovery, WhatAKilledWorkerHadNotBegunIsBegunByTheNext) {
  Run(Get(100, "/"));
  for (const pid_t pid : Workers()) kill(pid, SIGSTOP);
  for (std::int64_t id = 1; id <= 20; ++id) Start(Get(id, "/n" + std::to_string(id)));
  KillWorkers();
  for (std::int64_t id = 1; id <= 20; ++id) EXPECT_EQ(Await(id).outcome, AttemptOutcome::kSucceeded) << id;
  EXPECT_EQ(server_.asked(), 21u);
}

TEST_F(WorkerRecovery, AWorkerThatDiedWhileNobodyLookedIsFoundLost) {
  StartAndHold(1);
  const std::vector<pid_t> workers = Workers();
  executor_.reset();
  for (const pid_t pid : workers) kill(pid, SIGKILL);
  ASSERT_TRUE(Eventually([&] { return Workers().empty(); }));
  Open();
  EXPECT_EQ(ReattachOne(1), AttemptLiveness::kLost);
  EXPECT_TRUE(executor().Ended().empty());
}

TEST_F(WorkerRecovery, AWorkerOfAnEarlierDaemonThatDiesLater) {
  StartAndHold(1);
  const std::vector<pid_t> workers = Workers();
  Open();
  EXPECT_EQ(ReattachOne(1), AttemptLiveness::kRunning);
  for (const pid_t pid : workers) kill(pid, SIGKILL);
  EXPECT_EQ(Await(1).outcome, AttemptOutcome::kLost);
}

TEST_F(WorkerRecovery, WhatNobodyKnowsWasNotStarted) {
  executor();
  EXPECT_EQ(ReattachOne(1), AttemptLiveness::kNotStarted);
  EXPECT_EQ(executor().Reattach({OpenAttempt{AttemptId{1}, options_.instance, "another boot"}}).at(0).liveness,
            AttemptLiveness::kLost);
  EXPECT_EQ(executor().Reattach({OpenAttempt{AttemptId{1}, "another instance", options_.boot_id}}).at(0).liveness,
            AttemptLiveness::kForeign);
}

TEST_F(WorkerRecovery, AnotherBootLosesWhatHadNotEnded) {
  StartAndHold(1);
  EXPECT_EQ(Run(Get(2, "/")).outcome, AttemptOutcome::kSucceeded);
  const std::vector<pid_t> workers = Workers();
  executor_.reset();
  for (const pid_t pid : workers) kill(pid, SIGKILL);
  options_.boot_id = "the next boot";
  Open();
  const auto statuses = executor().Reattach({OpenAttempt{AttemptId{1}, options_.instance, "this boot"},
                                             OpenAttempt{AttemptId{2}, options_.instance, "this boot"}});
  EXPECT_EQ(statuses.at(0).liveness, AttemptLiveness::kLost);
  EXPECT_EQ(statuses.at(1).liveness, AttemptLiveness::kEnded);
}

TEST_F(WorkerRecovery, TwoStartsOfOneAttemptAreOneRequest) {
  executor().Start({});
  Start(Get(1, "/"));
  Start(Get(1, "/"));
  EXPECT_EQ(Await(1).outcome, AttemptOutcome::kSucceeded);
  Start(Get(1, "/"));
  EXPECT_EQ(Run(Get(2, "/")).outcome, AttemptOutcome::kSucceeded);
  EXPECT_EQ(server_.asked(), 2u);
}

TEST_F(WorkerRecovery, OnceTheFenceIsRaisedAnOlderWorkerBeginsNothing) {
  executor();
  const auto newer = OpenAnother();
  const AttemptEnd end = Run(Get(1, "/"));
  EXPECT_EQ(end.outcome, AttemptOutcome::kLaunchFailed);
  EXPECT_THAT(end.message, HasSubstr("another daemon"));
  EXPECT_EQ(server_.asked(), 0u);
}

TEST_F(WorkerRecovery, AnOlderEpochIsRefused) {
  AttemptStart newer = Get(1, "/"), older = Get(2, "/");
  newer.epoch = 5;
  older.epoch = 4;
  EXPECT_EQ(Run(std::move(newer)).outcome, AttemptOutcome::kSucceeded);
  EXPECT_EQ(Run(std::move(older)).outcome, AttemptOutcome::kLaunchFailed);
}

TEST_F(WorkerRecovery, AWorkerThatIsStoppedAtTheFenceIsKilled) {
  executor();
  executor_.reset();
  ASSERT_TRUE(Eventually([&] { return Workers().empty(); }));
  const int folder = open((folder_ + "/worker").c_str(), O_RDONLY | O_DIRECTORY);
  const pid_t stopped = fork();
  if (stopped == 0) {
    auto fence = worker::Fence::Open(folder);
    const int lock = openat(folder, "w-stopped", O_RDWR | O_CREAT, 0600);
    worker::TryLock(lock, F_WRLCK);
    dprintf(lock, "%d\n", getpid());
    fence->TryEnter(1);
    raise(SIGSTOP);
    _exit(1);
  }
  int status = 0;
  waitpid(stopped, &status, WUNTRACED);
  options_.fence_patience = Millis(20);
  Open();
  waitpid(stopped, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(Run(Get(1, "/")).outcome, AttemptOutcome::kSucceeded);
  close(folder);
}

TEST_F(WorkerRecovery, JournalsGoWhenTheyAreNotNeeded) {
  options_.journal_rotate_bytes = 1000;
  for (std::int64_t id = 1; id <= 50; ++id) {
    Run(Get(id, "/"));
    executor().Forget({AttemptId{id}});
  }
  EXPECT_LE(CountFiles("j-"), 2u);
}

TEST_F(WorkerRecovery, ADaemonKilledAtAnyInstantLosesNoEnd) {
  for (int round = 0; round < 20; ++round) {
    std::vector<AttemptId> ids;
    std::vector<AttemptStart> starts;
    for (std::int64_t id = 1; id <= 20; ++id) {
      ids.push_back(AttemptId{round * 100 + id});
      starts.push_back(Get(ids.back().value, "/r" + std::to_string(ids.back().value)));
    }
    const std::vector<AttemptStart> again = starts;
    executor().Start(std::move(starts));
    poll(nullptr, 0, round % 5);
    Open();
    std::vector<OpenAttempt> open;
    for (const AttemptId id : ids) open.push_back(OpenAttempt{id, options_.instance, options_.boot_id});
    std::map<std::int64_t, AttemptLiveness> found;
    for (const AttemptStatus& status : executor().Reattach(open)) found[status.attempt.value] = status.liveness;
    for (const AttemptStart& start : again) {
      EXPECT_NE(found[start.attempt.value], AttemptLiveness::kLost);
      if (found[start.attempt.value] == AttemptLiveness::kNotStarted) Start(start);
    }
    for (const AttemptId id : ids) EXPECT_EQ(Await(id.value).outcome, AttemptOutcome::kSucceeded);
    executor().Forget(ids);
  }
  std::map<std::string, int> times;
  for (const std::string& request : server_.Asked()) ++times[request.substr(0, request.find(" HTTP"))];
  EXPECT_EQ(times.size(), 400u);
  for (const auto& [request, count] : times) EXPECT_EQ(count, 1) << request;
}

// The disk is full in the middle of the start lines of 2 to 4: a limit on the size of files stands for it, and the
// worker sleeps while they are sent, so that it takes all of them in one turn.
class TornStart : public WorkerRecovery {
 protected:
  void StartOnAFullDisk() {
    StartAndHold(1);  // its journal message waits unread: the lines are read before the refusals
    worker_ = Workers().at(0);
    journal_ = JournalPath();
    kill(worker_, SIGSTOP);
    full_ = Size() + worker::StartLine(2, SystemClock().Now()).size() + 20;
    Limit(full_);
    std::vector<AttemptStart> starts;
    for (std::int64_t id = 2; id <= 4; ++id) starts.push_back(Get(id, "/never"));
    executor().Start(std::move(starts));
    kill(worker_, SIGCONT);
    ASSERT_TRUE(Eventually([&] { return Size() == full_; }));
  }
  void Limit(std::size_t bytes) const {
    const rlimit limit{bytes, RLIM_INFINITY};
    ASSERT_EQ(prlimit(worker_, RLIMIT_FSIZE, &limit, nullptr), 0);
  }
  std::string JournalPath() const {
    for (const auto& entry : std::filesystem::directory_iterator(folder_ + "/worker")) {
      if (entry.path().filename().string().starts_with("j-")) return entry.path();
    }
    return "";
  }
  std::size_t Size() const { return std::filesystem::file_size(journal_); }

  pid_t worker_ = 0;
  std::string journal_;
  std::size_t full_ = 0;
};

TEST_F(TornStart, IsRefusedAlsoWhereItsLineIsThere) {
  StartOnAFullDisk();
  for (std::int64_t id = 2; id <= 4; ++id) {
    const AttemptEnd end = Await(id);
    EXPECT_EQ(end.outcome, AttemptOutcome::kLaunchFailed) << id;
    EXPECT_THAT(end.message, HasSubstr("is the disk full?")) << id;
  }
  Limit(RLIM_INFINITY);
  server_.Release();
  EXPECT_EQ(Await(1).outcome, AttemptOutcome::kSucceeded);
  EXPECT_EQ(Run(Get(5, "/")).outcome, AttemptOutcome::kSucceeded);
  executor().Forget({AttemptId{1}, AttemptId{2}, AttemptId{3}, AttemptId{4}, AttemptId{5}});
  for (std::int64_t id = 1; id <= 5; ++id) EXPECT_FALSE(executor().Knows(AttemptId{id})) << id;
  EXPECT_EQ(server_.asked(), 2u);
}

TEST_F(TornStart, HasItsEndInTheJournalForTheNextDaemon) {
  StartOnAFullDisk();
  Limit(RLIM_INFINITY);
  const std::string refused = "\"outcome\":\"launch_failed\"";
  ASSERT_TRUE(Eventually([&] { return Slurp(journal_).find(refused) != std::string::npos; }));
  Open();
  const auto open = [&](std::int64_t id) { return OpenAttempt{AttemptId{id}, options_.instance, options_.boot_id}; };
  const auto statuses = executor().Reattach({open(1), open(2), open(3)});
  EXPECT_EQ(statuses.at(0).liveness, AttemptLiveness::kRunning);
  EXPECT_EQ(statuses.at(1).liveness, AttemptLiveness::kEnded);
  EXPECT_EQ(statuses.at(2).liveness, AttemptLiveness::kNotStarted);  // nothing of it was written
  EXPECT_EQ(Await(2).outcome, AttemptOutcome::kLaunchFailed);
}

TEST_F(WorkerRecovery, WhatNoWorkerHasBegunIsStoppedAtOnce) {
  options_.worker_path = "/bin/false";
  Start(Get(1, "/"));
  executor().Stop(AttemptId{1});
  const AttemptEnd end = Await(1);
  EXPECT_EQ(end.outcome, AttemptOutcome::kStopped);
  EXPECT_THAT(end.message, ::testing::HasSubstr("before it began"));
  Start(Get(2, "/"));
  executor().Stop(AttemptId{2});
  EXPECT_EQ(Await(2).outcome, AttemptOutcome::kStopped);
  EXPECT_EQ(server_.asked(), 0u);
}

}  // namespace
}  // namespace pipelined
