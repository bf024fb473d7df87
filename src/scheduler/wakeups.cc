#include "scheduler/wakeups.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <ctime>

namespace pipelined {

Scheduler::Wakeups::Wakeups(int executor_fd)
    : epoll_(epoll_create1(EPOLL_CLOEXEC)),
      wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      wall_timer_(timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK)) {
  Add(wake_);
  Add(wall_timer_);
  if (executor_fd >= 0) Add(executor_fd);
}

Scheduler::Wakeups::~Wakeups() {
  close(wall_timer_);
  close(wake_);
  close(epoll_);
}

void Scheduler::Wakeups::Add(int fd) const {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = fd;
  epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
}

void Scheduler::Wakeups::WatchStore(int fd) {
  // The old descriptor may be closed already (which took it out) or even be the new one's number.
  if (store_ >= 0) epoll_ctl(epoll_, EPOLL_CTL_DEL, store_, nullptr);
  store_ = fd;
  if (fd >= 0) Add(fd);
}

void Scheduler::Wakeups::Arm(std::optional<Instant> wall, Micros at_most) {
  at_most_ = std::max(at_most, Micros(0));
  itimerspec spec{};
  if (wall) {
    if (*wall <= Instant{}) at_most_ = Micros(0);  // due now
    const std::int64_t micros = std::max<std::int64_t>(1, wall->time_since_epoch().count());
    spec.it_value.tv_sec = micros / 1'000'000;
    spec.it_value.tv_nsec = micros % 1'000'000 * 1000;
  }
  timerfd_settime(wall_timer_, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &spec, nullptr);
}

bool Scheduler::Wakeups::Sleep() {
  std::array<epoll_event, 8> events{};
  const auto millis = static_cast<int>((at_most_.count() + 999) / 1000);
  const int count = epoll_wait(epoll_, events.data(), events.size(), millis);
  bool store_readable = false;
  for (int i = 0; i < count; ++i) {
    const int fd = events[static_cast<std::size_t>(i)].data.fd;
    std::uint64_t drained = 0;
    if (fd == store_) store_readable = true;
    if (fd == wake_ || fd == wall_timer_) {
      // ECANCELED from the timer: the wall clock was stepped; the next Arm looks at it anew.
      while (read(fd, &drained, sizeof drained) < 0 && errno == EINTR) {
      }
    }
  }
  return store_readable;
}

void Scheduler::Wakeups::Pause(Micros time) {
  if (time <= Micros(0)) return;
  const timespec wanted{0, static_cast<long>(std::min<std::int64_t>(time.count(), 999'999) * 1000)};
  nanosleep(&wanted, nullptr);
}

void Scheduler::Wakeups::Wake() const {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(wake_, &one, sizeof one);
}

}  // namespace pipelined
