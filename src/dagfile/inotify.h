// The kernel's word on what changed in watched folders.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "pipelined/base/result.h"

namespace pipelined::dagfile {

class Inotify {
 public:
  struct Event {
    int watch = -1;
    std::uint32_t mask = 0;  // of <sys/inotify.h>; IN_Q_OVERFLOW: anything may have changed
    std::string name;        // in the watched folder; empty: the folder itself
  };

  static Result<Inotify> Open();
  Inotify(Inotify&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
  Inotify& operator=(Inotify&&) = delete;
  ~Inotify();

  // The watch of `folder`; the same folder gives the same number again. kUnavailable when the kernel's limit is
  // reached.
  Result<int> Watch(const std::string& folder);
  std::vector<Event> Drain();  // never blocks
  int fd() const { return fd_; }

 private:
  explicit Inotify(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace pipelined::dagfile
