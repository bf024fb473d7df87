#include "cluster/remnants.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <charconv>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <vector>

#include "pipelined/base/log.h"

namespace pipelined::cluster {
namespace {

namespace fs = std::filesystem;

// Arguments as the process shows them; empty for a zombie or a process that is gone. Readable for every user, unlike
// /proc/PID/cwd, for which root in a container may lack the right.
std::string CommandLine(pid_t pid) {
  std::ifstream in(fmt::format("/proc/{}/cmdline", pid), std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();  // an iterator would throw for a process that ends while it is read (ESRCH)
  return text.str();
}

bool IsServerOf(const Place& place, const std::string& command_line) {
  const std::string program = command_line.substr(0, command_line.find('\0'));
  const std::string folder = std::string("\0-D\0", 4) + place.data + '\0';
  return program.ends_with("/postgres") && command_line.find(folder) != command_line.npos;
}

// Backends and workers show "postgres: <cluster_name>: what they do".
bool IsChildOf(const Place& place, const std::string& command_line) {
  return command_line.starts_with(fmt::format("postgres: {}: ", place.name));
}

class Pidfd {
 public:
  explicit Pidfd(pid_t pid) : fd_(OpenPidfd(pid)) {}
  Pidfd(Pidfd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Pidfd(const Pidfd&) = delete;
  ~Pidfd() {
    if (fd_ >= 0) close(fd_);
  }
  explicit operator bool() const { return fd_ >= 0; }
  int get() const { return fd_; }
  void Signal(int signal) const { syscall(SYS_pidfd_send_signal, fd_, signal, nullptr, 0); }

 private:
  int fd_;
};

// Every process for which `matches` holds. The pidfd is opened before the look, so that it means the process looked at.
template <class Matches>
std::vector<Pidfd> FindProcesses(Matches matches) {
  std::vector<Pidfd> found;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("/proc", error)) {
    const std::string name = entry.path().filename().string();
    pid_t pid = 0;
    const auto [end, bad] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (bad != std::errc() || end != name.data() + name.size()) continue;
    Pidfd process(pid);
    if (process && matches(CommandLine(pid))) found.push_back(std::move(process));
  }
  return found;
}

struct Step {
  int signal;
  Seconds patience;
};

// Sends each signal in turn and waits, until all have ended.
template <std::size_t N>
bool End(const std::vector<Pidfd>& processes, const Step (&steps)[N]) {
  for (const Step& step : steps) {
    for (const Pidfd& process : processes) process.Signal(step.signal);
    bool ended = true;
    for (const Pidfd& process : processes) ended = WaitForEnd(process.get(), step.patience) && ended;
    if (ended) return true;
  }
  return false;
}

constexpr Step kEndServer[] = {{SIGINT, Seconds(60)}, {SIGQUIT, Seconds(10)}};  // fast, then immediate shutdown
constexpr Step kEndChildren[] = {{SIGQUIT, Seconds(5)}, {SIGKILL, Seconds(5)}};

}  // namespace

Status ClearRemnants(const Place& place) {
  const auto servers = FindProcesses([&](const std::string& line) { return IsServerOf(place, line); });
  if (!servers.empty()) {
    log::Info("stopping the PostgreSQL server that an earlier start left in {}", place.data);
    if (!End(servers, kEndServer)) {
      return Error{ErrorCode::kFailed, fmt::format("an earlier PostgreSQL server in {} does not stop", place.data), {}};
    }
  }
  // They leave by themselves when they notice that their server is gone; until then a new one refuses to start.
  const auto children = FindProcesses([&](const std::string& line) { return IsChildOf(place, line); });
  if (!children.empty() && !End(children, kEndChildren)) {
    return Error{
        ErrorCode::kFailed, fmt::format("processes of an earlier PostgreSQL server in {} do not end", place.data), {}};
  }
  std::error_code ignored;
  for (const std::string& file : {place.data + "/postmaster.pid", place.socket(), place.socket() + ".lock"})
    fs::remove(file, ignored);
  return Ok();
}

}  // namespace pipelined::cluster
