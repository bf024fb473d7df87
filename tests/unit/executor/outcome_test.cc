#include "executor/local/outcome.h"

#include <errno.h>
#include <gtest/gtest.h>
#include <signal.h>

namespace pipelined::executor {
namespace {

ExitBody Ended(int wait_status) {
  ExitBody exit{};
  exit.reason = ExitReason::kEnded;
  exit.wait_status = wait_status;
  return exit;
}
std::string Message(const ExitBody& exit, const std::string& note = "") {
  return EndOf(AttemptId{1}, exit, note, "/none").message;
}
std::string LaunchMessage(SpawnStage stage, int error, const std::string& note = "tool") {
  ExitBody exit{};
  exit.reason = ExitReason::kLaunchFailed;
  exit.stage = stage;
  exit.error = error;
  return Message(exit, note);
}

TEST(Outcome, SaysHowTheCommandEnded) {
  EXPECT_EQ(EndOf(AttemptId{1}, Ended(0), "", "/none").outcome, AttemptOutcome::kSucceeded);
  EXPECT_EQ(Message(Ended(3 << 8)), "exit code 3");
  EXPECT_EQ(Message(Ended(SIGSEGV)), "killed by SIGSEGV");
  EXPECT_EQ(SignalName(40), "signal 40");
}

TEST(Outcome, StoppedWinsOverTheExitCode) {
  ExitBody exit = Ended(0);
  exit.reason = ExitReason::kStopped;
  EXPECT_EQ(EndOf(AttemptId{1}, exit, "", "/none").outcome, AttemptOutcome::kStopped);
  exit.flags = kKilled;
  EXPECT_EQ(Message(exit), "stopped on request: ignored SIGTERM, killed after its grace");
}

TEST(Outcome, SaysWhyNothingWasLaunched) {
  EXPECT_EQ(LaunchMessage(SpawnStage::kExec, ENOEXEC),
            "cannot run tool: neither a program nor a script with a #! line");
  EXPECT_EQ(LaunchMessage(SpawnStage::kUser, EPERM),
            "cannot switch to run_as_user: Operation not permitted (pipelined must run as root for it)");
  EXPECT_EQ(LaunchMessage(SpawnStage::kFork, EAGAIN), "cannot make a process: Resource temporarily unavailable");
}

}  // namespace
}  // namespace pipelined::executor
