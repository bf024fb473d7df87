#include "pipelined/lifecycle/retry.h"

#include <algorithm>
#include <cmath>

#include "lifecycle/jitter.h"

namespace pipelined {
namespace {

constexpr double kMostSeconds = 24 * 3600;

}  // namespace

Micros RetryDelay(const RetryPolicy& policy, const RetryKey& key, int try_number) {
  if (policy.multiplier == 0 || policy.multiplier == 1) return policy.delay;
  const double delay = std::chrono::duration<double>(policy.delay).count();
  const double base = std::max(1.0, std::ceil(delay * std::pow(policy.multiplier, try_number - 1)));
  double seconds = kMostSeconds;
  if (base < kMostSeconds) {
    const auto whole = static_cast<std::uint64_t>(base);
    seconds = std::min(
        kMostSeconds, base + static_cast<double>(Jitter(key.dag_id, key.task_id, key.logical_date, try_number, whole)));
  }
  const Micros result(static_cast<std::int64_t>(seconds * 1e6));
  return policy.max_delay ? std::min(result, *policy.max_delay) : result;
}

}  // namespace pipelined
