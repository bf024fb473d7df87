// The thread of one channel: sends one message after the other.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>

#include "pipelined/notify/channel.h"
#include "pipelined/ports/outbox.h"

namespace pipelined::notify {

struct Job {
  Notification row;
  Message message;
};

struct JobDone {
  Notification row;
  Outcome outcome;
};

// All but the constructor and destructor from the notifier's thread.
class Worker {
 public:
  // `done` is called on the worker's thread after each message; it must not block.
  Worker(std::unique_ptr<Channel> channel, std::function<void()> done);
  // The thread ends after what it sends now. One that is at it is not waited for.
  ~Worker();
  Worker(const Worker&) = delete;

  bool busy() const { return busy_; }
  void Give(Job job);             // only when not busy
  std::optional<JobDone> Take();  // what has been sent, once; then it is not busy any more

 private:
  struct Shared;
  static void Work(const std::shared_ptr<Shared>& shared);
  const std::shared_ptr<Shared> shared_;  // lives as long as the thread
  bool busy_ = false;
};

}  // namespace pipelined::notify
