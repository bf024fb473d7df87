// A run as it is stored.
#pragma once

#include <optional>
#include <string>

#include "pipelined/base/ids.h"
#include "pipelined/base/time.h"
#include "pipelined/base/value.h"
#include "pipelined/engine/sub_run.h"
#include "pipelined/lifecycle/run_state.h"
#include "pipelined/timetable/timetable.h"

namespace pipelined {

// A stored run as it enters the engine.
struct RunInfo {
  RunId id;
  std::string dag_id;
  std::string run_id;  // "manual__2026-01-01T06:00:00+00:00"
  RunType type = RunType::kManual;
  RunState state = RunState::kQueued;
  std::optional<Instant> logical_date;
  std::optional<DataInterval> interval;
  Instant run_after{};
  Instant queued_at{};
  std::optional<Instant> start_date;
  Value conf;
  VersionId version;
  BackfillId backfill;                // that made it, or ran it again last
  std::int32_t backfill_ordinal = 0;  // its place in that backfill
  RunParent parent = {};              // the task that made it
  bool repeats = false;               // another run, whose date it has: it is nobody's past
};

}  // namespace pipelined
