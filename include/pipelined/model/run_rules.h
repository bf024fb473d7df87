// What a DAG says of its runs as a whole, beside their schedule: by when they shall have ended, and what becomes of a
// slot that comes too early.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pipelined/base/time.h"
#include "pipelined/model/notify_rules.h"

namespace pipelined {

// From when on a deadline counts; Airflow's DeadlineReference.
enum class DeadlineReference : std::uint8_t {
  kQueuedAt,        // of the run
  kLogicalDate,     // of the run; one without a date has no such deadline
  kFixed,           // an instant
  kAverageRuntime,  // as long as the last runs took, from when the run was queued
};
std::string_view ToString(DeadlineReference reference);  // "queued_at", "logical_date", "fixed", "average_runtime"

// A run is to have ended `interval` after the reference.
struct Deadline {
  DeadlineReference reference = DeadlineReference::kQueuedAt;
  Micros interval{0};                     // may be negative: before the reference
  Instant at{};                           // kFixed
  std::int32_t max_runs = 10;             // kAverageRuntime: of the last so many finished runs …
  std::int32_t min_runs = 10;             // … when there are at least so many; otherwise there is no deadline
  std::vector<NotifyUse> on_missed = {};  // who is told

  friend bool operator==(const Deadline&, const Deadline&) = default;
};

// "15m after it was queued", "2026-01-01T06:00:00Z"
std::string ToText(const Deadline& deadline);

// What a slot of the schedule does that is due while max_active_runs of the DAG are under way.
enum class Overlap : std::uint8_t {
  kQueue,          // waits; the latest one when the DAG does not catch up
  kSkip,           // is passed over
  kCancelRunning,  // ends the earliest run and takes its place
};
std::string_view ToString(Overlap overlap);  // "queue", "skip", "cancel_running"
std::optional<Overlap> OverlapFromString(std::string_view text);

}  // namespace pipelined
