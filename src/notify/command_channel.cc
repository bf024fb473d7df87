#include "notify/command_channel.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "notify/plain_text.h"
#include "pipelined/schema/json.h"

namespace pipelined::notify {
namespace {

constexpr std::size_t kMostOutput = 4096;  // bytes that are kept of what it says
constexpr std::size_t kLongestValue = 64 << 10;
constexpr std::size_t kMostQuoted = 200;
constexpr std::string_view kInherited[] = {"PATH", "HOME", "LANG", "LC_ALL", "TZ", "USER"};

std::string AsText(const Value& value) {
  std::string text = ToText(value);
  std::erase(text, '\0');
  if (text.size() > kLongestValue) text.resize(kLongestValue);
  return text;
}

// A pipe whose ends no other child inherits. Only reading does not wait: who writes is the program, which may not
// expect that.
struct Pipe {
  Pipe() {
    if (pipe2(ends, O_CLOEXEC) != 0)
      ends[0] = ends[1] = -1;
    else
      fcntl(ends[0], F_SETFL, O_NONBLOCK);
  }
  ~Pipe() {
    Close(0);
    Close(1);
  }
  Pipe(const Pipe&) = delete;
  void Close(int end) {
    if (ends[end] >= 0) close(ends[end]);
    ends[end] = -1;
  }
  int ends[2];
};

// In a process group of its own, with no descriptors of ours, default signals, /dev/null as input and the pipe for what
// it says. 0 and errno as `error`: it could not be started.
pid_t Spawn(const std::vector<std::string>& words, std::vector<std::string> environment, int output, int& error) {
  std::vector<char*> argv, env;
  std::vector<std::string> arguments = words;
  for (std::string& word : arguments) argv.push_back(word.data());
  for (std::string& variable : environment) env.push_back(variable.data());
  argv.push_back(nullptr);
  env.push_back(nullptr);
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&files, output, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&files, output, STDERR_FILENO);
  posix_spawn_file_actions_addclosefrom_np(&files, STDERR_FILENO + 1);
  posix_spawn_file_actions_addchdir_np(&files, "/");
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setpgroup(&attributes, 0);
  sigset_t signals;
  sigemptyset(&signals);
  posix_spawnattr_setsigmask(&attributes, &signals);
  sigfillset(&signals);
  posix_spawnattr_setsigdefault(&attributes, &signals);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  pid_t child = 0;
  error = posix_spawn(&child, words.front().c_str(), &files, &attributes, argv.data(), env.data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&files);
  return error == 0 ? child : 0;
}

void Drain(int fd, std::string& said) {
  char buffer[4096];
  for (ssize_t got = 0; (got = read(fd, buffer, sizeof buffer)) > 0;) {
    const std::size_t room = kMostOutput - std::min(said.size(), kMostOutput);
    said.append(buffer, std::min(static_cast<std::size_t>(got), room));
  }
}

bool HasEnded(pid_t child) {
  siginfo_t info{};
  return waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == child;
}

// Until the child ends or the time is over. False: the latter. What it left running may keep the pipe open.
bool Await(pid_t child, int output, Micros deadline, const Clock& clock, std::string& said) {
  const int pidfd =
      static_cast<int>(syscall(SYS_pidfd_open, child, 0));  // -1: no descriptor was left; then it is asked
  bool ended = false;
  while (!ended) {
    const auto left = std::chrono::ceil<Millis>(deadline - clock.Monotonic()).count();
    if (left <= 0) break;
    pollfd waits[2] = {{pidfd, POLLIN, 0}, {output, POLLIN, 0}};
    if (poll(waits, 2, static_cast<int>(pidfd < 0 ? std::min<std::int64_t>(left, 20) : left)) < 0 && errno != EINTR)
      break;
    if (waits[1].revents != 0) Drain(output, said);
    ended = HasEnded(child);
    if ((waits[1].revents & POLLHUP) != 0) output = -1;  // it says no more
  }
  if (pidfd >= 0) close(pidfd);
  return ended;
}

std::string WithWords(std::string what, const std::string& said) {
  const std::string line = FirstLine(said, kMostQuoted);
  return line.empty() ? what : what + ": " + line;
}

}  // namespace

std::vector<std::pair<std::string, std::string>> CommandEnvironment(const Message& message) {
  std::vector<std::pair<std::string, std::string>> variables;
  const auto add = [&](std::string_view name, const Value& value) {
    std::string upper = "PIPELINED_NOTIFICATION_";
    for (const char c : name) upper += static_cast<char>(c >= 'a' && c <= 'z' ? c - 32 : c);
    variables.emplace_back(std::move(upper), AsText(value));
  };
  add("id", Value(message.id));
  for (const auto& [name, value] : message.facts.map()) {
    if (name != "id" && name != "ends") add(name, value);
  }
  add("subject", Value(message.subject));
  add("message", Value(message.text));
  return variables;
}

Outcome CommandChannel::Send(const Message& message) {
  std::vector<std::string> environment;
  for (const std::string_view name : kInherited) {
    if (const char* value = std::getenv(std::string(name).c_str()))
      environment.push_back(fmt::format("{}={}", name, value));
  }
  for (const auto& [name, value] : CommandEnvironment(message)) environment.push_back(name + "=" + value);
  Pipe pipe;
  if (pipe.ends[0] < 0) return {Verdict::kLater, std::nullopt, fmt::format("no pipe: {}", std::strerror(errno))};
  int error = 0;
  const pid_t child = Spawn(settings_.command, std::move(environment), pipe.ends[1], error);
  if (child == 0)
    return {error == EAGAIN || error == ENOMEM ? Verdict::kLater : Verdict::kRefused, std::nullopt,
            fmt::format("{} cannot be started: {}", settings_.command.front(), std::strerror(error))};
  pipe.Close(1);
  std::string said;
  const bool ended = Await(child, pipe.ends[0], clock_.Monotonic() + settings_.timeout, clock_, said);
  kill(-child, SIGKILL);  // it, or what it left running: it is not reaped yet, so that the group is still its own
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  Drain(pipe.ends[0], said);
  if (!ended)
    return {Verdict::kLater, std::nullopt,
            WithWords(fmt::format("killed after {}", FormatDuration(settings_.timeout)), said)};
  if (WIFSIGNALED(status))
    return {Verdict::kLater, std::nullopt, WithWords(fmt::format("ended by signal {}", WTERMSIG(status)), said)};
  if (WEXITSTATUS(status) == 0) return {Verdict::kTaken, 0};
  return {Verdict::kLater, WEXITSTATUS(status), WithWords(fmt::format("exit code {}", WEXITSTATUS(status)), said)};
}

}  // namespace pipelined::notify
