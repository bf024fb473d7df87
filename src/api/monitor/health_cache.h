// The state of database and scheduler, asked for at most twice a second however often it is wanted. Thread-safe.
#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>

#include "pipelined/base/clock.h"
#include "pipelined/ports/catalog.h"

namespace pipelined::api {

class HealthCache {
 public:
  static constexpr Micros kFresh = Millis(500);

  // Who comes while one asks gets the last known answer, so that a database that hangs holds one thread and not all;
  // the first time, when there is none, it waits for the same answer.
  Result<Health> Ask(Catalog& catalog, const Clock& clock);

 private:
  std::mutex mutex_;
  std::condition_variable answered_;
  bool asking_ = false;
  std::optional<Result<Health>> known_;
  Micros answered_at_{0};  // monotonic
};

}  // namespace pipelined::api
