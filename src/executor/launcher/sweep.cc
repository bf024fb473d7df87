#include "executor/launcher/sweep.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

namespace pipelined::executor {
namespace {

// The parent of `pid`, given as the name of its folder in /proc; 0 when it is gone.
pid_t ParentOf(const char* pid) {
  char path[64] = "/proc/";
  if (std::strlen(pid) > 16) return 0;
  std::strcat(std::strcat(path, pid), "/stat");
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  char text[512];
  const ssize_t size = read(fd, text, sizeof text - 1);
  close(fd);
  if (size <= 0) return 0;
  text[size] = '\0';
  const char* name_end = std::strrchr(text, ')');  // the name may hold blanks and brackets
  if (name_end == nullptr || std::strlen(name_end) < 5) return 0;
  return static_cast<pid_t>(std::atoi(name_end + 4));  // ") S 123"
}

// A child's pid cannot be reused before it is reaped, and only we reap it: a plain kill() is safe here.
void KillChildren() {
  DIR* proc = opendir("/proc");
  if (proc == nullptr) return;
  const pid_t self = getpid();
  while (const dirent* entry = readdir(proc)) {
    if (entry->d_name[0] < '1' || entry->d_name[0] > '9') continue;
    if (ParentOf(entry->d_name) == self) kill(static_cast<pid_t>(std::atoi(entry->d_name)), SIGKILL);
  }
  closedir(proc);
}

}  // namespace

int SweepChildren(int cgroup_kill_fd) {
  int reaped = 0;
  for (;;) {
    const pid_t pid = waitpid(-1, nullptr, WNOHANG);
    if (pid > 0) {
      ++reaped;
      continue;
    }
    if (pid < 0) return reaped;  // ECHILD: nobody is left
    if (cgroup_kill_fd >= 0 && write(cgroup_kill_fd, "1", 1) < 0) {
    }  // takes even what forks faster than we look
    KillChildren();
    // At least one was killed or is dying; the death of each may hand us its own children, so look again.
    if (waitpid(-1, nullptr, 0) > 0) ++reaped;
  }
}

}  // namespace pipelined::executor
