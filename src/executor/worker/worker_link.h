// A socket to a worker: the process of this daemon, or one that an earlier daemon started. Sending never blocks: what
// the socket does not take waits here.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>

#include "pipelined/base/owned_fd.h"
#include "executor/worker/worker_folder.h"
#include "pipelined/base/result.h"
#include "pipelined/base/value.h"

namespace pipelined::executor {

class WorkerLink {
 public:
  explicit WorkerLink(OwnedFd socket) : socket_(std::move(socket)) {}
  WorkerLink(WorkerLink&& other) noexcept;
  WorkerLink& operator=(WorkerLink&&) = delete;
  ~WorkerLink();  // closes the socket: the worker takes nothing new. Reaps it if it was killed

  // Execs `binary` at `place`, whose descriptors it takes over.
  static Result<WorkerLink> Spawn(const std::string& binary, const WorkerFolder& folder, WorkerFolder::Place& place);

  int fd() const { return socket_.get(); }
  void Send(const Value& message);
  void SendFrame(const std::string& frame) { unsent_ += frame; }
  void Flush();
  bool wants_to_write() const { return sent_ < unsent_.size(); }

  // False: it is gone, or speaks otherwise.
  bool Receive(const std::function<void(const Value&)>& take);

  // It does not answer as it should.
  void Kill();

 private:
  OwnedFd socket_;
  pid_t pid_ = 0;  // of our own child
  bool killed_ = false;
  std::string unsent_, received_;
  std::size_t sent_ = 0;
};

}  // namespace pipelined::executor
