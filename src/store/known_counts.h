// Totals of listings that are dear to count, kept for a while.
//
// Only what hardly changes by being late is kept: that a listing reaches the bound of counting (for a minute), and a
// total that took a second or more (for twenty times as long, at most a minute). Any other total is counted anew, so
// that it is exact.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "pipelined/base/time.h"

namespace pipelined {

// One total, which several may ask for at once: then it is counted once for all who asked before that count began.
// Thread-safe.
class SharedCount {
 public:
  template <class Count>
  std::int64_t Ask(const Count& count) {
    const std::uint64_t asked = begun_;
    const std::lock_guard lock(counting_);
    if (done_ > asked) return total_;
    const std::uint64_t number = ++begun_;
    total_ = count();
    done_ = number;
    return total_;
  }

 private:
  std::atomic<std::uint64_t> begun_ = 0;
  std::mutex counting_;
  std::uint64_t done_ = 0;  // guarded by counting_, as is:
  std::int64_t total_ = 0;
};

// Thread-safe. All times are monotonic.
class KnownCounts {
 public:
  // Nothing: count. Of all who ask when a total has become too old only the first is told to, the others get the old
  // one.
  std::optional<std::int64_t> Find(const std::string& listing, Micros now);
  // `bounded`: counting stopped at `total`. `took`: how long it lasted.
  void Learn(const std::string& listing, std::int64_t total, bool bounded, Micros took, Micros now);
  std::shared_ptr<SharedCount> Shared(const std::string& listing);

 private:
  struct Known {
    std::int64_t total;
    Micros until;
  };
  std::mutex mutex_;
  std::unordered_map<std::string, Known> known_;                         // guarded by mutex_
  std::unordered_map<std::string, std::weak_ptr<SharedCount>> counted_;  // guarded by mutex_: now
};

}  // namespace pipelined
