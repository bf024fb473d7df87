// pipelined-worker: does the actions that need no process of their own. Started by the daemon, never by hand.
#include <curl/curl.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>

#include "pipelined/executor/worker_protocol.h"
#include "worker/server.h"

namespace {

// For all its requests and threads at once, where the hard limit lets us.
constexpr rlim_t kDescriptors = 4096;

void RaiseDescriptors() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= kDescriptors) return;
  limit.rlim_cur = limit.rlim_max < kDescriptors ? limit.rlim_max : kDescriptors;
  setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

int main() {
  using namespace pipelined::worker;
  for (const int fd : {kDaemonFd, kFolderFd, kLockFd, kListenFd}) {
    if (fcntl(fd, F_SETFD, FD_CLOEXEC) == 0) continue;
    std::fputs("pipelined-worker is started by pipelined\n", stderr);
    return 2;
  }
  signal(SIGPIPE, SIG_IGN);
  signal(SIGXFSZ, SIG_IGN);  // a file that may not grow is like a full disk: its write fails
  umask(077);
  prctl(PR_SET_DUMPABLE, 0);  // its memory holds passwords
  RaiseDescriptors();
  curl_global_init(CURL_GLOBAL_DEFAULT);
  {
    Server server;
    server.Run();
  }
  curl_global_cleanup();
  return 0;
}
