#include "api/live/ticks.h"

#include <vector>

#include "pipelined/base/time.h"

namespace pipelined::api {
namespace {
constexpr Micros kPause = Millis(200);
}

std::uint64_t Ticks::Join(std::function<void()> wake) {
  const std::scoped_lock lock(mutex_);
  if (stopping_) return 0;
  if (!thread_.joinable()) thread_ = std::thread([this] { Run(); });
  wakes_.emplace(++last_, std::make_shared<const std::function<void()>>(std::move(wake)));
  changed_.notify_all();
  return last_;
}

void Ticks::Leave(std::uint64_t one) {
  const std::scoped_lock lock(mutex_);
  wakes_.erase(one);
}

void Ticks::Stop() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

void Ticks::Run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    changed_.wait(lock, [this] { return stopping_ || !wakes_.empty(); });
    std::vector<Wake> wakes;
    for (const auto& [_, wake] : wakes_) wakes.push_back(wake);
    lock.unlock();
    for (const Wake& wake : wakes) (*wake)();
    wakes.clear();
    lock.lock();
    changed_.wait_for(lock, kPause, [this] { return stopping_; });
  }
}

}  // namespace pipelined::api
