#include "executor/local/process.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/syscall.h>

#include <cstdlib>
#include <optional>
#include <sstream>

namespace pipelined::executor {
namespace {

struct Stat {
  int group = 0;
  std::int64_t start_ticks = 0;  // since boot
};

std::optional<Stat> ReadStat(int pid) {
  const OwnedFd fd(open(fmt::format("/proc/{}/stat", pid).c_str(), O_RDONLY | O_CLOEXEC));
  char text[1024];
  const ssize_t size = fd ? read(fd.get(), text, sizeof text) : -1;
  if (size <= 0) return std::nullopt;
  const std::string line(text, static_cast<std::size_t>(size));
  const std::size_t name_end = line.rfind(')');  // the name may hold blanks and brackets
  if (name_end == std::string::npos) return std::nullopt;
  std::istringstream fields(line.substr(name_end + 1));
  Stat stat;
  std::string skipped;
  fields >> skipped >> skipped >> stat.group;
  for (int field = 6; field < 22; ++field) fields >> skipped;
  fields >> stat.start_ticks;
  if (!fields) return std::nullopt;
  return stat;
}

std::int64_t Ticks(std::int64_t ns) {
  return ns / (1'000'000'000 / sysconf(_SC_CLK_TCK));
}

OwnedFd OpenPid(int pid) {
  return OwnedFd(pid <= 0 ? -1 : static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
}

}  // namespace

OwnedFd OpenProcess(const ProcessName& name) {
  OwnedFd process = OpenPid(name.pid);
  if (!process) return {};
  // After the descriptor is open, so that the pid cannot change hands between the look and the use.
  const std::optional<Stat> stat = ReadStat(name.pid);
  if (!stat || stat->start_ticks > Ticks(name.seen_ns)) return {};
  return process;
}

void SignalProcess(int pidfd, int signal) {
  syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0);
}

void SweepGroup(const ProcessName& leader) {
  if (leader.pid <= 0) return;
  if (const auto stat = ReadStat(leader.pid); stat && stat->start_ticks > Ticks(leader.seen_ns)) {
    return;  // the number has a new owner, which the kernel allows only when the old group is empty
  }
  DIR* proc = opendir("/proc");
  if (proc == nullptr) return;
  while (const dirent* entry = readdir(proc)) {
    const int pid = std::atoi(entry->d_name);
    if (pid <= 0) continue;
    const OwnedFd process = OpenPid(pid);
    if (!process) continue;
    const auto stat = ReadStat(pid);
    if (stat && stat->group == leader.pid) SignalProcess(process.get(), SIGKILL);
  }
  closedir(proc);
}

}  // namespace pipelined::executor
