// How long a failed try waits before the next one: Airflow's formula, jitter included, proved on
// tests/conformance/retry.jsonl.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "pipelined/base/time.h"

namespace pipelined {

struct RetryPolicy {
  int retries = 0;  // tries = retries + 1
  Micros delay = std::chrono::minutes(5);
  double multiplier = 0;            // 0 or 1: constant; `retry_exponential_backoff: true` is 2
  std::optional<Micros> max_delay;  // only with a multiplier other than 0 and 1; 24 h at most in any case
  std::vector<int> exit_codes;      // retry only after these; empty: after any failure

  friend bool operator==(const RetryPolicy&, const RetryPolicy&) = default;
};

// What the jitter is made from: the same task, date and try always waits the same time.
struct RetryKey {
  std::string_view dag_id;
  std::string_view task_id;
  std::optional<Instant> logical_date;
};

// Counted from the end of failed try number `try_number` (the first is 1).
Micros RetryDelay(const RetryPolicy& policy, const RetryKey& key, int try_number);

}  // namespace pipelined
