// The worker's one thread of control: descriptors, timers, and what other threads hand over.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "pipelined/base/time.h"

namespace pipelined::worker {

// Not thread-safe, except Post().
class Loop {
 public:
  using Handler = std::function<void(std::uint32_t events)>;
  using TimerId = std::uint64_t;

  Loop();
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // `events` as of epoll. The descriptor stays its owner's.
  void Watch(int fd, std::uint32_t events, Handler handler);
  void Change(int fd, std::uint32_t events);
  void Forget(int fd);

  TimerId After(Micros delay, std::function<void()> run);
  void Cancel(TimerId timer);

  // From any thread: `run` is called in this one.
  void Post(std::function<void()> run);

  // Until `ended` says so; it is asked after each turn.
  void Run(const std::function<bool()>& ended);

 private:
  int Patience() const;
  void RunTimers();
  void RunPosted();

  int epoll_, wake_;
  std::unordered_map<int, std::uint64_t> watches_;       // descriptor -> key
  std::unordered_map<std::uint64_t, Handler> handlers_;  // by key: a descriptor may come again within one turn
  std::uint64_t last_key_ = 0;
  struct Timer {
    TimerId id;
    std::function<void()> run;
  };
  std::multimap<Micros, Timer> timers_;
  std::unordered_map<TimerId, std::multimap<Micros, Timer>::iterator> timer_places_;
  TimerId last_timer_ = 0;
  std::mutex mutex_;
  std::vector<std::function<void()>> posted_;  // guarded by mutex_
};

}  // namespace pipelined::worker
