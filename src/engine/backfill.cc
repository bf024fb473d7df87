#include "pipelined/engine/backfill.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

namespace pipelined {
namespace {

constexpr std::array<std::string_view, 3> kReprocess{"none", "failed", "completed"};
constexpr std::array<std::string_view, 4> kSkips{"", "already exists", "in flight", "cancelled"};

std::optional<BackfillFault> FaultOf(const BackfillRange& range, const BackfillFacts& facts, Instant now) {
  if (facts.slots == nullptr) return BackfillFault::kNotPeriodic;
  if (range.from > range.to) return BackfillFault::kRangeReversed;
  if (range.from >= now) return BackfillFault::kFuture;
  if (!facts.depends_on_past) return std::nullopt;
  if (range.run_backwards) return BackfillFault::kBackwards;
  if (range.reprocess == Reprocess::kNone) return BackfillFault::kReprocessNone;
  return std::nullopt;
}

SlotSkip SkipOf(RunState existing, Reprocess reprocess) {
  if (!IsFinished(existing)) return SlotSkip::kInFlight;
  const bool again =
      reprocess == Reprocess::kCompleted || (reprocess == Reprocess::kFailed && existing == RunState::kFailed);
  return again ? SlotSkip::kNo : SlotSkip::kAlreadyExists;
}

}  // namespace

std::string_view ToString(Reprocess reprocess) {
  return kReprocess[static_cast<std::size_t>(reprocess)];
}

std::optional<Reprocess> ReprocessFromString(std::string_view text) {
  const auto found = std::find(kReprocess.begin(), kReprocess.end(), text);
  if (found == kReprocess.end()) return std::nullopt;
  return static_cast<Reprocess>(found - kReprocess.begin());
}

std::string_view ToString(SlotSkip skip) {
  return kSkips[static_cast<std::size_t>(skip)];
}

std::string_view AirflowName(BackfillFault fault) {
  switch (fault) {
    case BackfillFault::kNotPeriodic:
      return "DagNonPeriodicScheduleException";
    case BackfillFault::kRangeReversed:
      return "InvalidBackfillDateRange";
    case BackfillFault::kFuture:
      return "InvalidBackfillDate";
    case BackfillFault::kBackwards:
      return "InvalidBackfillDirection";
    case BackfillFault::kReprocessNone:
      return "InvalidReprocessBehavior";
    case BackfillFault::kNothingToDo:
      return "NoBackfillRunsToCreate";
    case BackfillFault::kTooMany:
      break;
  }
  return "";
}

Error ToError(BackfillFault fault) {
  const auto invalid = [](std::string message, std::string hint) {
    return Error{ErrorCode::kInvalid, std::move(message), std::move(hint)};
  };
  switch (fault) {
    case BackfillFault::kNotPeriodic:
      return invalid("the DAG has no schedule with a rhythm, so there is nothing to fill in",
                     "start single runs by hand, each with its logical date");
    case BackfillFault::kRangeReversed:
      return invalid("from_date lies after to_date",
                     "give the earlier date first; --run-backwards runs the latest first");
    case BackfillFault::kFuture:
      return invalid("the whole range lies in the future", "a backfill makes runs that were due in the past");
    case BackfillFault::kBackwards:
      return invalid("a task of the DAG depends on its run before, so the range cannot be run backwards", "");
    case BackfillFault::kReprocessNone:
      return invalid("a task of the DAG depends on its run before, so existing runs cannot be left as they are",
                     "reprocess failed or completed runs");
    case BackfillFault::kNothingToDo:
      return invalid("no slot of the schedule lies in the range", "the range counts slots whose run was due by now");
    case BackfillFault::kTooMany:
      return invalid(fmt::format("the range has more than {} slots", kMostBackfillSlots), "split it into several");
  }
  return invalid("the backfill is refused", "");
}

std::string BackfillRunId(const DueRun& due) {
  return "backfill__" + FormatIso(due.run_after);
}

std::optional<Schedule> BackfillSchedule(Schedule schedule, Instant from, Instant to) {
  const bool has_rhythm = schedule.kind == ScheduleKind::kCron || schedule.kind == ScheduleKind::kEvery ||
                          schedule.kind == ScheduleKind::kEvents;
  if (!has_rhythm) return std::nullopt;
  schedule.start_date = from;
  schedule.end_date = to;
  schedule.catchup = true;
  schedule.jitter_offset = Micros(0);  // that is for scheduled runs
  return schedule;
}

BackfillPlan PlanBackfill(const BackfillRange& range, const BackfillFacts& facts, Instant now) {
  if (const auto fault = FaultOf(range, facts, now)) return {fault, {}};
  std::map<Instant, const ExistingRun*> existing;
  for (const ExistingRun& run : facts.existing) existing[run.logical_date] = &run;
  std::vector<BackfillSlot> slots;
  for (auto due = facts.slots->Next(std::nullopt, now); due && due->run_after < now;
       due = facts.slots->Next(due->interval, now)) {
    if (slots.size() == kMostBackfillSlots) return {BackfillFault::kTooMany, {}};
    BackfillSlot slot;
    slot.due = *due;
    if (const auto found = existing.find(due->logical_date); found != existing.end()) {
      slot.existing = *found->second;
      slot.skip = SkipOf(found->second->state, range.reprocess);
    }
    slots.push_back(std::move(slot));
  }
  if (slots.empty()) return {BackfillFault::kNothingToDo, {}};
  if (range.run_backwards) std::reverse(slots.begin(), slots.end());
  for (std::size_t i = 0; i < slots.size(); ++i) slots[i].ordinal = static_cast<std::int32_t>(i + 1);
  return {std::nullopt, std::move(slots)};
}

}  // namespace pipelined
