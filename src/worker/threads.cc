#include "worker/threads.h"

#include <utility>

namespace pipelined::worker {

Threads::~Threads() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
    waiting_.clear();
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

Threads::WorkId Threads::Run(std::function<void()> work) {
  const std::lock_guard lock(mutex_);
  waiting_.emplace_back(++last_, std::move(work));
  if (waiting_.size() > idle_ && threads_.size() < most_) threads_.emplace_back([this] { Serve(); });
  wake_.notify_one();
  return last_;
}

bool Threads::Cancel(WorkId work) {
  const std::lock_guard lock(mutex_);
  return std::erase_if(waiting_, [work](const auto& one) { return one.first == work; }) != 0;
}

void Threads::Serve() {
  std::unique_lock lock(mutex_);
  for (;;) {
    ++idle_;
    wake_.wait(lock, [this] { return ending_ || !waiting_.empty(); });
    --idle_;
    if (ending_) return;
    auto work = std::move(waiting_.front().second);
    waiting_.pop_front();
    lock.unlock();
    work();
    work = nullptr;  // what it holds is freed while others may take the lock
    lock.lock();
  }
}

}  // namespace pipelined::worker
