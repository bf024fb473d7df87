#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <fstream>

#include "cluster/log_tail.h"
#include "cluster/server.h"
#include "pipelined/base/clock.h"
#include "pipelined/base/log.h"

namespace pipelined::cluster {
namespace {

// On the command line rather than in postgresql.conf: always those of this program's version, whichever made the
// cluster.
constexpr const char* kServerSettings[] = {
    "listen_addresses=",  // the socket is the only way in
    "port=5432",
    "unix_socket_permissions=0700",
    "max_connections=60",
    "fsync=on",
    "full_page_writes=on",
    "synchronous_commit=on",
    "wal_level=minimal",
    "max_wal_senders=0",
    "max_wal_size=512MB",
    "min_wal_size=64MB",  // segments of 1 MiB are recycled, and few checkpoints disturb the latency
    "checkpoint_timeout=15min",
    "shared_buffers=64MB",
    "jit=off",  // compiling costs more than every query that we make
    "max_worker_processes=0",
    "max_parallel_workers_per_gather=0",
    "autovacuum_max_workers=2",
    "timezone=UTC",
    "log_timezone=UTC",
    "lc_messages=C",
    "logging_collector=off",
    "log_checkpoints=off",
    "log_line_prefix=%m [%p] ",
};

Command ServerCommand(const Place& place, const std::string& programs) {
  Command command{{programs + "/postgres", "-D", place.data}, place.root, place.log, SIGINT};
  const auto set = [&](std::string setting) {
    command.argv.push_back("-c");
    command.argv.push_back(std::move(setting));
  };
  for (const char* setting : kServerSettings) set(setting);
  set("unix_socket_directories=" + place.socket_dir);
  set("cluster_name=" + place.name);
  return command;
}

// postmaster.pid: line 1 is the server's pid, line 8 its state. Somebody else's file says nothing about our child.
bool PidFileSaysReady(const Place& place, pid_t child) {
  std::ifstream in(place.data + "/postmaster.pid");
  std::string line;
  for (int number = 1; std::getline(in, line); ++number) {
    if (number == 1 && line != std::to_string(child)) return false;
    if (number == 8) return line.starts_with("ready");
  }
  return false;
}

// That it is our child who listens on the socket.
bool ChildListens(const Place& place, pid_t child) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (place.socket().size() >= sizeof address.sun_path) return false;
  std::memcpy(address.sun_path, place.socket().c_str(), place.socket().size() + 1);
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ucred peer{};
  socklen_t size = sizeof peer;
  const bool listens = connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
                       getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.pid == child;
  close(fd);
  return listens;
}

enum class Waiting { kReady, kEnded };

// Woken by each change of the data folder; the time limit of a wait is for file systems that tell nothing.
Waiting WaitUntilReady(const Place& place, const Process& server, int changes) {
  const Micros start = SystemClock().Monotonic();
  Micros said = start;
  for (;;) {
    if (PidFileSaysReady(place, server.pid()) && ChildListens(place, server.pid())) return Waiting::kReady;
    pollfd wait[] = {{server.pidfd(), POLLIN, 0}, {changes, POLLIN, 0}};
    poll(wait, 2, 100);
    if (wait[0].revents != 0) return Waiting::kEnded;
    char buffer[4096];
    while (wait[1].revents != 0 && read(changes, buffer, sizeof buffer) > 0) {
    }
    if (const Micros now = SystemClock().Monotonic(); now - said > Seconds(5)) {
      log::Info("PostgreSQL recovers from an unclean end since {}",
                FormatDuration(std::chrono::floor<Seconds>(now - start)));
      said = now;
    }
  }
}

}  // namespace

Result<Process> StartServer(const Place& place, const std::string& programs) {
  RotateLog(place.log);
  const int changes = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
  if (changes >= 0) inotify_add_watch(changes, place.data.c_str(), IN_MODIFY | IN_CLOSE_WRITE | IN_CREATE);
  Result<Process> server = Spawn(ServerCommand(place, programs), place.account);
  if (!server) {
    close(changes);
    return server.error();
  }
  const Waiting waiting = WaitUntilReady(place, *server, changes);
  close(changes);
  if (waiting == Waiting::kReady) return server;
  server->Wait(Seconds(10));
  return Error{ErrorCode::kFailed,
               fmt::format("PostgreSQL does not start in {}; its log {} ends with:\n{}", place.data, place.log,
                           LogTail(place.log)),
               {}};
}

}  // namespace pipelined::cluster
