// What a command may do, and how its end is told.
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include "integration/executor/executor_fixture.h"

namespace pipelined {
namespace {

using Commands = ExecutorTest;

TEST_F(Commands, ThatDoesNotExistIsALaunchFailureThatNamesIt) {
  const AttemptEnd end = Run(Attempt(1, {"no-such-command"}));
  EXPECT_EQ(end.outcome, AttemptOutcome::kLaunchFailed);
  EXPECT_EQ(end.message, "no such command: no-such-command (looked for in the PATH of the task's environment)");
  EXPECT_EQ(Run(Attempt(2, {"/no/such"})).message,
            "no such command: /no/such (or the interpreter that its first line names)");
}

TEST_F(Commands, ThatIsNotExecutableIsALaunchFailure) {
  std::ofstream(Path("plain")) << "text";
  const AttemptEnd end = Run(Attempt(1, {Path("plain")}));
  EXPECT_EQ(end.outcome, AttemptOutcome::kLaunchFailed);
  EXPECT_EQ(end.message, "cannot run " + Path("plain") + ": not executable, or no permission");
}

TEST_F(Commands, WithoutItsFolderAreALaunchFailure) {
  AttemptStart start = Shell(1, "true");
  start.working_dir = "/no/such/folder";
  const AttemptEnd end = Run(start);
  EXPECT_EQ(end.outcome, AttemptOutcome::kLaunchFailed);
  EXPECT_EQ(end.message, "cannot use working_dir /no/such/folder: No such file or directory");
}

TEST_F(Commands, OfAnUnknownUserAreALaunchFailure) {
  AttemptStart start = Shell(1, "true");
  start.run_as_user = "no-such-user";
  const AttemptEnd end = Run(start);
  EXPECT_EQ(end.outcome, AttemptOutcome::kLaunchFailed);
  EXPECT_EQ(end.message, "run_as_user: no such user: no-such-user");
}

TEST_F(Commands, HaveNoSecretsInTheirLogs) {
  AttemptStart start = Shell(1, "printf 'a s3c'; sleep 0.1; printf 'ret b\\n'; echo another s3cret and s3");
  start.secrets = {"another s3cret", "s3cret"};
  EXPECT_EQ(Run(start).outcome, AttemptOutcome::kSucceeded);
  EXPECT_EQ(Log(1), "a *** b\n*** and s3\n");
}

TEST_F(Commands, EveryExitCodeIsTold) {
  std::vector<AttemptStart> starts;
  for (int code = 0; code <= 255; ++code) starts.push_back(Shell(code + 1, "exit " + std::to_string(code)));
  executor().Start(std::move(starts));
  for (int code = 0; code <= 255; ++code) {
    const AttemptEnd end = Await(code + 1);
    EXPECT_EQ(end.exit_code, code);
    EXPECT_EQ(end.signal, 0);
    EXPECT_EQ(end.outcome, code == 0 ? AttemptOutcome::kSucceeded : AttemptOutcome::kFailed);
    EXPECT_EQ(end.message, code == 0 ? "" : "exit code " + std::to_string(code));
  }
}

TEST_F(Commands, DyingOfASignalIsToldWithItsName) {
  for (int signal = 1; signal <= 64; ++signal) {
    if (signal == SIGCHLD || signal == SIGCONT || signal == SIGURG || signal == SIGWINCH) continue;  // do not kill
    if (signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU) continue;  // stop
    if (signal == 32 || signal == 33) continue;                                                      // glibc's own
    const AttemptEnd end = RunShell("ulimit -c 0; kill -" + std::to_string(signal) + " $$");
    EXPECT_EQ(end.outcome, AttemptOutcome::kFailed) << signal;
    EXPECT_EQ(end.signal, signal);
  }
  EXPECT_EQ(RunShell("kill -9 $$").message, "killed by SIGKILL");
}

TEST_F(Commands, TellTheirTimesAndUsage) {
  const Instant before = SystemClock().Now();
  const AttemptEnd end = RunShell("i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done");
  EXPECT_GE(end.start, before);
  EXPECT_LE(end.end, SystemClock().Now() + Seconds(1));
  EXPECT_GT(end.duration, Micros(0));
  EXPECT_GT(end.cpu_user + end.cpu_system, Micros(0));
  EXPECT_GT(end.max_rss_kib, 100);
  EXPECT_GT(end.pid, 1);
}

TEST_F(Commands, PastTheirTimeoutGetTermAndAreToldAsTimedOut) {
  AttemptStart start = Attempt(1, {"sleep", "1000"});
  start.timeout = Millis(50);
  const AttemptEnd end = Run(start);
  EXPECT_EQ(end.outcome, AttemptOutcome::kTimedOut);
  EXPECT_EQ(end.signal, SIGTERM);
  EXPECT_EQ(end.message, "execution_timeout passed: ended by SIGTERM");
}

TEST_F(Commands, ThatIgnoreTermAreKilledAfterTheirGrace) {
  AttemptStart start = Shell(1, "trap '' TERM; while :; do sleep 1000; done");
  start.timeout = Millis(50);
  const AttemptEnd end = Run(start);
  EXPECT_EQ(end.outcome, AttemptOutcome::kTimedOut);
  EXPECT_EQ(end.signal, SIGKILL);
  EXPECT_EQ(end.message, "execution_timeout passed: ignored SIGTERM, killed after its grace");
  EXPECT_GE(end.duration, Millis(250));
}

TEST_F(Commands, AreStoppedOnRequestAlsoRightAfterTheirStart) {
  Start(Attempt(1, {"sleep", "1000"}));
  executor().Stop(AttemptId{1});
  EXPECT_EQ(Await(1).outcome, AttemptOutcome::kStopped);
  Start(Shell(2, "trap 'echo cleaning; exit 0' TERM; touch $HERE/ready; while :; do sleep 0.01; done"));
  ASSERT_TRUE(Eventually([&] { return std::filesystem::exists(Path("ready")); }));
  executor().Stop(AttemptId{2});
  const AttemptEnd end = Await(2);
  EXPECT_EQ(end.outcome, AttemptOutcome::kStopped);
  EXPECT_EQ(end.exit_code, 0);
  EXPECT_NE(Log(2).find("cleaning\n"), std::string::npos);
  executor().Stop(AttemptId{2});   // has ended: ignored
  executor().Stop(AttemptId{99});  // unknown: ignored
}

TEST_F(Commands, ThatForkAndLeaveLeaveNobodyBehind) {
  const std::string mark = "87654" + std::to_string(getpid());
  const AttemptEnd end = RunShell("setsid sh -c \"trap '' TERM HUP; setsid sleep " + mark + " & setsid sleep " + mark +
                                  " & sleep " + mark + "\" & while [ ! -e /proc/$! ]; do :; done; sleep 0.2; exit 0");
  EXPECT_EQ(end.outcome, AttemptOutcome::kSucceeded);
  EXPECT_FALSE(IsRunning(mark));
}

TEST_F(Commands, OutputOfStdoutAndStderrIsLoggedAndNoLogIsMadeWithoutAny) {
  RunShell("echo out; echo err >&2");
  EXPECT_EQ(Log(1), "out\nerr\n");
  RunShell("true");
  EXPECT_FALSE(std::filesystem::exists(LogPath(2)));
}

TEST_F(Commands, PrintingAGigabyteKeepHeadAndTailOfIt) {
  options_.log_cap_bytes = 1 << 20;
  const AttemptEnd end = RunShell("echo first; head -c 1073741824 /dev/zero; echo last");
  EXPECT_EQ(end.outcome, AttemptOutcome::kSucceeded);
  const std::string log = Log(1);
  EXPECT_LE(log.size(), (1u << 20) + 200);
  EXPECT_EQ(log.substr(0, 6), "first\n");
  EXPECT_EQ(log.substr(log.size() - 5), "last\n");
  EXPECT_NE(log.find("[pipelined: log cap reached; 1072693259 bytes left out here]"), std::string::npos);
}

TEST_F(Commands, SurviveAFullLogDisk) {
  const std::string disk = Path("disk");
  mkdir(disk.c_str(), 0755);
  if (mount("tmpfs", disk.c_str(), "tmpfs", 0, "size=64k") != 0) GTEST_SKIP() << "this user may not mount a tmpfs";
  AttemptStart start = Shell(1, "head -c 1000000 /dev/zero; echo end");
  start.log_path = disk + "/a/b.log";
  const AttemptEnd end = Run(start);
  EXPECT_EQ(end.outcome, AttemptOutcome::kSucceeded);
  EXPECT_GT(std::filesystem::file_size(start.log_path), 0u);

  // Far more than a pipe holds: when it is written, most of it was read and refused.
  AttemptStart later =
      Shell(2, "head -c 1000000 /dev/zero; touch $HERE/full; while [ ! -e $HERE/go ]; do sleep 0.01; done; echo again");
  later.log_path = disk + "/a/c.log";
  Start(later);
  ASSERT_TRUE(Eventually([&] { return std::filesystem::exists(Path("full")); }));
  std::filesystem::remove(start.log_path);
  std::ofstream(Path("go")) << "";
  EXPECT_EQ(Await(2).outcome, AttemptOutcome::kSucceeded);
  EXPECT_NE(Slurp(later.log_path).find("[pipelined: the disk refused "), std::string::npos);
  EXPECT_NE(Slurp(later.log_path).find("again\n"), std::string::npos);
  umount2(disk.c_str(), MNT_DETACH);
}

TEST_F(Commands, GiveOutputsBackThroughTheirFile) {
  const AttemptEnd end = RunShell("echo '{\"rows\": 42}' > $PIPELINED_OUTPUT");
  EXPECT_EQ(end.outcome, AttemptOutcome::kSucceeded);
  ASSERT_NE(end.outputs.Find("rows"), nullptr);
  EXPECT_EQ(end.outputs.Find("rows")->integer(), 42);
  const std::string file = options_.attempts_dir + "/out/1.json";
  EXPECT_TRUE(std::filesystem::exists(file));
  executor().Forget({AttemptId{1}});
  EXPECT_FALSE(std::filesystem::exists(file));
  EXPECT_TRUE(RunShell("true").outputs.is_null());
}

TEST_F(Commands, WithUnusableOutputsAreToldSo) {
  const auto bad = [this](const std::string& script) {
    const AttemptEnd end = RunShell(script);
    EXPECT_EQ(end.outcome, AttemptOutcome::kBadOutput) << script;
    return end.message;
  };
  EXPECT_EQ(bad("echo '[1]' > $PIPELINED_OUTPUT"), "$PIPELINED_OUTPUT must hold a JSON object, as {\"rows\": 42}");
  EXPECT_EQ(bad("echo '{\"rows\": ' > $PIPELINED_OUTPUT").substr(0, 35), "$PIPELINED_OUTPUT is not valid JSON");
  EXPECT_EQ(bad("head -c 1048577 /dev/zero > $PIPELINED_OUTPUT"),
            "$PIPELINED_OUTPUT holds 1048577 bytes; 1048576 are allowed");
  EXPECT_EQ(bad("mkfifo $PIPELINED_OUTPUT"), "$PIPELINED_OUTPUT is not a regular file");
  EXPECT_EQ(bad("ln -s /etc/passwd $PIPELINED_OUTPUT").substr(0, 33), "$PIPELINED_OUTPUT cannot be read:");
  EXPECT_EQ(RunShell("echo nonsense > $PIPELINED_OUTPUT; exit 3").outcome, AttemptOutcome::kFailed);
}

TEST_F(Commands, SeeThreeDescriptorsAndATightUmask) {
  const int leaky = open("/dev/null", O_RDONLY);  // without O_CLOEXEC
  RunShell("ls -l /proc/$$/fd | grep -o '[0-9]* -> .*' | grep -v pipe; umask; grep NoNewPrivs /proc/$$/status");
  close(leaky);
  EXPECT_EQ(Log(1), "0 -> /dev/null\n0077\nNoNewPrivs:\t1\n");
}

TEST_F(Commands, HaveDefaultSignalsAGroupOfTheirOwnAndNoTerminal) {
  Run(Attempt(1, {"grep", "-E", "Sig(Blk|Ign)", "/proc/self/status"}));
  EXPECT_EQ(Log(1), "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
  const AttemptEnd end = Run(Attempt(2, {"cut", "-d ", "-f5,7", "/proc/self/stat"}));
  EXPECT_EQ(Log(2), std::to_string(end.pid) + " 0\n");
}

TEST_F(Commands, GetTheirWholeEnvironmentAndNothingElse) {
  Run(Attempt(1, {"env"}));
  EXPECT_EQ(Log(1), "PATH=/usr/local/bin:/usr/bin:/bin\nHERE=" + folder_ +
                        "\nPIPELINED_OUTPUT=" + options_.attempts_dir + "/out/1.json\n");
  const std::string large(100'000, 'x');
  AttemptStart start = Shell(2, "echo ${#LARGE} ${#LARGE2} ${#1}");
  start.argv.push_back("sh");
  start.argv.push_back(large);
  start.env.emplace_back("LARGE", large);
  start.env.emplace_back("LARGE2", large);
  Run(start);
  EXPECT_EQ(Log(2), "100000 100000 100000\n");
  start = Shell(3, "true");
  start.env.emplace_back("HUGE", std::string(4 << 20, 'x'));
  EXPECT_EQ(Run(start).message, "cannot run /bin/sh: arguments and environment are too large");
  start = Shell(4, std::string("true\0false", 10));
  EXPECT_EQ(Run(start).message, "the command, its folder or its environment contains a NUL byte");
}

TEST_F(Commands, RunAsAnotherUserAndMayStillWriteTheirOutputs) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can switch users";
  AttemptStart start =
      Shell(1, "id -un; id -Gn; echo '{\"ok\": true}' > $PIPELINED_OUTPUT; touch $HERE/attempts/out/2.json");
  start.run_as_user = "nobody";
  const AttemptEnd end = Run(start);
  EXPECT_EQ(end.outcome, AttemptOutcome::kFailed) << "it may write to no other attempt's file";
  EXPECT_EQ(Log(1).substr(0, 15), "nobody\nnogroup\n");
  start = Shell(2, "echo '{\"ok\": true}' > $PIPELINED_OUTPUT");
  start.run_as_user = "nobody";
  EXPECT_NE(Run(start).outputs.Find("ok"), nullptr);
  start = Shell(3, "true");
  start.run_as_user = "nobody";
  const AttemptEnd silent = Run(start);
  EXPECT_EQ(silent.outcome, AttemptOutcome::kSucceeded);
  EXPECT_TRUE(silent.outputs.is_null());
}

TEST_F(Commands, HaveNothingOnStdinUnlessItIsGiven) {
  RunShell("cat; echo end");
  EXPECT_EQ(Log(1), "end\n");
  AttemptStart start = Shell(2, "cat; echo end");
  start.input = "";
  Run(start);
  EXPECT_EQ(Log(2), "end\n");
}

TEST_F(Commands, ReadEachByteOfTheirStdin) {
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes.push_back(static_cast<char>(i));
  for (const std::string& input : {bytes, std::string("a\0b", 3), std::string(1, '\0')}) {
    AttemptStart start = Shell(next_id_++, "cat > $HERE/copy; readlink /proc/self/fd/0 > $HERE/kind");
    start.input = input;
    EXPECT_EQ(Run(start).message, "");
    EXPECT_EQ(Slurp(Path("copy")), input);
  }
  EXPECT_EQ(Slurp(Path("kind")).rfind("/memfd:stdin", 0), 0U);
}

TEST_F(Commands, ReadAMebibyteOfStdinAlsoInPieces) {
  std::string input;
  while (input.size() < 1 << 20) input += std::to_string(input.size()) + '\n';
  input.resize(1 << 20);
  AttemptStart start = Shell(1, "head -c 10 > $HERE/copy; sleep 0.01; cat >> $HERE/copy");
  start.input = input;
  EXPECT_EQ(Run(start).message, "");
  EXPECT_EQ(Slurp(Path("copy")), input);
}

TEST_F(Commands, AreToldWhenTheirStdinIsTooLarge) {
  AttemptStart start = Shell(1, "true");
  start.input = std::string(64 << 20, 'x');
  const AttemptEnd end = Run(start);
  EXPECT_EQ(end.outcome, AttemptOutcome::kLaunchFailed);
  EXPECT_NE(end.message.find("its input are 67"), std::string::npos) << end.message;
}

TEST_F(Commands, ReadAFileFromTheirWorkingDirectory) {
  std::ofstream(Path("in.txt")) << "of the file";
  AttemptStart start = Shell(1, "cat");
  start.working_dir = folder_;
  start.input_path = "in.txt";
  Run(start);
  EXPECT_EQ(Log(1), "of the file");
  start = Shell(2, "cat");
  start.input_path = Path("in.txt");
  Run(start);
  EXPECT_EQ(Log(2), "of the file");
}

TEST_F(Commands, WhoseStdinCannotBeReadAreALaunchFailure) {
  const std::string fifo = Path("fifo");
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  const std::pair<std::string, std::string> cases[]{
      {Path("no"), "cannot read stdin from " + Path("no") + ": No such file or directory"},
      {fifo, "cannot read stdin from " + fifo + ": it is no regular file"},
      {"/dev/zero", "cannot read stdin from /dev/zero: it is no regular file"},
      {folder_, "cannot read stdin from " + folder_ + ": Is a directory"}};
  for (const auto& [path, message] : cases) {
    AttemptStart start = Shell(next_id_++, "cat");
    start.input_path = path;
    const AttemptEnd end = Run(start);
    EXPECT_EQ(end.outcome, AttemptOutcome::kLaunchFailed);
    EXPECT_EQ(end.message, message);
  }
}

TEST_F(Commands, ReadTheirStdinAsTheirUser) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can switch users";
  std::ofstream(Path("secret")) << "of root";
  chmod(Path("secret").c_str(), 0600);
  AttemptStart start = Shell(1, "cat");
  start.run_as_user = "nobody";
  start.input_path = Path("secret");
  EXPECT_EQ(Run(start).message, "cannot read stdin from " + Path("secret") + ": Permission denied");
  start = Shell(2, "cat");
  start.run_as_user = "nobody";
  start.input = "for nobody";
  Run(start);
  EXPECT_EQ(Log(2), "for nobody");
}

TEST_F(Commands, HaveTheirUmask) {
  AttemptStart start = Shell(1, "umask; touch $HERE/made; stat -c %a $HERE/made");
  start.umask = 027;
  Run(start);
  EXPECT_EQ(Log(1), "0027\n640\n");
  start = Shell(2, "umask");
  start.umask = 0;
  Run(start);
  EXPECT_EQ(Log(2), "0000\n");
  Run(Shell(3, "umask"));
  EXPECT_EQ(Log(3), "0077\n") << "that of the launcher, which the others did not change";
}

TEST_F(Commands, AreAsNiceAsTheySay) {
  AttemptStart start = Shell(1, "nice");
  start.nice = 7;
  Run(start);
  EXPECT_EQ(Log(1), "7\n");
  Run(Shell(2, "nice"));
  EXPECT_EQ(Log(2), std::to_string(getpriority(PRIO_PROCESS, 0)) + "\n");
}

TEST_F(Commands, MayBeLessNiceOnlyWhenTheServerMay) {
  AttemptStart start = Shell(1, "nice");
  start.nice = -3;
  if (geteuid() == 0) {
    start.run_as_user = "nobody";
    Run(start);
    EXPECT_EQ(Log(1), "-3\n") << "also for a user who may not do it";
    return;
  }
  const AttemptEnd end = Run(start);
  EXPECT_EQ(end.outcome, AttemptOutcome::kLaunchFailed);
  EXPECT_EQ(end.message, "cannot be made less nice: that needs a server that runs as root, or has CAP_SYS_NICE");
}

}  // namespace
}  // namespace pipelined
