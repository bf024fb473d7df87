// Limits that tasks share by a name (a key), over all DAGs and runs.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "pipelined/base/time.h"

namespace pipelined {

// What a task does whose concurrency key has no place left.
enum class OnConflict : std::uint8_t {
  kQueue,          // waits
  kSkip,           // is skipped
  kCancelRunning,  // fails for good what holds the key, and waits until it has ended
};
std::string_view ToString(OnConflict on_conflict);  // "queue", "skip", "cancel_running"

// So many tries of one key run at once, the smallest `max` among those that run and the one that is to start.
struct ConcurrencyLimit {
  std::string key;  // a template over what is known when the run is created
  std::int32_t max = 1;
  OnConflict on_conflict = OnConflict::kQueue;
};

// So many tries of one key start within any stretch of time of this length.
struct RateLimit {
  std::string key;  // as above
  std::int32_t starts = 0;
  Micros window{0};
};

inline constexpr Micros kLongestRateWindow = std::chrono::hours(1);

}  // namespace pipelined
