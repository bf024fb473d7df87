#include "cluster/process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "pipelined/base/clock.h"

namespace pipelined::cluster {
namespace {

constexpr int kNoExec = 127, kNoAccount = 126, kNoFolder = 125;

bool Become(const Account& account) {
  if (!account.switches) return true;
  return setgroups(0, nullptr) == 0 && setresgid(account.gid, account.gid, account.gid) == 0 &&
         setresuid(account.uid, account.uid, account.uid) == 0;
}

void ResetSignals() {
  for (int number = 1; number < NSIG; ++number) signal(number, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

// The child's side of Spawn(). Only async-signal-safe calls.
[[noreturn]] void Exec(const Command& command, const Account& account, char* const* argv, pid_t parent) {
  setsid();  // a Ctrl-C at our terminal is ours to handle, not the server's
  ResetSignals();
  umask(077);
  const int in = open("/dev/null", O_RDWR | O_CLOEXEC);
  // Opened before the switch: the file may lie where only we can write.
  const int out =
      command.output.empty() ? in : open(command.output.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  if (in < 0 || out < 0 || dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0) _exit(kNoFolder);
  if (!Become(account)) _exit(kNoAccount);
  if (chdir(command.working_dir.c_str()) != 0) _exit(kNoFolder);
  close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
  // After the switch, which clears it; and the parent may have ended before it was set.
  if (command.death_signal != 0) prctl(PR_SET_PDEATHSIG, command.death_signal);
  if (getppid() != parent) _exit(kNoExec);
  // An environment of its own: PGPORT, PGDATA, LC_ALL and the like of our caller must not reach it.
  static const char* const environment[] = {"PATH=/usr/local/bin:/usr/bin:/bin", "LC_ALL=C", "TZ=UTC", nullptr};
  execve(argv[0], argv, const_cast<char* const*>(environment));
  _exit(kNoExec);
}

}  // namespace

Process::Process(Process&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), pidfd_(std::exchange(other.pidfd_, -1)), status_(other.status_) {}

Process& Process::operator=(Process&& other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(pidfd_, other.pidfd_);
  std::swap(status_, other.status_);
  return *this;
}

Process::~Process() {
  if (pid_ > 0) {
    Signal(SIGKILL);
    Wait(Seconds(10));
  }
  if (pidfd_ >= 0) close(pidfd_);
}

void Process::Signal(int signal) const {
  if (pid_ > 0) kill(pid_, signal);  // not reaped yet: the pid is still its own
}

bool Process::Wait(Micros patience) {
  if (pid_ <= 0) return true;
  if (!WaitForEnd(pidfd_, patience)) return false;
  while (waitpid(pid_, &status_, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  return true;
}

int OpenPidfd(pid_t pid) {
  return static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
}

bool WaitForEnd(int pidfd, Micros patience) {
  const Micros deadline = SystemClock().Monotonic() + patience;
  for (;;) {
    const Micros left = std::max(Micros(0), deadline - SystemClock().Monotonic());
    pollfd wait{pidfd, POLLIN, 0};
    const int ready = poll(&wait, 1, static_cast<int>(std::chrono::ceil<Millis>(left).count()));
    if (ready > 0) return true;
    if (ready == 0 && left == Micros(0)) return false;
    if (ready < 0 && errno != EINTR) return false;
  }
}

Result<Process> Spawn(const Command& command, const Account& account) {
  std::vector<char*> argv;
  for (const std::string& argument : command.argv) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  const pid_t parent = getpid();
  const pid_t child = fork();
  if (child == 0) Exec(command, account, argv.data(), parent);
  if (child < 0)
    return Error{ErrorCode::kFailed, fmt::format("cannot start {}: {}", command.argv[0], std::strerror(errno)), {}};
  return Process(child, OpenPidfd(child));
}

bool CanEnter(const std::string& path, const Account& account) {
  const pid_t child = fork();
  if (child == 0) _exit(Become(account) && access(path.c_str(), X_OK) == 0 ? 0 : 1);
  if (child < 0) return false;
  Process process(child, OpenPidfd(child));
  return process.Wait(Seconds(10)) && process.status() == 0;
}

}  // namespace pipelined::cluster
