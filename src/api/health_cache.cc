#include "api/health_cache.h"

namespace pipelined::api {

Result<Health> HealthCache::Ask(Catalog& catalog, Micros monotonic) {
  const std::scoped_lock lock(mutex_);
  if (!known_ || monotonic - asked_ >= kFresh) {
    known_ = catalog.CheckHealth();
    asked_ = monotonic;
  }
  return *known_;
}

}  // namespace pipelined::api
