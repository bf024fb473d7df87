// What every supervisor inherits from its launcher at the fork.
#pragma once

#include <signal.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#include <cstdint>

namespace pipelined::executor {

struct Context {
  int journal_fd = -1;               // O_APPEND, O_CLOEXEC
  std::int64_t journal_scanned = 0;  // no record before this offset is of an attempt that is yet to start
  dev_t locks_device = 0;
  ino_t locks_inode = 0;
  std::int64_t nonce = 0;
  std::int64_t log_cap = 0;
  bool no_new_privs = true;
  bool reset_oom_score = false;  // the launcher lowered its own; a task gets 0 again
  int cgroup_fd = -1;            // the folder in which each attempt gets a cgroup; -1: none
  std::uint8_t boot_id[16] = {};
};

// Set by the handlers. SIGCHLD and SIGTERM are blocked except while waiting in ppoll(), so neither is ever missed.
extern volatile sig_atomic_t g_child_ended;
extern volatile sig_atomic_t g_stop_asked;

inline std::int64_t ReadClock(clockid_t clock) {  // ns
  timespec now{};
  syscall(SYS_clock_gettime, clock, &now);  // for a few reads cheaper than paging the vdso in
  return static_cast<std::int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}
inline std::int64_t BootNanos() {
  return ReadClock(CLOCK_BOOTTIME);
}
inline std::int64_t WallMicros() {
  return ReadClock(CLOCK_REALTIME) / 1000;
}

}  // namespace pipelined::executor
