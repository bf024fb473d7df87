// Backfills: runs of a DAG for a range of past dates, with limits of their own. This is what such a range comes to; the
// engine makes the runs, and the API shows the same list as a dry run.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pipelined/base/ids.h"
#include "pipelined/base/result.h"
#include "pipelined/base/value.h"
#include "pipelined/lifecycle/run_state.h"
#include "pipelined/timetable/timetable.h"

namespace pipelined {

// Which existing runs of the range are run again: none, failed ones, or all finished ones.
enum class Reprocess : std::uint8_t { kNone, kFailed, kCompleted };
std::string_view ToString(Reprocess reprocess);  // Airflow's words: "none", "failed", "completed"
std::optional<Reprocess> ReprocessFromString(std::string_view text);

// A run of the DAG that has a logical date in the range.
struct ExistingRun {
  RunId run;
  Instant logical_date{};
  RunState state = RunState::kQueued;
};

// What a backfill meets: read just before it is decided.
struct BackfillFacts {
  std::shared_ptr<const Timetable> slots;  // of BackfillSchedule(); nullptr: nothing is due by itself
  std::string fault;                       // why the slots cannot be told now; empty: they can
  std::vector<ExistingRun> existing;       // in any order
  bool depends_on_past = false;            // a task waits for the run before
};

struct BackfillRange {
  Instant from{}, to{};
  Reprocess reprocess = Reprocess::kNone;
  bool run_backwards = false;  // the latest date first
};

// Why a slot of the range is not run.
enum class SlotSkip : std::uint8_t {
  kNo,             // it is run
  kAlreadyExists,  // its run is there, and is not to be reprocessed
  kInFlight,       // its run is queued or running
  kCancelled,      // the backfill was cancelled before it came to it
};
std::string_view ToString(SlotSkip skip);  // "", "already exists", "in flight", "cancelled"

struct BackfillSlot {
  std::int32_t ordinal = 1;  // place in the order of starting, from 1
  DueRun due;
  std::optional<ExistingRun> existing;  // set back and run again, or the reason for `skip`
  SlotSkip skip = SlotSkip::kNo;
};

// Why a backfill is refused; named as Airflow names its exceptions.
enum class BackfillFault : std::uint8_t {
  kNotPeriodic,    // DagNonPeriodicScheduleException
  kRangeReversed,  // InvalidBackfillDateRange
  kFuture,         // InvalidBackfillDate
  kBackwards,      // InvalidBackfillDirection: depends_on_past wants the earlier run first
  kReprocessNone,  // InvalidReprocessBehavior: depends_on_past wants no holes
  kNothingToDo,    // NoBackfillRunsToCreate
  kTooMany,        // more than kMostBackfillSlots
};
std::string_view AirflowName(BackfillFault fault);  // empty for what Airflow has not
Error ToError(BackfillFault fault);
std::string ToText(BackfillFault fault);  // message and hint in one

inline constexpr std::size_t kMostBackfillSlots = 100'000;

struct BackfillPlan {
  std::optional<BackfillFault> fault;
  std::vector<BackfillSlot> slots;  // in the order of starting, also what is skipped; empty with a fault
};

// "backfill__2026-01-01T06:00:00+00:00": named after the instant at which the run was due, as in Airflow.
std::string BackfillRunId(const DueRun& due);

// The schedule that gives the slots of [from, to]: the DAG's own without its bounds and its catchup. Nothing when it
// has no rhythm (no schedule, @once, @continuous, assets).
std::optional<Schedule> BackfillSchedule(Schedule schedule, Instant from, Instant to);

// Pure. Slots whose run was not due before `now` are left out, as in Airflow. kNothingToDo is a fault only of what is
// to be made: a dry run shows an empty list.
BackfillPlan PlanBackfill(const BackfillRange& range, const BackfillFacts& facts, Instant now);

}  // namespace pipelined
