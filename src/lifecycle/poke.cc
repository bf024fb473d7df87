#include "pipelined/lifecycle/poke.h"

#include <algorithm>
#include <cmath>

#include "lifecycle/jitter.h"

namespace pipelined {
namespace {

// Longer than any timeout that makes sense, and still exact as a number of seconds.
constexpr double kMostSeconds = 1e9;

// An interval of 0 would keep the scheduler busy with nothing else.
constexpr Micros kLeast = std::chrono::milliseconds(100);

}  // namespace

Micros PokeWait(const PokePolicy& policy, const PokeKey& key, Instant since, std::int64_t number, Micros elapsed) {
  if (!policy.exponential_backoff) return std::max(policy.interval, kLeast);
  const double interval = std::chrono::duration<double>(policy.interval).count();
  const double power = std::pow(2.0, static_cast<double>(std::min<std::int64_t>(number, 64) - 2));
  const auto base = static_cast<std::uint64_t>(std::clamp(std::floor(interval * power), 1.0, kMostSeconds));
  const auto jitter = Jitter(key.dag_id, key.task_id, since, number, base);
  const Micros left = policy.timeout - std::chrono::floor<Seconds>(elapsed);
  Micros wait = std::min<Micros>(left, Seconds(static_cast<std::int64_t>(base + jitter)));
  if (policy.max_wait && *policy.max_wait > Micros(0)) wait = std::min(wait, *policy.max_wait);
  return std::max(wait, kLeast);
}

std::optional<Poke> NextPoke(const PokePolicy& policy, const PokeKey& key, Instant since, Poke last, Instant now) {
  const Instant end = since + policy.timeout;
  if (last.at >= end) return std::nullopt;
  if (!policy.exponential_backoff) {  // those that have gone by, at once: there may be very many
    const Micros interval = PokeWait(policy, key, since, last.number, Micros(0));
    const std::int64_t gone = now > last.at ? (std::min(now, end) - last.at) / interval : 0;
    last.number += gone;
    last.at += gone * interval;
  }
  do {
    last.at = std::min(last.at + PokeWait(policy, key, since, last.number, last.at - since), end);
    ++last.number;
  } while (last.at <= now && last.at < end);
  return last;
}

}  // namespace pipelined
