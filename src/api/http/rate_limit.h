// How often something may be done by one name: some times freely, then with waits that double. Thread-safe.
//
// The memory is bounded. When it is full, the name goes that has done least, so that many new names neither keep others
// out nor make those forgotten who are being kept out.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <unordered_map>

#include "pipelined/base/time.h"

namespace pipelined::api {

struct Pace {
  int free = 1;                // so many times without a wait
  Micros first_wait{0};        // after the last free one; doubles with each further time
  Micros longest_wait{0};      // at which it stops doubling
  Micros forgive = Micros(1);  // one time is forgotten after so long
  std::size_t names = 10'000;  // that are remembered
};

class RateLimit {
 public:
  explicit RateLimit(Pace pace) : pace_(pace) {}

  // Seconds until `name` may do it again; 0: now. `free` instead of the pace's, if it is less. `monotonic` is
  // Clock::Monotonic().
  std::int64_t RetryAfter(const std::string& name, Micros monotonic, int free);
  std::int64_t RetryAfter(const std::string& name, Micros monotonic) { return RetryAfter(name, monotonic, pace_.free); }
  void Count(const std::string& name, Micros monotonic);
  void Forget(const std::string& name);
  // Whether what is free has been used up, and not been forgotten since.
  bool Spent(const std::string& name, Micros monotonic);

 private:
  struct Done {
    double times = 0;  // as of `last`
    Micros last{0};
  };
  double TimesNow(const Done& done, Micros now) const;
  void MakeRoom(Micros now);

  const Pace pace_;
  std::mutex mutex_;
  std::unordered_map<std::string, Done> done_;
};

}  // namespace pipelined::api
