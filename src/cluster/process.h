// Programs started for the cluster: as another user, tied to us, watched by pidfd.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "pipelined/base/result.h"
#include "pipelined/base/time.h"

namespace pipelined::cluster {

// Who the server runs as.
struct Account {
  uid_t uid = 0;
  gid_t gid = 0;
  std::string name;
  bool switches = false;  // it is not who we are
};

struct Command {
  std::vector<std::string> argv;  // argv[0] is a path
  std::string working_dir;
  std::string output;    // file to append stdout and stderr to; empty: /dev/null
  int death_signal = 0;  // what it gets when the calling thread ends
};

// A child process of ours. Reaped by Wait() or the destructor, which kills what still runs.
class Process {
 public:
  Process() = default;
  Process(pid_t pid, int pidfd) : pid_(pid), pidfd_(pidfd) {}
  Process(Process&& other) noexcept;
  Process& operator=(Process&& other) noexcept;
  ~Process();

  pid_t pid() const { return pid_; }
  int pidfd() const { return pidfd_; }
  bool running() const { return pid_ > 0; }
  void Signal(int signal) const;
  // Waits for the end and reaps; false when it still runs after `patience`.
  bool Wait(Micros patience);
  int status() const { return status_; }  // of waitpid(), once Wait() was true

 private:
  pid_t pid_ = -1;
  int pidfd_ = -1;
  int status_ = 0;
};

// Starts `command` as `account` with an environment of its own, in a session of its own, without our descriptors.
Result<Process> Spawn(const Command& command, const Account& account);

// Whether `account` may enter `path`, asked of the kernel by a child that has become it.
bool CanEnter(const std::string& path, const Account& account);

// Opens a pidfd; -1 when there is no such process.
int OpenPidfd(pid_t pid);
// Until the process behind a pidfd has ended (true) or `patience` is over.
bool WaitForEnd(int pidfd, Micros patience);

}  // namespace pipelined::cluster
