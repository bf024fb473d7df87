#include "executor/local/outcome.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "pipelined/base/owned_fd.h"
#include "pipelined/schema/json.h"

namespace pipelined::executor {
namespace {

std::string ExplainLaunch(const ExitBody& exit, const std::string& note) {
  const char* reason = strerrordesc_np(exit.error);
  if (reason == nullptr) reason = "unknown error";
  switch (exit.stage) {
    case SpawnStage::kExec:
      if (exit.error == ENOENT && note.find('/') == std::string::npos) {
        return fmt::format("no such command: {} (looked for in the PATH of the task's environment)", note);
      }
      if (exit.error == ENOENT)
        return fmt::format("no such command: {} (or the interpreter that its first line names)", note);
      if (exit.error == EACCES) return fmt::format("cannot run {}: not executable, or no permission", note);
      if (exit.error == ENOEXEC)
        return fmt::format("cannot run {}: neither a program nor a script with a #! line", note);
      if (exit.error == E2BIG) return fmt::format("cannot run {}: arguments and environment are too large", note);
      return fmt::format("cannot run {}: {}", note, reason);
    case SpawnStage::kFolder:
      return fmt::format("cannot use working_dir {}: {}", note, reason);
    case SpawnStage::kUser:
      return fmt::format("cannot switch to run_as_user: {} (pipelined must run as root for it)", reason);
    case SpawnStage::kCgroup:
      return fmt::format("cannot enter the attempt's cgroup: {}", reason);
    case SpawnStage::kInput:
      if (exit.error == EINVAL) return fmt::format("cannot read stdin from {}: it is no regular file", note);
      return fmt::format("cannot read stdin{}{}: {}", note.empty() ? "" : " from ", note, reason);
    case SpawnStage::kNice:
      if (exit.error == EACCES || exit.error == EPERM)
        return "cannot be made less nice: that needs a server that runs as root, or has CAP_SYS_NICE";
      return fmt::format("cannot set nice: {}", reason);
    case SpawnStage::kPipe:
      return fmt::format("cannot make a pipe: {}", reason);
    case SpawnStage::kFork:
      return fmt::format("cannot make a process: {}", reason);
    default:
      return fmt::format("cannot start {}: {}", note, reason);
  }
}

struct Output {
  Value value;
  std::string problem;
};

constexpr std::size_t kMaxKeys = 10'000;  // of one output
constexpr std::size_t kMaxKey = 512;      // bytes

// Keys become rows under a unique index: each is a name, and there are not too many of them.
std::string KeyProblem(const Value::Map& outputs) {
  if (outputs.size() > kMaxKeys)
    return fmt::format("$PIPELINED_OUTPUT holds {} keys; {} are allowed", outputs.size(), kMaxKeys);
  for (const auto& [key, value] : outputs) {
    if (key.size() > kMaxKey)
      return fmt::format("a key in $PIPELINED_OUTPUT has {} bytes; {} are allowed", key.size(), kMaxKey);
    if (key.find('\0') != std::string::npos) return "a key in $PIPELINED_OUTPUT holds a NUL";
  }
  return {};
}

Output ReadOutput(const std::string& path) {
  // A task may have put anything there: no links are followed, and no FIFO is waited for.
  const OwnedFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY));
  if (!fd) return {{}, fmt::format("$PIPELINED_OUTPUT cannot be read: {}", strerror(errno))};
  struct stat info {};
  if (fstat(fd.get(), &info) != 0 || !S_ISREG(info.st_mode)) return {{}, "$PIPELINED_OUTPUT is not a regular file"};
  const auto size = static_cast<std::size_t>(info.st_size);
  if (size == 0) return {};  // touched, nothing said
  if (size > kMaxOutput) return {{}, fmt::format("$PIPELINED_OUTPUT holds {} bytes; {} are allowed", size, kMaxOutput)};
  std::string text(size, '\0');
  std::size_t got = 0;
  while (got < size) {
    const ssize_t part = read(fd.get(), text.data() + got, size - got);
    if (part < 0) return {{}, fmt::format("$PIPELINED_OUTPUT cannot be read: {}", strerror(errno))};
    if (part == 0) break;
    got += static_cast<std::size_t>(part);
  }
  text.resize(got);
  Result<Value> parsed = ParseJson(text, WideIntegers::kRefuse);
  if (!parsed) return {{}, "$PIPELINED_OUTPUT is not valid JSON: " + parsed.error().message};
  if (!parsed->is_map()) return {{}, "$PIPELINED_OUTPUT must hold a JSON object, as {\"rows\": 42}"};
  if (std::string problem = KeyProblem(parsed->map()); !problem.empty()) return {{}, std::move(problem)};
  return {std::move(*parsed), {}};
}

void ExplainStatus(const ExitBody& exit, AttemptEnd* end) {
  if (WIFSIGNALED(exit.wait_status)) {
    end->signal = WTERMSIG(exit.wait_status);
    end->message = "killed by " + SignalName(end->signal);
  } else {
    end->exit_code = WEXITSTATUS(exit.wait_status);
    if (end->exit_code != 0) end->message = fmt::format("exit code {}", end->exit_code);
  }
}

}  // namespace

std::string SignalName(int signal) {
  const char* name = sigabbrev_np(signal);
  return name != nullptr ? fmt::format("SIG{}", name) : fmt::format("signal {}", signal);
}

AttemptEnd EndOf(AttemptId attempt, const ExitBody& exit, const std::string& note, const std::string& output_path) {
  AttemptEnd end;
  end.attempt = attempt;
  end.start = Instant(Micros(exit.start_us));
  end.end = Instant(Micros(exit.end_us));
  end.duration = Micros(exit.duration_us);
  end.cpu_user = Micros(exit.cpu_user_us);
  end.cpu_system = Micros(exit.cpu_system_us);
  end.max_rss_kib = exit.max_rss_kib;
  end.pid = exit.pid;
  if (exit.reason == ExitReason::kLaunchFailed) {
    end.outcome = AttemptOutcome::kLaunchFailed;
    end.message = ExplainLaunch(exit, note);
    return end;
  }
  ExplainStatus(exit, &end);
  const char* how = (exit.flags & kKilled) != 0 ? "ignored SIGTERM, killed after its grace" : "ended by SIGTERM";
  if (exit.reason == ExitReason::kTimedOut) {
    end.outcome = AttemptOutcome::kTimedOut;
    end.message = fmt::format("execution_timeout passed: {}", how);
  } else if (exit.reason == ExitReason::kStopped) {
    end.outcome = AttemptOutcome::kStopped;
    end.message = fmt::format("stopped on request: {}", how);
  } else if (end.signal != 0 || end.exit_code != 0) {
    end.outcome = AttemptOutcome::kFailed;
  } else {
    end.outcome = AttemptOutcome::kSucceeded;
    if ((exit.flags & kHasOutput) == 0) return end;
    Output output = ReadOutput(output_path);
    end.outputs = std::move(output.value);
    end.message = std::move(output.problem);
    if (!end.message.empty()) end.outcome = AttemptOutcome::kBadOutput;
  }
  return end;
}

}  // namespace pipelined::executor
