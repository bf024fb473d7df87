// The words of attempt outcomes, as the history and /api/ext/v1 say them.
#include <array>

#include "pipelined/engine/event.h"

namespace pipelined {
namespace {

constexpr std::array<std::string_view, 8> kOutcomes{"success",       "failed",     "timed_out", "stopped",
                                                    "launch_failed", "bad_output", "lost",      "skipped"};

}  // namespace

std::string_view ToString(TryOutcome outcome) {
  return kOutcomes[static_cast<std::size_t>(outcome)];
}

std::optional<TryOutcome> TryOutcomeFromString(std::string_view text) {
  for (std::size_t i = 0; i < kOutcomes.size(); ++i) {
    if (kOutcomes[i] == text) return static_cast<TryOutcome>(i);
  }
  return std::nullopt;
}

}  // namespace pipelined
