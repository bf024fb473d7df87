#include "api/transport/turnstile.h"

#include <utility>

namespace pipelined::api {

Turnstile::Entry Turnstile::Enter(std::function<void()> wake) {
  const std::scoped_lock lock(mutex_);
  if (free_ > 0) {
    --free_;
    return Entry::kNow;
  }
  if (line_.size() >= longest_line_) return Entry::kFull;
  line_.push_back(std::move(wake));
  return Entry::kLater;
}

void Turnstile::Leave() {
  std::unique_lock lock(mutex_);
  if (line_.empty()) {
    ++free_;
    return;
  }
  const std::function<void()> wake = std::move(line_.front());
  line_.pop_front();
  lock.unlock();
  wake();
}

}  // namespace pipelined::api
