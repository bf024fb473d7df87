#include "executor/local/launcher_link.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <cstring>
#include <optional>

namespace pipelined::executor {
namespace {

constexpr int kReadyTimeoutMs = 10'000;

const char* Explain(FatalStage stage) {
  switch (stage) {
    case FatalStage::kLock:
      return "cannot take the attempts folder";
    case FatalStage::kJournal:
      return "cannot use the journal";
    case FatalStage::kProtocol:
      return "was built from other sources than this daemon";
    case FatalStage::kMemory:
      return "has no memory";
  }
  return "failed";
}

Error Unavailable(std::string message) {
  return {ErrorCode::kUnavailable, std::move(message),
          "pipelined-launcher belongs beside pipelined, from the same build"};
}

// Descriptors 3, 4, 5 of the child, and /dev/null for the first three: a supervisor that outlives the daemon must not
// keep the daemon's terminal or a pipe behind it open.
class SpawnActions {
 public:
  SpawnActions(int socket, int wake, int folder) {
    posix_spawn_file_actions_init(&actions_);
    posix_spawnattr_init(&attributes_);
    posix_spawn_file_actions_addopen(&actions_, 0, "/dev/null", O_RDWR, 0);
    posix_spawn_file_actions_adddup2(&actions_, 0, 1);
    posix_spawn_file_actions_adddup2(&actions_, 0, 2);
    posix_spawn_file_actions_adddup2(&actions_, socket, kSocketFd);
    posix_spawn_file_actions_adddup2(&actions_, wake, kWakeFd);
    posix_spawn_file_actions_adddup2(&actions_, folder, kFolderFd);
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes_, &none);
    posix_spawnattr_setsigdefault(&attributes_, &all);
    posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
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

Result<LauncherLink> LauncherLink::Spawn(const std::string& binary, int folder, int wake) {
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0) {
    return Unavailable(fmt::format("cannot make a socket: {}", std::strerror(errno)));
  }
  LauncherLink link;
  link.socket_.Reset(pair[0]);
  const OwnedFd theirs(pair[1]);
  const int size = 1 << 20;
  setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
  const OwnedFd socket = Above(theirs.get()), wake_copy = Above(wake), folder_copy = Above(folder);
  const SpawnActions spawn(socket.get(), wake_copy.get(), folder_copy.get());
  std::string name = binary;
  char* argv[] = {name.data(), nullptr};
  char* envp[] = {nullptr};
  const int error = posix_spawn(&link.pid_, binary.c_str(), spawn.actions(), spawn.attributes(), argv, envp);
  if (error != 0) {
    link.pid_ = 0;
    return Unavailable(fmt::format("cannot start the launcher {}: {}", binary, std::strerror(error)));
  }
  return link;
}

LauncherLink::~LauncherLink() {
  if (pid_ == 0 || !socket_) return;
  socket_.Reset();
  for (int waited = 0; waited < 1000; ++waited) {
    const pid_t done = waitpid(pid_, nullptr, WNOHANG);
    if (done == pid_ || (done < 0 && errno != EINTR)) return;
    const timespec pause{0, 1'000'000};
    nanosleep(&pause, nullptr);
  }
  kill(pid_, SIGKILL);  // our child, not reaped; all that it forked goes on
  waitpid(pid_, nullptr, 0);
}

void LauncherLink::Flush() {
  while (sent_ < unsent_.size()) {
    const ssize_t written = send(fd(), unsent_.data() + sent_, unsent_.size() - sent_, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (written < 0) {
      if (errno == EINTR) continue;
      return;  // full: when it can be written again; gone: Receive() tells
    }
    sent_ += static_cast<std::size_t>(written);
  }
  unsent_.clear();
  sent_ = 0;
}

bool LauncherLink::Receive(const std::function<void(const FrameHead&, const char*)>& take) {
  bool alive = true;
  char chunk[16 * 1024];
  for (;;) {
    const ssize_t size = recv(fd(), chunk, sizeof chunk, MSG_DONTWAIT);
    if (size < 0 && errno == EINTR) continue;
    if (size == 0 || (size < 0 && errno != EAGAIN)) alive = false;
    if (size <= 0) break;
    received_.append(chunk, static_cast<std::size_t>(size));
  }
  std::size_t at = 0;
  FrameHead head;
  while (received_.size() - at >= sizeof head) {
    std::memcpy(&head, received_.data() + at, sizeof head);
    if (head.size < sizeof head || received_.size() - at < head.size) break;
    take(head, received_.data() + at);
    at += head.size;
  }
  received_.erase(0, at);
  return alive;
}

Status LauncherLink::AwaitReady(std::int64_t nonce) {
  std::optional<Status> answer;
  const auto take = [&](const FrameHead& head, const char* frame) {
    if (head.type == FrameType::kReady && head.size == sizeof(ReadyFrame)) {
      ReadyFrame ready;
      std::memcpy(&ready, frame, sizeof ready);
      answer = ready.nonce == nonce ? Ok() : Status(Unavailable("the launcher does not understand this daemon"));
    } else if (head.type == FrameType::kFatal && head.size == sizeof(FatalFrame)) {
      FatalFrame fatal;
      std::memcpy(&fatal, frame, sizeof fatal);
      answer = Unavailable(fmt::format("the launcher {}: {}", Explain(fatal.stage), std::strerror(fatal.error)));
    }
  };
  while (!answer) {
    Flush();
    pollfd socket{fd(), static_cast<short>(POLLIN | (wants_to_write() ? POLLOUT : 0)), 0};
    if (poll(&socket, 1, kReadyTimeoutMs) == 0) return Unavailable("the launcher does not answer");
    if (!Receive(take) && !answer) return Unavailable("the launcher ended at its start");
  }
  return *answer;
}

}  // namespace pipelined::executor
