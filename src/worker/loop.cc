#include "worker/loop.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

#include "pipelined/base/clock.h"

namespace pipelined::worker {

Loop::Loop() : epoll_(epoll_create1(EPOLL_CLOEXEC)), wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  Watch(wake_, EPOLLIN, [this](std::uint32_t) {
    std::uint64_t count = 0;
    if (read(wake_, &count, sizeof count) > 0) RunPosted();
  });
}

Loop::~Loop() {
  close(wake_);
  close(epoll_);
}

void Loop::Watch(int fd, std::uint32_t events, Handler handler) {
  Forget(fd);
  const std::uint64_t key = ++last_key_;
  epoll_event event{};
  event.events = events;
  event.data.u64 = key;
  if (epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0) return;
  watches_[fd] = key;
  handlers_[key] = std::move(handler);
}

void Loop::Change(int fd, std::uint32_t events) {
  const auto found = watches_.find(fd);
  if (found == watches_.end()) return;
  epoll_event event{};
  event.events = events;
  event.data.u64 = found->second;
  epoll_ctl(epoll_, EPOLL_CTL_MOD, fd, &event);
}

void Loop::Forget(int fd) {
  const auto found = watches_.find(fd);
  if (found == watches_.end()) return;
  epoll_ctl(epoll_, EPOLL_CTL_DEL, fd, nullptr);
  handlers_.erase(found->second);
  watches_.erase(found);
}

Loop::TimerId Loop::After(Micros delay, std::function<void()> run) {
  const TimerId id = ++last_timer_;
  timer_places_[id] = timers_.emplace(SystemClock().Monotonic() + delay, Timer{id, std::move(run)});
  return id;
}

void Loop::Cancel(TimerId timer) {
  const auto found = timer_places_.find(timer);
  if (found == timer_places_.end()) return;
  timers_.erase(found->second);
  timer_places_.erase(found);
}

void Loop::Post(std::function<void()> run) {
  {
    const std::lock_guard lock(mutex_);
    posted_.push_back(std::move(run));
  }
  const std::uint64_t one = 1;
  if (write(wake_, &one, sizeof one) < 0) {
  }
}

void Loop::RunPosted() {
  std::vector<std::function<void()>> posted;
  {
    const std::lock_guard lock(mutex_);
    posted.swap(posted_);
  }
  for (const auto& run : posted) run();
}

int Loop::Patience() const {
  if (timers_.empty()) return -1;
  const Micros left = timers_.begin()->first - SystemClock().Monotonic();
  return static_cast<int>(std::clamp<std::int64_t>((left.count() + 999) / 1000, 0, 60'000));
}

void Loop::RunTimers() {
  const Micros now = SystemClock().Monotonic();
  while (!timers_.empty() && timers_.begin()->first <= now) {
    const auto run = std::move(timers_.begin()->second.run);
    timer_places_.erase(timers_.begin()->second.id);
    timers_.erase(timers_.begin());
    run();
  }
}

void Loop::Run(const std::function<bool()>& ended) {
  std::array<epoll_event, 64> events;
  while (!ended()) {
    const int count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), Patience());
    for (int i = 0; i < count; ++i) {
      const epoll_event& event = events[static_cast<std::size_t>(i)];
      const auto found = handlers_.find(event.data.u64);
      if (found == handlers_.end()) continue;  // forgotten within this turn
      const Handler handler = found->second;   // it may forget itself
      handler(event.events);
    }
    RunTimers();
  }
}

}  // namespace pipelined::worker
