// pipelined-worker: does the actions that need no process of their own. Started by the daemon, never by hand.
#include <curl/curl.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>

#include "pipelined/executor/worker_protocol.h"
#include "worker/server.h"

int main() {
  using namespace pipelined::worker;
  for (const int fd : {kDaemonFd, kFolderFd, kLockFd, kListenFd}) {
    if (fcntl(fd, F_SETFD, FD_CLOEXEC) == 0) continue;
    std::fputs("pipelined-worker is started by pipelined\n", stderr);
    return 2;
  }
  signal(SIGPIPE, SIG_IGN);
  umask(077);
  prctl(PR_SET_DUMPABLE, 0);  // its memory holds passwords
  curl_global_init(CURL_GLOBAL_DEFAULT);
  {
    Server server;
    server.Run();
  }
  curl_global_cleanup();
  return 0;
}
