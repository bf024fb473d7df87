#include "apps/role_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>

#include "pipelined/base/clock.h"

namespace pipelined::apps {
namespace {

constexpr Micros kFirstBackoff = Millis(500), kLastBackoff = Seconds(30), kLongLife = Seconds(60);

void Inherit(int fd) {
  fcntl(fd, F_SETFD, 0);
}

// The child's side. Only async-signal-safe calls. Signals are reset here, not by exec: blocked ones would stay blocked.
[[noreturn]] void Exec(char* const* argv, pid_t parent, int lock_fd, int ready_fd) {
  setpgid(0, 0);  // a Ctrl-C goes to the standalone alone, which then stops its roles in order
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(127);
  const int null = open("/dev/null", O_RDONLY);
  if (null >= 0) dup2(null, STDIN_FILENO);
  dup2(STDERR_FILENO, STDOUT_FILENO);  // stdout carries the standalone's `ready` line and nothing else
  Inherit(lock_fd);
  Inherit(ready_fd);
  // The very file that runs now, also when an upgrade has replaced it meanwhile.
  execv("/proc/self/exe", argv);
  _exit(127);
}

}  // namespace

RoleProcess::RoleProcess(std::string name, std::vector<std::string> arguments, int lock_fd)
    : name_(std::move(name)), arguments_(std::move(arguments)), lock_fd_(lock_fd) {}

RoleProcess::~RoleProcess() {
  if (running()) {
    Signal(SIGKILL);
    Reap();
  }
  ClosePipe();
}

Status RoleProcess::Start() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0)
    return Error{ErrorCode::kFailed, fmt::format("no pipe: {}", std::strerror(errno)), {}};
  std::vector<std::string> texts = {"pipelined", name_};
  texts.insert(texts.end(), arguments_.begin(), arguments_.end());
  texts.insert(texts.end(), {"--ready-fd", std::to_string(ends[1]), "--lock-fd", std::to_string(lock_fd_)});
  std::vector<char*> argv;
  for (std::string& text : texts) argv.push_back(text.data());
  argv.push_back(nullptr);
  const pid_t parent = getpid();
  pid_ = fork();
  if (pid_ == 0) Exec(argv.data(), parent, lock_fd_, ends[1]);
  close(ends[1]);
  if (pid_ < 0) {
    close(ends[0]);
    return Error{ErrorCode::kFailed, fmt::format("cannot start the {}: {}", name_, std::strerror(errno)), {}};
  }
  pidfd_ = static_cast<int>(syscall(SYS_pidfd_open, pid_, 0));
  ready_pipe_ = ends[0];
  ready_ = false;
  said_.clear();
  started_ = SystemClock().Monotonic();
  return Ok();
}

void RoleProcess::Add(std::vector<std::string> arguments) {
  arguments_.insert(arguments_.end(), std::make_move_iterator(arguments.begin()),
                    std::make_move_iterator(arguments.end()));
}

void RoleProcess::ReadReady() {
  char buffer[512];
  const ssize_t got = read(ready_pipe_, buffer, sizeof buffer);
  if (got < 0 && errno == EINTR) return;
  if (got > 0) said_.append(buffer, static_cast<std::size_t>(got));
  const std::size_t end = said_.find('\n');
  if (end != said_.npos) {
    said_.resize(end);
    ready_ = true;
  }
  if (ready_ || got <= 0) ClosePipe();
}

int RoleProcess::Reap() {
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  if (pidfd_ >= 0) close(pidfd_);
  pid_ = pidfd_ = -1;
  ClosePipe();
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

Micros RoleProcess::NextStart(Micros now) {
  if (now - started_ > kLongLife) backoff_ = Micros(0);
  backoff_ = std::clamp(backoff_ * 2, kFirstBackoff, kLastBackoff);
  return now + backoff_;
}

void RoleProcess::Signal(int signal) const {
  if (pid_ > 0) kill(pid_, signal);  // not reaped yet: the pid is still its own
}

void RoleProcess::ClosePipe() {
  if (ready_pipe_ >= 0) close(ready_pipe_);
  ready_pipe_ = -1;
}

}  // namespace pipelined::apps
