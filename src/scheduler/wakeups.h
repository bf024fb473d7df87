// What ends the scheduler's sleep: one epoll over the executor, the store's notifications, a timer and an eventfd for
// Stop and Post.
#pragma once

#include "pipelined/base/time.h"
#include "pipelined/scheduler/scheduler.h"

namespace pipelined {

struct Scheduler::Wakeups {
  explicit Wakeups(int executor_fd);
  ~Wakeups();
  Wakeups(const Wakeups&) = delete;
  Wakeups& operator=(const Wakeups&) = delete;

  void Add(int fd) const;
  // The store's socket changes with each connection.
  void WatchStore(int fd);
  // Wakes at `wall` (nothing: never by the wall clock) or after `at_most`, whichever comes first. A stepped wall clock
  // wakes too.
  void Arm(std::optional<Instant> wall, Micros at_most);
  // Sleeps until something happens. True when the store's socket is readable.
  bool Sleep();
  // Sleeps for a moment whatever happens; not at all when `time` is not positive.
  static void Pause(Micros time);
  void Wake() const;  // async-signal-safe

 private:
  int epoll_ = -1;
  int wake_ = -1;
  int wall_timer_ = -1;
  int store_ = -1;
  Micros at_most_{0};
};

}  // namespace pipelined
