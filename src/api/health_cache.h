// The state of database and scheduler, asked for at most twice a second however often it is wanted. Thread-safe.
#pragma once

#include <mutex>
#include <optional>

#include "pipelined/base/time.h"
#include "pipelined/ports/catalog.h"

namespace pipelined::api {

class HealthCache {
 public:
  static constexpr Micros kFresh = Millis(500);

  // `monotonic` is Clock::Monotonic(). Who comes while it is asked for waits for the same answer.
  Result<Health> Ask(Catalog& catalog, Micros monotonic);

 private:
  std::mutex mutex_;
  std::optional<Result<Health>> known_;
  Micros asked_{0};
};

}  // namespace pipelined::api
