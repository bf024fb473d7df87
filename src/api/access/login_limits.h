// How often a password may be tried. See docs/decisions/120-waits-that-double-and-nobody-is-locked-out.md. Thread-safe.
//
// Tightly for a name from one network, loosely for a network with any names. A name that many fail at, wherever they
// are, is under attack: from where nobody has ever signed in by it one try is free instead of five. So nobody can keep
// the owner of a name out from elsewhere.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <unordered_map>

#include "api/http/rate_limit.h"

namespace pipelined::api {

class LoginLimits {
 public:
  static constexpr Pace kPair{5, std::chrono::seconds(30), std::chrono::hours(1), std::chrono::hours(2)};
  static constexpr Pace kNetwork{50, std::chrono::seconds(30), std::chrono::hours(1), std::chrono::minutes(1)};
  static constexpr Pace kName{50, Micros(0), Micros(0), std::chrono::minutes(1)};  // makes nobody wait by itself
  static constexpr int kFreeForStrangers = 1;                                      // while the name is under attack

  // Seconds until a password for `name` may be tried from `address`; 0: now.
  std::int64_t RetryAfter(const std::string& address, const std::string& name, Micros monotonic);
  void Failed(const std::string& address, const std::string& name, Micros monotonic);
  void Succeeded(const std::string& address, const std::string& name, Micros monotonic);

 private:
  static constexpr std::size_t kKnown = 10'000;

  bool IsKnown(const std::string& pair);

  RateLimit pairs_{kPair}, networks_{kNetwork}, names_{kName};
  std::mutex mutex_;
  std::unordered_map<std::string, Micros> known_;  // guarded by mutex_; since this server runs
};

}  // namespace pipelined::api
