// Instants and durations. Everything is UTC with microseconds, as the database keeps it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "pipelined/base/result.h"

namespace pipelined {

using Micros = std::chrono::microseconds;
using Millis = std::chrono::milliseconds;
using Seconds = std::chrono::seconds;
using Instant = std::chrono::sys_time<Micros>;

// "2026-01-01T06:00:00Z", with ".ffffff" when there are fractions of a second, as Airflow's REST API prints it.
std::string FormatInstant(Instant instant);
// "2026-01-01T06:00:00+00:00", Python's isoformat(): what run ids and templates (`ts`) carry.
std::string FormatIso(Instant instant);

// RFC 3339: needs a date, a time and an offset or Z. A date alone, or a time without offset, is kInvalid.
Result<Instant> ParseInstant(std::string_view text);

// A wall-clock reading without a zone: what ParseLocal gives and a zone turns into an Instant.
using LocalTime = std::chrono::local_time<Micros>;
// "2026-01-01", "2026-01-01T06:00[:00[.f]]", also with a blank for the T. No offset.
Result<LocalTime> ParseLocal(std::string_view text);

// "500ms", "30s", "5m", "1h30m", "2d", ISO 8601 "PT5M", "P1D", or seconds as a number ("90", "0.5"). Negative:
// kInvalid.
Result<Micros> ParseDuration(std::string_view text);
// The shortest exact form that ParseDuration reads back: "1h30m", "500ms".
std::string FormatDuration(Micros duration);

}  // namespace pipelined
