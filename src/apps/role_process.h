// One role of a standalone as a child process: started, watched, started again when it crashes.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "pipelined/base/result.h"
#include "pipelined/base/time.h"

namespace pipelined::apps {

// Not thread-safe. The child gets SIGKILL when the thread that started it ends, so that nothing is left of a killed
// standalone.
class RoleProcess {
 public:
  // `arguments` as given to `pipelined`; the child inherits `lock_fd` and is told a descriptor for SayReady().
  RoleProcess(std::string name, std::vector<std::string> arguments, int lock_fd);
  ~RoleProcess();
  RoleProcess(const RoleProcess&) = delete;

  Status Start();
  // For later starts: arguments behind those that it was made with.
  void Add(std::vector<std::string> arguments);

  const std::string& name() const { return name_; }
  bool running() const { return pid_ > 0; }
  int pidfd() const { return pidfd_; }            // -1 when not running
  int ready_pipe() const { return ready_pipe_; }  // -1 once it has spoken or ended
  bool ready() const { return ready_; }
  const std::string& said() const { return said_; }

  // Call when ready_pipe() is readable.
  void ReadReady();
  // Call when pidfd() is readable: reaps, and answers the exit code (128 + signal).
  int Reap();
  // After Reap(): when it should be started again. Doubles from half a second to half a minute, and begins anew after a
  // minute of work.
  Micros NextStart(Micros now);

  void Signal(int signal) const;

 private:
  void ClosePipe();

  const std::string name_;
  std::vector<std::string> arguments_;
  const int lock_fd_;
  pid_t pid_ = -1;
  int pidfd_ = -1, ready_pipe_ = -1;
  bool ready_ = false;
  std::string said_;
  Micros started_{0}, backoff_{0};
};

}  // namespace pipelined::apps
