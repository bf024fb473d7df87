// The launcher process of this daemon and the socket to it. Sending never blocks: what the socket does not take waits
// here.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <string>

#include "pipelined/base/owned_fd.h"
#include "executor/wire.h"
#include "pipelined/base/result.h"

namespace pipelined::executor {

class LauncherLink {
 public:
  LauncherLink() = default;
  LauncherLink(LauncherLink&&) = default;
  LauncherLink& operator=(LauncherLink&&) = delete;
  ~LauncherLink();  // closes the socket, which makes the launcher leave, and reaps it

  // Execs `binary` with attempts/ as `folder` and the eventfd `wake`; sends nothing yet.
  static Result<LauncherLink> Spawn(const std::string& binary, int folder, int wake);

  int fd() const { return socket_.get(); }
  void Send(const void* frame, std::size_t size) { unsent_.append(static_cast<const char*>(frame), size); }
  void Flush();  // writes what the socket takes
  bool wants_to_write() const { return sent_ < unsent_.size(); }

  // Calls `take` with each whole frame that has come. False: the launcher is gone.
  bool Receive(const std::function<void(const FrameHead&, const char* frame)>& take);

  // Waits for the first frame. An error when none comes in time, or when it is a kFatal.
  Status AwaitReady(std::int64_t nonce);

 private:
  OwnedFd socket_;
  pid_t pid_ = 0;
  std::string unsent_;
  std::size_t sent_ = 0;
  std::string received_;
};

}  // namespace pipelined::executor
