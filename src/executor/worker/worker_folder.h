// The folder worker/ as the daemon uses it: whose turn it is, which workers live, what lies there.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "pipelined/base/owned_fd.h"
#include "pipelined/base/result.h"
#include "pipelined/base/time.h"

namespace pipelined::executor {

class WorkerFolder {
 public:
  // Makes what is missing and raises the fence: from here on no older worker begins anything. One that is stopped
  // (SIGSTOP) at the fence for longer than `patience` is killed.
  static Result<WorkerFolder> Open(const std::string& attempts_dir, Millis patience);

  int fd() const { return folder_.get(); }
  std::int64_t generation() const { return generation_; }

  std::vector<std::string> Nonces() const;                             // of workers of which anything is there
  std::vector<std::int64_t> Journals(const std::string& nonce) const;  // ascending
  bool IsAlive(const std::string& nonce) const;                        // its lock is held
  OwnedFd Connect(const std::string& nonce) const;                     // empty: it does not listen (any more)

  // What a new worker is started with. The lock is held by the descriptor, so by whoever has a copy of it.
  struct Place {
    std::string nonce;
    OwnedFd lock, listen;
  };
  Result<Place> MakePlace();
  static void NotePid(const Place& place, pid_t pid);

  void RemoveJournal(const std::string& nonce, std::int64_t number) const;
  void RemovePlace(const std::string& nonce) const;  // of a dead worker without journals

 private:
  Status Raise(Millis patience);
  void KillStopped() const;

  std::string path_;
  OwnedFd folder_;
  std::int64_t generation_ = 0;
  int made_ = 0;  // workers of this daemon
};

}  // namespace pipelined::executor
