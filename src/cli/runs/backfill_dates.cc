#include "cli/runs/backfill_dates.h"

#include <fmt/format.h>

namespace pipelined::cli {

Result<Instant> ReadRangeDate(const std::string& text, RangeEnd end, const Zone& zone) {
  constexpr std::size_t kBareDate = std::string_view("2026-01-31").size();
  if (const auto instant = ParseInstant(text)) return *instant;
  if (const auto local = ParseLocal(text)) {
    const bool whole_day = text.size() == kBareDate && end == RangeEnd::kTo;
    return whole_day ? zone.ToInstant(*local + std::chrono::days(1)) - Micros(1) : zone.ToInstant(*local);
  }
  return Error{ErrorCode::kInvalid, fmt::format("{} is not a date: {}", end == RangeEnd::kTo ? "--to" : "--from", text),
               "for example 2026-01-31 (the whole day in the DAG's time zone), 2026-01-31T06:00 or "
               "2026-01-31T06:00:00Z"};
}

}  // namespace pipelined::cli
