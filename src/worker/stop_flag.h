// How a thread that waits is told to give up.
#pragma once

#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>

namespace pipelined::worker {

// Thread-safe.
class StopFlag {
 public:
  StopFlag() : fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}
  ~StopFlag() { close(fd_); }
  StopFlag(const StopFlag&) = delete;
  StopFlag& operator=(const StopFlag&) = delete;

  void Raise() {
    raised_ = true;
    const std::uint64_t one = 1;
    if (write(fd_, &one, sizeof one) < 0) {
    }
  }
  bool raised() const { return raised_; }
  int fd() const { return fd_; }  // readable once it is raised

 private:
  int fd_;
  std::atomic<bool> raised_{false};
};

}  // namespace pipelined::worker
