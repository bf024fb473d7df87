#include "pipelined/lifecycle/retry.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "pipelined/base/hash.h"

namespace pipelined {
namespace {

constexpr double kMostSeconds = 24 * 3600;

// Python's str() of an aware datetime, which Airflow hashes.
std::string HashedDate(std::optional<Instant> date) {
  if (!date) return "None";
  std::string text = FormatIso(*date);
  text[10] = ' ';
  return text;
}

// SHA-1 of the key as one big number, modulo `base`.
std::uint64_t Jitter(const RetryKey& key, int try_number, std::uint64_t base) {
  const auto digest =
      Sha1(fmt::format("{}#{}#{}#{}", key.dag_id, key.task_id, HashedDate(key.logical_date), try_number));
  std::uint64_t rest = 0;  // base is below 2^17, so that nothing overflows
  for (const std::uint8_t byte : digest) rest = (rest * 256 + byte) % base;
  return rest;
}

}  // namespace

Micros RetryDelay(const RetryPolicy& policy, const RetryKey& key, int try_number) {
  if (policy.multiplier == 0 || policy.multiplier == 1) return policy.delay;
  const double delay = std::chrono::duration<double>(policy.delay).count();
  const double base = std::max(1.0, std::ceil(delay * std::pow(policy.multiplier, try_number - 1)));
  double seconds = kMostSeconds;
  if (base < kMostSeconds) {
    const auto whole = static_cast<std::uint64_t>(base);
    seconds = std::min(kMostSeconds, base + static_cast<double>(Jitter(key, try_number, whole)));
  }
  const Micros result(static_cast<std::int64_t>(seconds * 1e6));
  return policy.max_delay ? std::min(result, *policy.max_delay) : result;
}

}  // namespace pipelined
