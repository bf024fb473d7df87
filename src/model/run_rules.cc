#include "pipelined/model/run_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace pipelined {
namespace {

constexpr std::array<std::string_view, 4> kReferences{"queued_at", "logical_date", "fixed", "average_runtime"};
constexpr std::array<std::string_view, 3> kOverlaps{"queue", "skip", "cancel_running"};

std::string Around(Micros interval, std::string_view reference) {
  if (interval == Micros(0)) return fmt::format("when {}", reference);
  return interval > Micros(0) ? fmt::format("{} after {}", FormatDuration(interval), reference)
                              : fmt::format("{} before {}", FormatDuration(-interval), reference);
}

}  // namespace

std::string_view ToString(DeadlineReference reference) {
  return kReferences[static_cast<std::size_t>(reference)];
}

std::string ToText(const Deadline& deadline) {
  switch (deadline.reference) {
    case DeadlineReference::kQueuedAt:
      return Around(deadline.interval, "it was queued");
    case DeadlineReference::kLogicalDate:
      return Around(deadline.interval, "its logical date");
    case DeadlineReference::kFixed:
      return FormatInstant(deadline.at + deadline.interval);
    case DeadlineReference::kAverageRuntime:
      return Around(deadline.interval, fmt::format("the average time of the last {} runs", deadline.max_runs));
  }
  return "";
}

std::string_view ToString(Overlap overlap) {
  return kOverlaps[static_cast<std::size_t>(overlap)];
}

std::optional<Overlap> OverlapFromString(std::string_view text) {
  const auto found = std::find(kOverlaps.begin(), kOverlaps.end(), text);
  if (found == kOverlaps.end()) return std::nullopt;
  return static_cast<Overlap>(found - kOverlaps.begin());
}

}  // namespace pipelined
