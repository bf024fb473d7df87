#include "api/runs/when.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/http/query.h"

namespace pipelined::api {
namespace {

Error NoInstant(std::string_view text) {
  return Error{ErrorCode::kInvalid, fmt::format("\"{}\" is no instant", text),
               "for example 2026-01-31T06:00:00Z, 2026-01-31T06:00 (UTC), -90s (before now) or +5m (after the start of "
               "the run)"};
}

// A blank is a "+" that nobody escaped.
bool IsRelative(std::string_view text) {
  return text.starts_with('-') || text.starts_with('+') || text.starts_with(' ');
}

Result<Instant> Relative(std::string_view text, Instant now, Instant start) {
  const Result<Micros> span = ParseDuration(text.substr(1));
  if (!span.ok()) return NoInstant(text);
  if (!text.starts_with('-'))
    return start + std::min(*span, now - start + Micros(1));  // no overflow, and in the future
  return now - std::min(*span, now.time_since_epoch());
}

Result<Instant> Parse(std::string_view text, Instant now, Instant start) {
  if (IsRelative(text)) return Relative(text, now, start);
  if (const Result<Instant> instant = ParseApiDate(text); instant.ok()) return *instant;
  const Result<LocalTime> naive = ParseLocal(text);
  if (!naive.ok()) return NoInstant(text);
  return Instant(naive->time_since_epoch());
}

}  // namespace

Result<Instant> ParseWhen(std::string_view text, Instant now, Instant start) {
  Result<Instant> instant = Parse(text, now, start);
  if (instant.ok() && *instant > now) {
    return Error{ErrorCode::kInvalid,
                 fmt::format("\"{}\" lies in the future: by the server's clock it is {}", text, FormatInstant(now)),
                 ""};
  }
  return instant;
}

}  // namespace pipelined::api
