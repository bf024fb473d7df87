#include "cli/output/moment.h"

#include <fmt/format.h>

namespace pipelined::cli {

Result<Instant> ParseMoment(const std::string& option, const std::string& text) {
  if (const auto instant = ParseInstant(text); instant) return *instant;
  if (const auto local = ParseLocal(text); local) return Instant(local->time_since_epoch());
  return Error{ErrorCode::kInvalid, fmt::format("{} {}: not a point in time", option, text),
               "for example 2026-01-31, or 2026-01-31T06:00:00+01:00; without an offset it is UTC"};
}

}  // namespace pipelined::cli
