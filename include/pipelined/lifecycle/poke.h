// When a sensor looks: Airflow's intervals, jitter included. A pure function of when it began, so that nothing of it
// has to be stored: after a restart it goes on as it would have.
#pragma once

#include <optional>
#include <string_view>

#include "pipelined/base/time.h"

namespace pipelined {

struct PokePolicy {
  Micros interval = std::chrono::seconds(60);
  Micros timeout = std::chrono::hours(7 * 24);  // from its first look; then there is a last one
  bool exponential_backoff = false;
  std::optional<Micros> max_wait = std::nullopt;  // the longest interval

  friend bool operator==(const PokePolicy&, const PokePolicy&) = default;
};

struct PokeKey {
  std::string_view dag_id, task_id;
};

struct Poke {
  std::int64_t number = 1;
  Instant at{};
};

// How long after look number `number` the next one is due, `elapsed` after the first.
Micros PokeWait(const PokePolicy& policy, const PokeKey& key, Instant since, std::int64_t number, Micros elapsed);

// The first look behind `last` that is due after `now`, or the last one of all, at the timeout, even if that has gone
// by. The very first one is number 1, at `since`. Nothing: `last` was the last one.
std::optional<Poke> NextPoke(const PokePolicy& policy, const PokeKey& key, Instant since, Poke last, Instant now);

}  // namespace pipelined
