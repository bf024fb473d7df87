// How many failed log-ins a name may have: a few per minute, and a bounded memory of names. Thread-safe.
#pragma once

#include <map>
#include <mutex>
#include <string>

#include "pipelined/base/time.h"

namespace pipelined::api {

class RateLimit {
 public:
  static constexpr int kFailuresPerMinute = 5;
  static constexpr std::size_t kNames = 1000;

  explicit RateLimit(int per_minute = kFailuresPerMinute) : per_minute_(per_minute) {}

  // Seconds until `name` may try again; 0: now. `monotonic` is Clock::Monotonic().
  std::int64_t RetryAfter(const std::string& name, Micros monotonic);
  void Failed(const std::string& name, Micros monotonic);
  void Succeeded(const std::string& name);

 private:
  struct Window {
    Micros start{0};
    int failures = 0;
  };
  void DropOld(Micros monotonic);

  const int per_minute_;
  std::mutex mutex_;
  std::map<std::string, Window> windows_;
};

}  // namespace pipelined::api
