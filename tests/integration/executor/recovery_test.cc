// What survives the death of the daemon, of the launcher, of a supervisor; and what a folder may say.
#include <fcntl.h>

#include <random>
#include <set>

#include "executor/record.h"
#include "integration/executor/executor_fixture.h"

namespace pipelined {
namespace {

using executor::ExitBody;
using executor::ExitReason;
using executor::MakeRecord;
using executor::ProcessName;
using executor::Record;
using executor::RecordType;
using executor::SpawnedBody;
using executor::StartBody;

pid_t ParentOf(pid_t pid) {
  const std::string stat = Slurp("/proc/" + std::to_string(pid) + "/stat");
  return stat.empty() ? 0 : std::stoi(stat.substr(stat.rfind(')') + 4));
}

class Recovery : public ExecutorTest {
 protected:
  // Runs `body` in a process of its own, which plays a daemon; kill it with KillDaemon().
  template <class Body>
  void ForkDaemon(Body body) {
    executor_.reset();
    daemon_ = fork();
    if (daemon_ != 0) return;
    body();
    for (;;) pause();
  }
  void KillDaemon() {
    kill(daemon_, SIGKILL);
    waitpid(daemon_, nullptr, 0);
  }
  // Starts `script` under a daemon that is then killed; returns once the script has made $HERE/running.
  void StartAndKillDaemon(const std::string& script) {
    ForkDaemon([&] { Start(Shell(1, "echo $PPID > $HERE/pid; mv $HERE/pid $HERE/running; " + script)); });
    ASSERT_TRUE(Eventually([&] { return std::filesystem::exists(Path("running")); }));
    KillDaemon();
  }
  pid_t SupervisorPid() const { return std::stoi(Slurp(Path("running"))); }

  void AppendRecords(const std::vector<Record>& records) {
    std::ofstream journal(options_.attempts_dir + "/journal-1", std::ios::app | std::ios::binary);
    for (const Record& record : records) journal.write(reinterpret_cast<const char*>(&record), sizeof record);
  }
  static Record StartRecord(std::int64_t id, std::uint8_t boot) {
    StartBody start{};
    start.supervisor = ProcessName{1, 1, 0};
    std::fill(std::begin(start.boot_id), std::end(start.boot_id), boot);
    return MakeRecord(RecordType::kStart, id, start);
  }

