#include "executor/worker/worker_link.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <array>
#include <cstring>
#include <utility>
#include <vector>

#include "pipelined/base/log.h"
#include "pipelined/executor/worker_protocol.h"

extern char** environ;

namespace pipelined::executor {
namespace {

// All that its libraries may want to know. Not PGHOST and the like: a connection says everything.
constexpr std::array<std::string_view, 19> kPassedOn{
    "PATH",        "HOME",        "LANG",         "LC_ALL",       "TZ",           "SSL_CERT_FILE", "SSL_CERT_DIR",
    "http_proxy",  "https_proxy", "all_proxy",    "no_proxy",     "HTTPS_PROXY",  "ALL_PROXY",     "NO_PROXY",
    "KRB5_CONFIG", "KRB5CCNAME",  "ASAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS"};

std::vector<char*> Environment() {
  std::vector<char*> passed;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view name = std::string_view(*entry).substr(0, std::string_view(*entry).find('='));
    for (const std::string_view known : kPassedOn) {
      if (name == known) passed.push_back(*entry);
    }
  }
  passed.push_back(nullptr);
  return passed;
}

Error Unavailable(std::string message) {
  return {ErrorCode::kUnavailable, std::move(message),
          "pipelined-worker belongs beside pipelined, from the same build"};
}

// /dev/null for the first three: a worker that outlives the daemon must not keep the daemon's terminal open.
class SpawnActions {
 public:
  explicit SpawnActions(const std::array<std::pair<int, int>, 4>& descriptors) {
    posix_spawn_file_actions_init(&actions_);
    posix_spawnattr_init(&attributes_);
    posix_spawn_file_actions_addopen(&actions_, 0, "/dev/null", O_RDWR, 0);
    posix_spawn_file_actions_adddup2(&actions_, 0, 1);
    posix_spawn_file_actions_adddup2(&actions_, 0, 2);
    for (const auto& [from, to] : descriptors) posix_spawn_file_actions_adddup2(&actions_, from, to);
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes_, &none);
    posix_spawnattr_setsigdefault(&attributes_, &all);
    // A group of its own: a Ctrl-C at the daemon's terminal is not meant for it.
    posix_spawnattr_setpgroup(&attributes_, 0);
    posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  }
  ~SpawnActions() {
    posix_spawn_file_actions_destroy(&actions_);
    posix_spawnattr_destroy(&attributes_);
  }
  SpawnActions(const SpawnActions&) = delete;
  SpawnActions& operator=(const SpawnActions&) = delete;
  const posix_spawn_file_actions_t* actions() const { return &actions_; }
  const posix_spawnattr_t* attributes() const { return &attributes_; }

 private:
  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
};

// A copy above the numbers that the child will use, so that no dup2 overwrites the source of another.
OwnedFd Above(int fd) {
  return OwnedFd(fcntl(fd, F_DUPFD_CLOEXEC, 16));
}

}  // namespace

WorkerLink::WorkerLink(WorkerLink&& other) noexcept
    : socket_(std::move(other.socket_)),
      pid_(std::exchange(other.pid_, 0)),
      killed_(other.killed_),
      unsent_(std::move(other.unsent_)),
      received_(std::move(other.received_)),
      sent_(other.sent_) {}

// It finishes what it has; whoever is its parent then reaps it.
WorkerLink::~WorkerLink() {
  socket_.Reset();
  for (int waited = 0; pid_ != 0 && waited < 1000; ++waited) {
    const pid_t done = waitpid(pid_, nullptr, WNOHANG);
    if (!killed_ || done == pid_ || (done < 0 && errno != EINTR)) return;
    poll(nullptr, 0, 1);
  }
}

Result<WorkerLink> WorkerLink::Spawn(const std::string& binary, const WorkerFolder& folder,
                                     WorkerFolder::Place& place) {
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0)
    return Unavailable(fmt::format("cannot make a socket: {}", std::strerror(errno)));
  WorkerLink link{OwnedFd(pair[0])};
  const OwnedFd theirs(pair[1]);
  const int size = 1 << 20;
  setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
  const OwnedFd socket = Above(theirs.get()), copy = Above(folder.fd()), lock = Above(place.lock.get()),
                listen = Above(place.listen.get());
  const SpawnActions spawn({{{socket.get(), worker::kDaemonFd},
                             {copy.get(), worker::kFolderFd},
                             {lock.get(), worker::kLockFd},
                             {listen.get(), worker::kListenFd}}});
  std::string name = binary;
  char* argv[] = {name.data(), nullptr};
  const std::vector<char*> environment = Environment();
  const int error =
      posix_spawn(&link.pid_, binary.c_str(), spawn.actions(), spawn.attributes(), argv, environment.data());
  if (error != 0) {
    link.pid_ = 0;
    return Unavailable(fmt::format("cannot start the worker {}: {}", binary, std::strerror(error)));
  }
  WorkerFolder::NotePid(place, link.pid_);
  place.lock.Reset();  // from here on it is held by the worker alone
  place.listen.Reset();
  return link;
}

void WorkerLink::Send(const Value& message) {
  SendFrame(worker::MakeFrame(message));
}

void WorkerLink::Flush() {
  while (sent_ < unsent_.size()) {
    const ssize_t written = send(fd(), unsent_.data() + sent_, unsent_.size() - sent_, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return;  // full: when it can be written again; gone: Receive() tells
    sent_ += static_cast<std::size_t>(written);
  }
  unsent_.clear();
  sent_ = 0;
}

bool WorkerLink::Receive(const std::function<void(const Value&)>& take) {
  bool alive = true;
  char chunk[16 * 1024];
  for (;;) {
    const ssize_t size = recv(fd(), chunk, sizeof chunk, MSG_DONTWAIT);
    if (size < 0 && errno == EINTR) continue;
    if (size == 0 || (size < 0 && errno != EAGAIN)) alive = false;
    if (size <= 0) break;
    received_.append(chunk, static_cast<std::size_t>(size));
  }
  return worker::TakeFrames(received_, take) && alive;
}

void WorkerLink::Kill() {
  killed_ = true;
  if (pid_ != 0) kill(pid_, SIGKILL);  // our child, not reaped
}

}  // namespace pipelined::executor
