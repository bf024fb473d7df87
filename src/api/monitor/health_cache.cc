#include "api/monitor/health_cache.h"

namespace pipelined::api {

Result<Health> HealthCache::Ask(Catalog& catalog, const Clock& clock) {
  std::unique_lock lock(mutex_);
  answered_.wait(lock, [this] { return known_ || !asking_; });
  if (known_ && (asking_ || clock.Monotonic() - answered_at_ < kFresh)) return *known_;
  asking_ = true;
  lock.unlock();
  Result<Health> answer = catalog.CheckHealth();
  lock.lock();
  asking_ = false;
  known_ = answer;
  answered_at_ = clock.Monotonic();  // not when it was asked: what takes long is fresh nevertheless
  answered_.notify_all();
  return answer;
}

}  // namespace pipelined::api