  pid_t daemon_ = 0;
};

TEST_F(Recovery, AttemptsGoOnWithoutTheirDaemonAndAreWatchedByTheNext) {
  StartAndKillDaemon("while [ ! -e $HERE/go ]; do sleep 0.01; done; echo '{\"n\": 1}' > $PIPELINED_OUTPUT");
  EXPECT_EQ(ReattachOne(1), AttemptLiveness::kRunning);
  std::ofstream(Path("go")) << "";
  const AttemptEnd end = Await(1);
  EXPECT_EQ(end.outcome, AttemptOutcome::kSucceeded);
  EXPECT_EQ(end.outputs.Find("n")->integer(), 1);
}

TEST_F(Recovery, AnEndThatNobodySawIsReportedOnceByTheNextDaemon) {
  const std::string mark = "mark-of-" + std::to_string(getpid());
  StartAndKillDaemon("while [ ! -e $HERE/go ]; do sleep 0.01; done; exit 7  # " + mark);
  const pid_t supervisor = SupervisorPid();
  std::ofstream(Path("go")) << "";
  ASSERT_TRUE(Eventually([&] { return !IsRunning(mark); }));
  ASSERT_TRUE(Eventually([&] {
    return ParentOf(supervisor) == 0 || !std::filesystem::exists("/proc/" + std::to_string(supervisor) + "/fd/4");
  }));
  EXPECT_EQ(ReattachOne(1), AttemptLiveness::kEnded);
  EXPECT_EQ(Await(1).exit_code, 7);
  EXPECT_TRUE(executor().Ended().empty());
}

TEST_F(Recovery, AReattachedAttemptCanBeStopped) {
  StartAndKillDaemon("exec sleep 1000");
  EXPECT_EQ(ReattachOne(1), AttemptLiveness::kRunning);
  executor().Stop(AttemptId{1});
  EXPECT_EQ(Await(1).outcome, AttemptOutcome::kStopped);
}

TEST_F(Recovery, WhatTheStoreNoLongerHoldsOpenIsStoppedAndNotReported) {
  StartAndKillDaemon("exec sleep 1000");
  const pid_t supervisor = SupervisorPid();
  EXPECT_TRUE(executor().Reattach({}).empty());
  EXPECT_TRUE(Eventually([&] {
    return executor().Ended().empty() && !std::filesystem::exists("/proc/" + std::to_string(supervisor) + "/fd/4");
  }));
  EXPECT_TRUE(executor().Ended().empty());
}

TEST_F(Recovery, NothingIsLostOrDoubledWhenTheDaemonIsKilledAtAnyMoment) {
  constexpr std::int64_t kAttempts = 400;
  const std::uint32_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const auto read_ids = [](const std::string& path) {
    std::multiset<std::int64_t> ids;
    std::ifstream file(path);
    for (std::int64_t id = 0; file >> id;) ids.insert(id);
    return ids;
  };
  const auto daemon = [&] {
    const std::multiset<std::int64_t> stored = read_ids(Path("stored"));
    const int store = open(Path("stored").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    std::vector<OpenAttempt> open;
    for (std::int64_t id = 1; id <= kAttempts; ++id) {
      if (stored.count(id) == 0) open.push_back(OpenOf(id));
    }
    std::vector<std::int64_t> waiting;
    std::size_t running = 0;
    for (const AttemptStatus& status : executor().Reattach(open)) {
      if (status.liveness == AttemptLiveness::kNotStarted)
        waiting.push_back(status.attempt.value);
      else
        ++running;  // a lost one would keep this process from ever ending
    }
    while (running + waiting.size() > 0) {
      std::vector<AttemptStart> starts;
      for (; running < 16 && !waiting.empty(); ++running, waiting.pop_back()) {
        starts.push_back(Shell(waiting.back(), "echo " + std::to_string(waiting.back()) + " >> $HERE/starts"));
      }
      executor().Start(std::move(starts));
      pollfd wake{executor().PollFd(), POLLIN, 0};
      poll(&wake, 1, 1000);
      for (const AttemptEnd& end : executor().Ended()) {
        const std::string line = std::to_string(end.attempt.value) + "\n";
        if (end.outcome != AttemptOutcome::kSucceeded || write(store, line.data(), line.size()) < 0) abort();
        executor().Forget({end.attempt});
        --running;
      }
    }
    _exit(0);
  };
  int kills = 0;
  for (bool finished = false; !finished; ++kills) {
    ForkDaemon(daemon);
    const timespec span{0, static_cast<long>(random() % 40) * 1'000'000 + 1};
    nanosleep(&span, nullptr);
    int status = 0;
    finished = kills > 300 ? waitpid(daemon_, &status, 0) == daemon_ : waitpid(daemon_, &status, WNOHANG) == daemon_;
    if (!finished)
      KillDaemon();
    else
      ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  }
  EXPECT_GT(kills, 5);
  const std::multiset<std::int64_t> starts = read_ids(Path("starts")), stored = read_ids(Path("stored"));
  for (std::int64_t id = 1; id <= kAttempts; ++id) {
    EXPECT_EQ(starts.count(id), 1u) << "attempt " << id;
    EXPECT_EQ(stored.count(id), 1u) << "attempt " << id;
  }
}

TEST_F(Recovery, AKilledSupervisorMeansLostAndItsCommandDiesToo) {
  const std::string mark = "76543" + std::to_string(getpid());
  Start(Shell(1, "echo $PPID > $HERE/pid; mv $HERE/pid $HERE/running; sleep " + mark + " & sleep " + mark));
  ASSERT_TRUE(Eventually([&] { return std::filesystem::exists(Path("running")) && IsRunning(mark); }));
  kill(SupervisorPid(), SIGKILL);
  const AttemptEnd end = Await(1);
  EXPECT_EQ(end.outcome, AttemptOutcome::kLost);
  EXPECT_TRUE(Eventually([&] { return !IsRunning(mark); }));
}

TEST_F(Recovery, WithCgroupsNothingSurvivesAKilledSupervisor) {
  std::ifstream mounts("/proc/self/mounts");
  std::string device, path, type, line, cgroup;
  while (std::getline(mounts, line)) {
    std::istringstream fields(line);
    if (fields >> device >> path >> type && type == "cgroup2")
      cgroup = path + "/pipelined-test-" + std::to_string(getpid());
  }
  if (cgroup.empty() || mkdir(cgroup.c_str(), 0755) != 0) GTEST_SKIP() << "no writable cgroup v2 here";
  options_.cgroup_dir = cgroup;
  EXPECT_EQ(Run(Shell(2, "grep ^0:: /proc/self/cgroup")).outcome, AttemptOutcome::kSucceeded);
  EXPECT_NE(Log(2).find("/attempt-2\n"), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(cgroup + "/attempt-2")) << "removed at the end";
  const std::string mark = "65432" + std::to_string(getpid());
  Start(Shell(1, "setsid sleep " + mark + " & echo $PPID > $HERE/pid; mv $HERE/pid $HERE/running; wait"));
  ASSERT_TRUE(Eventually([&] { return std::filesystem::exists(Path("running")) && IsRunning("sleep " + mark); }));
  kill(SupervisorPid(), SIGKILL);
  EXPECT_EQ(Await(1).outcome, AttemptOutcome::kLost);
  EXPECT_TRUE(Eventually([&] { return !IsRunning(mark); }));
  EXPECT_TRUE(Eventually([&] { return rmdir((cgroup + "/attempt-1").c_str()) == 0; }));
  rmdir(cgroup.c_str());
}

TEST_F(Recovery, ASupervisorKilledWhileNoDaemonWasThereMeansLost) {
  StartAndKillDaemon("exec sleep 1000");
  kill(SupervisorPid(), SIGKILL);
  ASSERT_TRUE(
      Eventually([&] { return !std::filesystem::exists("/proc/" + std::to_string(SupervisorPid()) + "/fd/4"); }));
  EXPECT_EQ(ReattachOne(1), AttemptLiveness::kLost);
  EXPECT_TRUE(executor().Ended().empty());
}

TEST_F(Recovery, AReattachedSupervisorThatIsKilledIsNoticed) {
  StartAndKillDaemon("exec sleep 1000");
  EXPECT_EQ(ReattachOne(1), AttemptLiveness::kRunning);
  kill(SupervisorPid(), SIGKILL);
  EXPECT_EQ(Await(1).outcome, AttemptOutcome::kLost);
}

TEST_F(Recovery, AKilledLauncherIsReplacedAndItsAttemptsGoOn) {
  Start(Shell(1, "echo $PPID > $HERE/pid; mv $HERE/pid $HERE/running; while [ ! -e $HERE/go ]; do sleep 0.01; done"));
  ASSERT_TRUE(Eventually([&] { return std::filesystem::exists(Path("running")); }));
  const pid_t launcher = ParentOf(SupervisorPid());
  ASSERT_EQ(ParentOf(launcher), getpid());
  kill(launcher, SIGKILL);
  EXPECT_EQ(Run(Shell(2, "exit 2")).exit_code, 2);
  std::ofstream(Path("go")) << "";
  EXPECT_EQ(Await(1).outcome, AttemptOutcome::kSucceeded);
  Start(Shell(3, "exec sleep 1000"));
  executor().Stop(AttemptId{3});
  EXPECT_EQ(Await(3).outcome, AttemptOutcome::kStopped);
}

TEST_F(Recovery, StartingTheSameAttemptAgainIsHarmless) {
  const auto start = [this] { return Shell(1, "echo x >> $HERE/starts"); };
  executor().Start({start(), start()});
  Await(1);
  executor().Start({start()});
  Open();  // a new daemon, which is asked to start it although it has ended
  ends_.clear();
  EXPECT_EQ(Run(start()).outcome, AttemptOutcome::kSucceeded);
  executor().Forget({AttemptId{1}});
  executor().Start({start()});
  EXPECT_EQ(Run(Shell(2, "true")).outcome, AttemptOutcome::kSucceeded);
  EXPECT_EQ(Slurp(Path("starts")), "x\n");
}

TEST_F(Recovery, AnOlderEpochIsRefusedAlsoAfterARestart) {
  AttemptStart start = Shell(1, "true");
  start.epoch = 5;
  EXPECT_EQ(Run(start).outcome, AttemptOutcome::kSucceeded);
  Open();
  AttemptStart stale = Shell(2, "touch $HERE/stale");
  stale.epoch = 4;
  const AttemptEnd end = Run(stale);
  EXPECT_EQ(end.outcome, AttemptOutcome::kLaunchFailed);
  EXPECT_EQ(end.message, "refused: a leader of epoch 5 has used this executor since");
  EXPECT_FALSE(std::filesystem::exists(Path("stale")));
}

TEST_F(Recovery, AFolderInUseIsRefusedNamingTheProcess) {
  Open();
  const auto second = LocalExecutor::Open(options_);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code, ErrorCode::kConflict);
  EXPECT_NE(second.error().message.find("process " + std::to_string(getpid())), std::string::npos);
}

TEST_F(Recovery, AnAttemptWithoutARecordIsNotStartedOnThisBootAndLostOnAnother) {
  EXPECT_EQ(ReattachOne(1), AttemptLiveness::kNotStarted);
  OpenAttempt other_boot = OpenOf(1);
  other_boot.boot_id = "00000000-0000-0000-0000-000000000000";
  EXPECT_EQ(executor().Reattach({other_boot}).at(0).liveness, AttemptLiveness::kLost);
  OpenAttempt foreign = OpenOf(1);
  foreign.instance = "00000000-0000-0000-0000-000000000000";
  EXPECT_EQ(executor().Reattach({foreign}).at(0).liveness, AttemptLiveness::kForeign);
}

TEST_F(Recovery, AStartOfAnotherBootIsLostUnlessItsEndWasRecorded) {
  Open();
  executor_.reset();
  ExitBody exit{};
  exit.reason = ExitReason::kEnded;
  exit.wait_status = 3 << 8;
  AppendRecords({StartRecord(1, 0xab), StartRecord(2, 0xab), MakeRecord(RecordType::kExit, 2, exit)});
  Open();
  const auto statuses = executor().Reattach({OpenOf(1), OpenOf(2)});
  EXPECT_EQ(statuses.at(0).liveness, AttemptLiveness::kLost);
  EXPECT_EQ(statuses.at(1).liveness, AttemptLiveness::kEnded);
  EXPECT_EQ(Await(2).exit_code, 3);
}

TEST_F(Recovery, ATornTailOfTheJournalIsSteppedOver) {
  EXPECT_EQ(RunShell("exit 1").exit_code, 1);
  executor_.reset();
  std::ofstream(options_.attempts_dir + "/journal-1", std::ios::app) << std::string(77, 'x');
  Open();
  EXPECT_EQ(RunShell("exit 2").exit_code, 2);
  Open();
  const auto statuses = executor().Reattach({OpenOf(1), OpenOf(2)});
  EXPECT_EQ(statuses.at(0).liveness, AttemptLiveness::kEnded);
  EXPECT_EQ(statuses.at(1).liveness, AttemptLiveness::kEnded);
}

TEST_F(Recovery, TheJournalOfAnotherDatabaseIsSetAside) {
  EXPECT_EQ(RunShell("exit 1").exit_code, 1);
  Start(Shell(2, "exec sleep 3"));
  const std::string instance = executor().instance();
  options_.installation_id = "99999999-2222-4333-8444-555555555555";
  Open();
  ends_.clear();
  EXPECT_NE(executor().instance(), instance);
  EXPECT_TRUE(std::filesystem::exists(options_.attempts_dir + "/set-aside-1/journal-1"));
  EXPECT_EQ(ReattachOne(1), AttemptLiveness::kNotStarted);
  EXPECT_EQ(Run(Shell(1, "exit 5")).exit_code, 5);
  EXPECT_EQ(Run(Shell(2, "exit 6")).exit_code, 6) << "the old attempt 2 still runs and must not stand in its way";
}

TEST_F(Recovery, AFullJournalIsFollowedByTheNextAndRemovedWhenAllInItIsForgotten) {
  options_.journal_rotate_bytes = 4096;
  Start(Shell(1000, "while [ ! -e $HERE/go ]; do sleep 0.01; done"));
  for (int id = 1; id <= 100; ++id) {
    EXPECT_EQ(Run(Shell(id, "true")).outcome, AttemptOutcome::kSucceeded);
    executor().Forget({AttemptId{id}});
  }
  EXPECT_TRUE(std::filesystem::exists(options_.attempts_dir + "/journal-1")) << "attempt 1000 is in it";
  const auto journals = [this] {
    int count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(options_.attempts_dir)) {
      count += entry.path().filename().string().rfind("journal-", 0) == 0 ? 1 : 0;
    }
    return count;
  };
  EXPECT_LE(journals(), 3);
  Open();  // everything is found again across several journals
  EXPECT_EQ(ReattachOne(1000), AttemptLiveness::kRunning);
  std::ofstream(Path("go")) << "";
  EXPECT_EQ(Await(1000).outcome, AttemptOutcome::kSucceeded);
  executor().Forget({AttemptId{1000}});
  EXPECT_FALSE(std::filesystem::exists(options_.attempts_dir + "/journal-1"));
  EXPECT_EQ(journals(), 1);
}

TEST_F(Recovery, AThousandQuickAttemptsLeaveNoZombieAndNoDescriptor) {
  EXPECT_EQ(Run(Attempt(5000, {"/bin/true"})).outcome, AttemptOutcome::kSucceeded);
  const auto descriptors = [] {
    const std::filesystem::directory_iterator all("/proc/self/fd");
    return std::distance(begin(all), end(all));
  };
  const auto before = descriptors();
  std::vector<AttemptStart> starts;
  for (int id = 1; id <= 1000; ++id) starts.push_back(Attempt(id, {"/bin/true"}));
  executor().Start(std::move(starts));
  for (int id = 1; id <= 1000; ++id) EXPECT_EQ(Await(id).outcome, AttemptOutcome::kSucceeded);
  EXPECT_EQ(descriptors(), before);
  pid_t launcher = 0;
  const auto children_of = [](pid_t parent, pid_t* last) {
    int count = 0;
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
      const int pid = atoi(entry.path().filename().c_str());
      if (pid <= 0 || ParentOf(pid) != parent) continue;
      ++count;
      *last = pid;
    }
    return count;
  };
  EXPECT_EQ(children_of(getpid(), &launcher), 1);
  pid_t any = 0;
  EXPECT_TRUE(Eventually([&] { return children_of(launcher, &any) == 0; }));
}

TEST_F(Recovery, TheLauncherLeavesWithItsDaemonAndWithoutOneIsNotStarted) {
  ForkDaemon([&] {
    Open();
    std::ofstream(Path("open")) << "";
  });
  ASSERT_TRUE(Eventually([&] { return std::filesystem::exists(Path("open")); }));
  KillDaemon();
  Open();
  options_.attempts_dir = Path("other");
  options_.launcher_path = "/no/such/launcher";
  const auto opened = LocalExecutor::Open(options_);
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().message, "cannot start the launcher /no/such/launcher: No such file or directory");
}

}  // namespace
}  // namespace pipelined
