// The 13 trigger rules: may a task run, given the states of its direct upstream tasks? Airflow 3's behaviour, proved on
// tests/conformance/trigger-rules.jsonl.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "pipelined/lifecycle/task_state.h"

namespace pipelined {

enum class TriggerRule : std::uint8_t {
  kAllSuccess,
  kAllFailed,
  kAllDone,
  kAllDoneMinOneSuccess,
  kOneSuccess,
  kOneFailed,
  kOneDone,
  kNoneFailed,
  kNoneFailedMinOneSuccess,
  kNoneSkipped,
  kAllSkipped,
  kAlways,
  kAllDoneSetupSuccess,
};

std::string_view ToString(TriggerRule rule);  // "all_success" …
std::optional<TriggerRule> TriggerRuleFromString(std::string_view text);

// How many direct upstreams are in which state. `removed` ones are left out of `total`, as Airflow does.
struct UpstreamCounts {
  std::uint32_t total = 0;
  std::uint32_t success = 0;
  std::uint32_t failed = 0;
  std::uint32_t skipped = 0;
  std::uint32_t upstream_failed = 0;
  std::uint32_t removed = 0;

  std::uint32_t done() const { return success + failed + skipped + upstream_failed; }
  // Adds (or, with by = -1, takes away) one upstream in `state`; unfinished states change nothing.
  void Count(TaskState state, int by = 1);
};

enum class RuleVerdict : std::uint8_t { kWait, kRun, kSkip, kUpstreamFailed };

// Whether an instance of a mapped task goes with instances above that were removed, as in Airflow: those that succeeded
// there have the first places.
bool IsRemovedWith(TriggerRule rule, const UpstreamCounts& upstreams, std::int32_t map_index);


// A task without upstreams runs whatever its rule. `setups` (for kAllDoneSetupSuccess) counts the setups among the
// upstreams.
RuleVerdict Evaluate(TriggerRule rule, const UpstreamCounts& upstreams, const UpstreamCounts* setups = nullptr);

}  // namespace pipelined
