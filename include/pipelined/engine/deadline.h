// The deadlines of runs, as they are stored. When one is set, it is an instant: what was a reference and an interval in
// the DAG is evaluated when the run is queued. A deadline is missed once, and that is not taken back.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "pipelined/base/ids.h"
#include "pipelined/base/time.h"

namespace pipelined {

enum class DeadlineState : std::uint8_t {
  kDue,     // the run is under way
  kMet,     // it ended in time
  kMissed,  // it did not
};
std::string_view ToString(DeadlineState state);  // "due", "met", "missed"
std::optional<DeadlineState> DeadlineStateFromString(std::string_view text);

struct StoredDeadline {
  std::int32_t number = 0;  // its place in Dag::deadlines
  Instant at{};
  DeadlineState state = DeadlineState::kDue;
  friend bool operator==(const StoredDeadline&, const StoredDeadline&) = default;
};

// Of Plan: set, met or missed.
struct DeadlineChange {
  RunId run;
  std::string dag_id, run_id;
  StoredDeadline deadline;
  std::string what;  // "15m after it was queued"
};

}  // namespace pipelined
