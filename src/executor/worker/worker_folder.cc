#include "executor/worker/worker_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <set>

#include "executor/local/process.h"
#include "pipelined/base/clock.h"
#include "pipelined/base/log.h"
#include "pipelined/executor/worker_protocol.h"

namespace pipelined::executor {
namespace {

constexpr Millis kGiveUp{10'000};  // beyond the patience

Error CannotUse(const std::string& path, const char* what) {
  return {ErrorCode::kUnavailable, fmt::format("{}: {}: {}", path, what, std::strerror(errno)), ""};
}

// j-<nonce>-<n>: the number, and the nonce without it.
std::optional<std::pair<std::string, std::int64_t>> ReadJournalName(std::string_view name) {
  const std::size_t dash = name.rfind('-');
  if (!name.starts_with("j-") || dash < 2) return std::nullopt;
  std::int64_t number = 0;
  const char* end = name.data() + name.size();
  if (std::from_chars(name.data() + dash + 1, end, number).ptr != end || number <= 0) return std::nullopt;
  return std::pair(std::string(name.substr(2, dash - 2)), number);
}

std::vector<std::string> NamesIn(int folder) {
  std::vector<std::string> names;
  const int copy = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR* entries = copy < 0 ? nullptr : fdopendir(copy);
  if (entries == nullptr) return names;
  while (const dirent* entry = readdir(entries)) names.emplace_back(entry->d_name);
  closedir(entries);
  return names;
}

// By way of the descriptor: a socket's path may have 107 bytes only.
sockaddr_un AddressOf(int folder, const std::string& nonce) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = fmt::format("/proc/self/fd/{}/{}", folder, worker::SocketName(nonce));
  std::memcpy(address.sun_path, path.c_str(), std::min(path.size() + 1, sizeof address.sun_path - 1));
  return address;
}

pid_t PidIn(int lock) {
  char text[32] = {};
  return pread(lock, text, sizeof text - 1, 0) > 0 ? std::atoi(text) : 0;
}

bool IsStopped(pid_t pid) {
  const OwnedFd fd(open(fmt::format("/proc/{}/stat", pid).c_str(), O_RDONLY | O_CLOEXEC));
  char text[512] = {};
  if (!fd || read(fd.get(), text, sizeof text - 1) <= 0) return false;
  const char* name_end = std::strrchr(text, ')');
  return name_end != nullptr && (name_end[2] == 'T' || name_end[2] == 't');
}

}  // namespace

Result<WorkerFolder> WorkerFolder::Open(const std::string& attempts_dir, Millis patience) {
  WorkerFolder folder;
  folder.path_ = attempts_dir + "/worker";
  if (mkdir(folder.path_.c_str(), 0700) != 0 && errno != EEXIST) return CannotUse(folder.path_, "cannot be made");
  folder.folder_.Reset(open(folder.path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder.folder_) return CannotUse(folder.path_, "cannot be opened");
  if (const Status raised = folder.Raise(patience); !raised) return raised.error();
  return folder;
}

Status WorkerFolder::Raise(Millis patience) {
  auto fence = worker::Fence::Open(fd());
  if (!fence) return fence.error();
  const Micros begin = SystemClock().Monotonic();
  for (;;) {
    if (const auto generation = fence->TryRaise()) {
      generation_ = *generation;
      return Ok();
    }
    const Micros waited = SystemClock().Monotonic() - begin;
    if (waited > patience + kGiveUp)
      return Error{ErrorCode::kUnavailable, path_ + "/fence is held by a worker that does not leave it", ""};
    if (waited > patience) KillStopped();
    poll(nullptr, 0, 2);
  }
}

// They hold the fence and will not let go of it. What they were doing is lost.
void WorkerFolder::KillStopped() const {
  for (const std::string& nonce : Nonces()) {
    const OwnedFd lock(openat(fd(), worker::LockName(nonce).c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
    const pid_t pid = lock ? PidIn(lock.get()) : 0;
    const OwnedFd process(pid <= 0 ? -1 : static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
    // Asked behind the descriptor: while the lock is held the pid is its worker's.
    if (!process || !worker::IsLocked(lock.get()) || !IsStopped(pid)) continue;
    log::Warning("the worker {} (process {}) is stopped and in the way: it is killed, its attempts are lost", nonce,
                 pid);
    SignalProcess(process.get(), SIGKILL);
  }
}

std::vector<std::string> WorkerFolder::Nonces() const {
  std::set<std::string> nonces;
  for (const std::string& name : NamesIn(fd())) {
    if (const auto journal = ReadJournalName(name)) nonces.insert(journal->first);
    if (name.starts_with("w-") && !name.ends_with(".sock")) nonces.insert(name.substr(2));
  }
  return {nonces.begin(), nonces.end()};
}

std::vector<std::int64_t> WorkerFolder::Journals(const std::string& nonce) const {
  std::vector<std::int64_t> numbers;
  for (const std::string& name : NamesIn(fd())) {
    if (const auto journal = ReadJournalName(name); journal && journal->first == nonce)
      numbers.push_back(journal->second);
  }
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

bool WorkerFolder::IsAlive(const std::string& nonce) const {
  const OwnedFd lock(openat(fd(), worker::LockName(nonce).c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
  return lock && worker::IsLocked(lock.get());
}

OwnedFd WorkerFolder::Connect(const std::string& nonce) const {
  OwnedFd connection(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const sockaddr_un address = AddressOf(fd(), nonce);
  const auto* at = reinterpret_cast<const sockaddr*>(&address);
  if (!connection || connect(connection.get(), at, sizeof address) != 0) return {};
  return connection;
}

Result<WorkerFolder::Place> WorkerFolder::MakePlace() {
  Place place;
  place.nonce = fmt::format("{}.{}", generation_, ++made_);
  const std::string name = worker::LockName(place.nonce);
  place.lock.Reset(openat(fd(), name.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!place.lock || !worker::TryLock(place.lock.get(), F_WRLCK))
    return CannotUse(path_ + "/" + name, "cannot be taken");
  unlinkat(fd(), worker::SocketName(place.nonce).c_str(), 0);
  place.listen.Reset(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const sockaddr_un address = AddressOf(fd(), place.nonce);
  const auto* at = reinterpret_cast<const sockaddr*>(&address);
  if (!place.listen || bind(place.listen.get(), at, sizeof address) != 0 || listen(place.listen.get(), 8) != 0)
    return CannotUse(path_ + "/" + worker::SocketName(place.nonce), "cannot be made");
  return place;
}

void WorkerFolder::NotePid(const Place& place, pid_t pid) {
  const std::string text = fmt::format("{}\n", pid);
  if (pwrite(place.lock.get(), text.data(), text.size(), 0) < 0) {
  }  // only who must kill it misses it
}

void WorkerFolder::RemoveJournal(const std::string& nonce, std::int64_t number) const {
  unlinkat(fd(), worker::JournalName(nonce, number).c_str(), 0);
}

void WorkerFolder::RemovePlace(const std::string& nonce) const {
  unlinkat(fd(), worker::SocketName(nonce).c_str(), 0);
  unlinkat(fd(), worker::LockName(nonce).c_str(), 0);
}

}  // namespace pipelined::executor
