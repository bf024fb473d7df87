// Follows a backfill to its end: a bar on a terminal, a line per step otherwise.
#pragma once

#include "cli/session/session.h"

namespace pipelined::cli {

struct WatchBackfillOptions {
  bool progress = true;        // show anything while it goes on
  double timeout_seconds = 0;  // 0: as long as it takes
};

// Its progress (/api/ext/v1/backfills/{id}/progress) when it has ended. kFailed when the time is over before.
Result<Value> WatchBackfill(const Session& session, std::int64_t id, const WatchBackfillOptions& options);

// "365 of 365 runs: 363 succeeded, 2 failed", and what failed: for people.
std::string BackfillSummary(const Value& progress);

// Everything that it made has succeeded, and nothing was cancelled.
bool Succeeded(const Value& progress);

}  // namespace pipelined::cli
