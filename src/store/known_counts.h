// Totals of listings that are dear to count, kept for a while.
//
// Only what hardly changes by being late is kept: that a listing reaches the bound of counting (for a minute), and a
// total that took a second or more (for twenty times as long, at most a minute). Any other total is counted anew, so
// that it is exact.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "pipelined/base/time.h"

namespace pipelined {

// Thread-safe. All times are monotonic.
class KnownCounts {
 public:
  // Nothing: count. Of all who ask when a total has become too old only the first is told to, the others get the old
  // one.
  std::optional<std::int64_t> Find(const std::string& listing, Micros now);
  // `bounded`: counting stopped at `total`. `took`: how long it lasted.
  void Learn(const std::string& listing, std::int64_t total, bool bounded, Micros took, Micros now);

 private:
  struct Known {
    std::int64_t total;
    Micros until;
  };
  std::mutex mutex_;
  std::unordered_map<std::string, Known> known_;  // guarded by mutex_
};

}  // namespace pipelined
