#include "sim/checker/invariants.h"

#include <fmt/format.h>

#include <algorithm>

#include "sim/checker/between_runs.h"
#include "sim/checker/limits.h"
#include "sim/checker/notices.h"
#include "sim/checker/oracle.h"
#include "sim/checker/outlets.h"
#include "sim/checker/steering.h"

namespace pipelined::sim {
namespace {

// The attempt of this task that ended in this plan.
const AttemptFinished* EndOf(const Plan& plan, const RunRow& run, UnitNo unit) {
  for (const AttemptClosed& closed : plan.closed) {
    const bool same = closed.task == run.TaskOf(unit) && closed.map_index == run.IndexOf(unit);
    if (closed.run == run.info.id && same) return &closed.end;
  }
  return nullptr;
}

bool Ended(const RunRow& run) {
  return run.ended && IsFinished(run.state);
}

bool IsCancelled(const Ledger& ledger, const Plan& plan, RunId run) {
  return std::any_of(plan.commands.begin(), plan.commands.end(), [&](const CommandDone& done) {
    const auto asked = ledger.to_cancel.find(done.id);
    return done.error.empty() && asked != ledger.to_cancel.end() && asked->second == run;
  });
}

// By a person, or because its time was up.
bool EndedByForce(const Ledger& ledger, const Plan& plan, const RunRow& run) {
  if (!run.ended) return false;
  const Micros timeout = run.dag->dagrun_timeout;
  const bool late = timeout > Micros(0) && run.began_before && plan.now >= *run.began_before + timeout;
  const auto backfill = ledger.backfills.find(run.info.backfill);
  const bool withdrawn =
      backfill != ledger.backfills.end() && backfill->second.cancelled && (!run.began_before || run.requeued);
  const bool deleted = std::any_of(plan.deleted.begin(), plan.deleted.end(),
                                   [&](const RunDeleted& one) { return one.run == run.info.id; });
  if (deleted || IsDropped(plan, run) || GaveWayToASlot(plan, run)) return true;
  return late || withdrawn || IsMarked(ledger, plan, run.info.id) || IsCancelled(ledger, plan, run.info.id);
}

// A failure of one task ends the others of its run.
bool FailedFast(const Plan& plan, const RunRow& run) {
  const auto fails = [&](const TaskChange& change) {
    return change.run == run.info.id && change.to == TaskState::kFailed;
  };
  return run.dag->fail_fast && (std::any_of(plan.tasks.begin(), plan.tasks.end(), fails) ||
                                std::any_of(plan.steered.begin(), plan.steered.end(), fails));
}

// Before the last commit, or in it.
bool HeldASlot(const Plan& plan, const TaskRow& row) {
  return row.was == TaskState::kRunning ||
         std::any_of(plan.opened.begin(), plan.opened.end(),
                     [&](const AttemptOpened& opened) { return opened.attempt == row.attempt; });
}

// Another task with the same key does not wait for it.
bool GaveWayToAKey(const Ledger& ledger, const Plan& plan, const TaskRow& row, const Task& task) {
  if (task.concurrency == nullptr || std::count(plan.stops.begin(), plan.stops.end(), row.attempt) == 0) return false;
  return std::any_of(ledger.runs.begin(), ledger.runs.end(), [&](const RunRow& run) {
    return std::any_of(run.dag->tasks.begin(), run.dag->tasks.end(), [&](const Task& other) {
      return other.concurrency != nullptr && other.concurrency->key == task.concurrency->key &&
             other.concurrency->on_conflict == OnConflict::kCancelRunning;
    });
  });
}

// Whether others of the key were under way in this commit.
bool KeyWasTaken(const Ledger& ledger, const Plan& plan, const Task& task) {
  if (task.concurrency == nullptr || task.concurrency->on_conflict != OnConflict::kSkip) return false;
  const auto holds = [&](const Task& other) {
    return other.concurrency != nullptr && other.concurrency->key == task.concurrency->key;
  };
  return std::any_of(ledger.open.begin(), ledger.open.end(),
                     [&](const auto& one) { return holds(ledger.What(one.second)); }) ||
         std::any_of(plan.closed.begin(), plan.closed.end(), [&](const AttemptClosed& closed) {
           return closed.run && holds(ledger.Of(closed.run).dag->tasks[closed.task]);
         });
}

// A list that stands in the file has the length that it has.
bool IsMappedOverNothing(const RunRow& run, UnitNo unit) {
  const std::string& id = run.What(unit).id;
  return std::any_of(run.spec->mapped.begin(), run.spec->mapped.end(), [&](const MappedSpec& mapped) {
    return std::count(mapped.tasks.begin(), mapped.tasks.end(), id) > 0 &&
           (mapped.length == 0 || !mapped.source.empty());
  });
}

// What it is mapped over has not succeeded: then it fails with that, whatever its rule.
bool HasNothingToMapOver(const RunRow& run, UnitNo unit) {
  for (const MappedSpec& mapped : run.spec->mapped) {
    if (std::count(mapped.tasks.begin(), mapped.tasks.end(), run.What(unit).id) == 0) continue;
    const auto source = run.dag->Find(mapped.source);
    if (!source) continue;
    const auto bad = [](TaskState state) { return IsFinished(state) && state != TaskState::kSuccess; };
    for (UnitNo other = 0; other < run.tasks.size(); ++other) {
      const TaskRow& row = run.tasks[other];
      if (run.TaskOf(other) != *source || !run.Counts(other)) continue;
      if (bad(row.state) || std::any_of(row.way.begin(), row.way.end(), bad)) return true;
    }
  }
  return false;
}

bool GoesOn(const AttemptFinished& end) {
  return end.repetition && end.repetition->again;
}

bool MayRetry(const Task& task, const TaskRow& row, const AttemptFinished& end) {
  if (end.repetition || end.is_final) return false;
  if (row.tries - row.tries_before > task.retry.retries) return false;
  if (end.outcome == TryOutcome::kLost) return task.on_lost == OnLost::kRetry;
  const auto& codes = task.retry.exit_codes;
  const bool listed = end.outcome == TryOutcome::kFailed && std::count(codes.begin(), codes.end(), end.exit_code) > 0;
  return codes.empty() || listed;
}

bool IsLeftOut(const Plan& plan, const RunRow& run, UnitNo unit) {
  const TaskNo task = run.TaskOf(unit);
  return std::any_of(plan.closed.begin(), plan.closed.end(), [&](const AttemptClosed& closed) {
    return closed.run == run.info.id && closed.end.decision &&
           Has(LeftOut(run, closed.task, *closed.end.decision), task);
  });
}

// Also a retry: what is above it may have been cleared since its first try.
std::string NothingStartsBeforeItsRuleAllows(const Ledger& ledger, const Plan& plan) {
  const auto wrong = [&](const RunRow& run, UnitNo unit) { return !JudgedOnTheWay(run, unit, RuleVerdict::kRun); };
  for (const AttemptOpened& opened : plan.opened) {
    const RunRow& run = ledger.Of(opened.run);
    const UnitNo unit = run.UnitOf(opened.task, opened.map_index).value();
    if (run.state != RunState::kRunning && !run.ended) return Where(run, unit) + " began in a run that does not";
    if (wrong(run, unit)) return Where(run, unit) + " began";
  }
  for (const auto& [id, unit] : ledger.changed) {
    const RunRow& run = ledger.Of(id);
    const bool empty = run.What(unit).action.kind == ActionKind::kEmpty && run.What(unit).when.empty();
    if (empty && !run.tasks[unit].steered && run.tasks[unit].state == TaskState::kSuccess && wrong(run, unit))
      return Where(run, unit) + " was done";
  }
  return "";
}

std::string EveryEndHasItsReason(const Ledger& ledger, const Plan& plan) {
  for (const auto& [id, no] : ledger.changed) {
    const RunRow& run = ledger.Of(id);
    const TaskRow& row = run.tasks[no];
    const Task& task = run.What(no);
    const AttemptFinished* end = EndOf(plan, run, no);
    const bool under_way = row.was == TaskState::kRunning || row.was == TaskState::kDeferred;
    const bool ended = end != nullptr && under_way;
    const bool by_force = EndedByForce(ledger, plan, run) || (FailedFast(plan, run) && !task.teardown);
    const bool worked = ended && end->outcome == TryOutcome::kSucceeded;
    const bool skipped = ended && end->outcome == TryOutcome::kSkipped;
    bool just = true;
    switch (row.state) {
      case TaskState::kSuccess:
        just = (worked && !GoesOn(*end)) || task.action.kind == ActionKind::kEmpty;
        break;
      case TaskState::kFailed:
        just = by_force || (ended && !worked && !skipped && !MayRetry(task, row, *end)) ||
               (HeldASlot(plan, row) && GaveWayToAKey(ledger, plan, row, task)) ||
               (task.mapped != 0 && row.was == TaskState::kNone);  // there is no list
        break;
      case TaskState::kUpForRetry:
        just = ended && !skipped && (worked ? GoesOn(*end) : MayRetry(task, row, *end));
        break;
      case TaskState::kSkipped:
        just = by_force || skipped || KeyWasTaken(ledger, plan, task) || IsLeftOut(plan, run, no) ||
               JudgedOnTheWay(run, no, RuleVerdict::kSkip) ||
               (IsMappedOverNothing(run, no) && JudgedOnTheWay(run, no, RuleVerdict::kRun));
        break;
      case TaskState::kUpstreamFailed:
        just = JudgedOnTheWay(run, no, RuleVerdict::kUpstreamFailed) ||
               (HasNothingToMapOver(run, no) && JudgedOnTheWay(run, no, RuleVerdict::kRun));
        break;
      default:
        break;
    }
    if (!just && row.was != row.state)
      return fmt::format("{} went from {} to {}", Where(run, no), ToString(row.was), ToString(row.state));
  }
  return "";
}

// What its rule decides against it is decided at once.
std::string NothingDecidedIsLeftWaiting(const Ledger& ledger, const Plan&) {
  RunId asked;
  for (const auto& [id, changed] : ledger.changed) {
    const RunRow& run = ledger.Of(id);
    if (run.state != RunState::kRunning || std::exchange(asked, id) == id) continue;
    const auto states = StatesOf(run);
    for (UnitNo no = 0; no < states.size(); ++no) {
      if (states[no] != TaskState::kNone || !run.Counts(no)) continue;
      const RuleVerdict verdict = Judge(run, no, states);
      if (verdict == RuleVerdict::kSkip || verdict == RuleVerdict::kUpstreamFailed)
        return Where(run, no) + " still waits";
    }
  }
  return "";
}

std::string DecisionsSkipWhatTheyLeaveOut(const Ledger& ledger, const Plan& plan) {
  for (const AttemptClosed& closed : plan.closed) {
    if (!closed.end.decision || !closed.run || ledger.Of(closed.run).reset) continue;
    const RunRow& run = ledger.Of(closed.run);
    const TaskRow& decided = run.tasks[run.UnitOf(closed.task, closed.map_index).value()];
    if (decided.steered || decided.state != TaskState::kSuccess) continue;  // what it decided is not asked for
    const TaskSet out = LeftOut(run, closed.task, *closed.end.decision);
    for (UnitNo no = 0; no < run.tasks.size(); ++no) {
      const TaskState state = run.tasks[no].state;
      if (!run.Counts(no) || run.WasSteered(no)) continue;
      const bool waits = state == TaskState::kNone || state == TaskState::kScheduled || state == TaskState::kUpForRetry;
      if (run.tasks[no].was == TaskState::kRunning || run.tasks[no].was == TaskState::kDeferred) continue;  // too late
      if (Has(out, run.TaskOf(no)) && (waits || state == TaskState::kUpstreamFailed))
        return fmt::format("{} is {} after {}", Where(run, no), ToString(state), Where(run, closed.task));
    }
  }
  return "";
}

std::string PausedDagsStartNothing(const Ledger& ledger, const Plan& plan) {
  const auto just_failed = [&](const std::string& dag_id) {  // too often: after it began
    return std::any_of(plan.dags.begin(), plan.dags.end(),
                       [&](const DagChange& dag) { return dag.by_failures && dag.dag_id == dag_id; });
  };
  for (const AttemptOpened& opened : plan.opened) {
    const RunRow& run = ledger.Of(opened.run);
    if (ledger.IsPaused(run.info.dag_id) && !just_failed(run.info.dag_id)) return Where(run, opened.task) + " began";
  }
  for (const RunChange& change : plan.runs) {
    const auto switched = [&](const DagChange& dag) { return dag.paused && dag.dag_id == change.dag_id; };
    const bool just_paused = std::any_of(plan.dags.begin(), plan.dags.end(), switched);
    if (change.to == RunState::kRunning && !just_paused && ledger.IsPaused(change.dag_id))
      return fmt::format("run {} began", change.run.value);
  }
  return "";
}

std::string WhatSucceededIsNotRepeated(const Ledger& ledger, const Plan&) {
  for (const auto& [id, no] : ledger.changed) {
    const RunRow& run = ledger.Of(id);
    const TaskRow& task = run.tasks[no];
    const bool set_back = run.state == RunState::kQueued;
    if (task.was == TaskState::kSuccess && task.state != TaskState::kSuccess && !set_back)
      return fmt::format("{} is {} again", Where(run, no), ToString(task.state));
  }
  return "";
}

std::string TriesAreBounded(const Ledger& ledger, const Plan& plan) {
  for (const AttemptOpened& opened : plan.opened) {
    const RunRow& run = ledger.Of(opened.run);
    const UnitNo unit = run.UnitOf(opened.task, opened.map_index).value();
    const TaskRow& task = run.tasks[unit];
    if (task.tries - task.tries_before > run.What(unit).retry.retries + 1)
      return fmt::format("{} begins try {}", Where(run, unit), task.tries);
  }
  return "";
}

std::string FinishedRunsAreAtRest(const Ledger& ledger, const Plan& plan) {
  for (const RunChange& change : plan.runs) {
    const RunRow& run = ledger.Of(change.run);
    if (!Ended(run)) continue;
    const bool began = run.info.start_date.has_value();  // else its tasks may be untouched
    for (UnitNo no = 0; no < run.tasks.size(); ++no) {
      const TaskState state = run.tasks[no].state;
      if (run.Counts(no) && !run.WasSteered(no) && !IsFinished(state) && (began || state != TaskState::kNone))
        return fmt::format("{} is {}", Where(run, no), ToString(run.tasks[no].state));
    }
    for (const auto& [attempt, open] : ledger.open) {
      if (open.run != change.run || std::count(plan.stops.begin(), plan.stops.end(), attempt) > 0) continue;
      if (IsOf(ledger, open, attempt)) return Where(run, open.task) + " is not stopped";
    }
  }
  return "";
}

std::string LeavesDecideTheOutcome(const Ledger& ledger, const Plan& plan) {
  for (const RunChange& change : plan.runs) {
    const RunRow& run = ledger.Of(change.run);
    if (!Ended(run)) continue;
    bool good = true;
    bool steered = false;  // perhaps after the run had ended, in the same turn
    for (UnitNo no = 0; no < run.tasks.size(); ++no) {
      const TaskState state = run.tasks[no].state;
      const bool is_leaf = run.Counts(no) && Has(run.naive->leaves, run.TaskOf(no));
      steered = steered || (is_leaf && run.WasSteered(no));
      if (is_leaf) good = good && state != TaskState::kFailed && state != TaskState::kUpstreamFailed;
    }
    if (steered || EndedByForce(ledger, plan, run)) continue;  // failed, whatever its leaves
    if (good != (run.state == RunState::kSuccess))
      return fmt::format("run {} is {}", change.run.value, ToString(run.state));
  }
  return "";
}

std::string NothingRunsOn(const Ledger& ledger, const Host& host, Instant) {
  if (!host.running().empty()) return fmt::format("attempt {} does", host.running().begin()->value);
  if (!ledger.open.empty()) return fmt::format("attempt {} is open", ledger.open.begin()->first.value);
  return "";
}

std::string EventsGiveTheStoredState(const Ledger& ledger, const Host&, Instant now) {
  for (const RunRow& run : ledger.runs) {
    const auto replayed = StateAt(run.history, now);
    if (const auto* unknown = std::get_if<Unknown>(&replayed))
      return fmt::format("run {}: {}", run.info.id.value, unknown->text);
    const RunAt& at = std::get<RunAt>(replayed);
    if (at.state != run.state) return fmt::format("run {} is replayed as {}", run.info.id.value, ToString(at.state));
    for (UnitNo no = 0; no < run.tasks.size(); ++no) {
      const auto found = std::find_if(at.tasks.begin(), at.tasks.end(), [&](const TaskAt& task) {
        return task.task_id == run.What(no).id && task.map_index == run.IndexOf(no);
      });
      const TaskState state = found == at.tasks.end() ? TaskState::kNone : found->state;
      if (run.Counts(no) && state != run.tasks[no].state)
        return fmt::format("{} is replayed as {}", Where(run, no), ToString(state));
    }
  }
  return "";
}

// A cancelled backfill may not have come to all of them.
std::string EverySlotHasOneRun(const Ledger& ledger, const Host&, Instant) {
  for (const auto& [id, backfill] : ledger.backfills) {
    for (const BackfillSlot& slot : backfill.slots) {
      const auto runs = std::count_if(ledger.runs.begin(), ledger.runs.end(), [&](const RunRow& run) {
        return run.info.dag_id == backfill.dag_id && run.info.logical_date == slot.due.logical_date && !run.deleted;
      });
      const bool deleted = std::any_of(ledger.runs.begin(), ledger.runs.end(), [&](const RunRow& run) {
        return run.deleted && run.info.dag_id == backfill.dag_id;
      });
      if (runs > 1 || (runs == 0 && !backfill.cancelled && !deleted))
        return fmt::format("slot {} of backfill {} has {}", slot.ordinal, id.value, runs);
    }
  }
  return "";
}

}  // namespace

std::span<const CommitInvariant> CommitInvariants() {
  static constexpr CommitInvariant kAll[] = {
      {"NothingStartsBeforeItsRuleAllows", NothingStartsBeforeItsRuleAllows},
      {"EveryEndHasItsReason", EveryEndHasItsReason},
      {"NothingDecidedIsLeftWaiting", NothingDecidedIsLeftWaiting},
      {"DecisionsSkipWhatTheyLeaveOut", DecisionsSkipWhatTheyLeaveOut},
      {"EveryEndIsToldOnce", EveryEndIsToldOnce},
      {"ParallelismHolds", ParallelismHolds},
      {"PoolsHold", PoolsHold},
      {"RunsKeepTheirMaxActiveTasks", RunsKeepTheirMaxActiveTasks},
      {"DagsKeepTheirMaxActiveRuns", DagsKeepTheirMaxActiveRuns},
      {"ScheduledRunsWaitForRoom", ScheduledRunsWaitForRoom},
      {"TasksKeepTheirMaxActiveTis", TasksKeepTheirMaxActiveTis},
      {"ConcurrencyKeysHold", ConcurrencyKeysHold},
      {"RatesHold", RatesHold},
      {"SlotsAreSkippedForARun", SlotsAreSkippedForARun},
      {"WhatMayRunRuns", WhatMayRunRuns},
      {"ThePastIsWaitedFor", ThePastIsWaitedFor},
      {"SubRunsDecideTheirTasks", SubRunsDecideTheirTasks},
      {"SensorsEndInTime", SensorsEndInTime},
      {"ATryMakesOneRun", ATryMakesOneRun},
      {"DeadlinesAreJust", DeadlinesAreJust},
      {"DagsArePausedByTheirFailures", DagsArePausedByTheirFailures},
      {"PausedDagsStartNothing", PausedDagsStartNothing},
      {"WhatSucceededIsNotRepeated", WhatSucceededIsNotRepeated},
      {"ClearsAndMarksDoWhatTheySay", ClearsAndMarksDoWhatTheySay},
      {"RunMarksHold", RunMarksHold},
      {"OnlyWhatIsNamedIsSteered", OnlyWhatIsNamedIsSteered},
      {"TriesAreBounded", TriesAreBounded},
      {"FinishedRunsAreAtRest", FinishedRunsAreAtRest},
      {"LeavesDecideTheOutcome", LeavesDecideTheOutcome},
      {"EachSuccessTellsOfItsOutlets", EachSuccessTellsOfItsOutlets},
  };
  return kAll;
}

std::span<const EndInvariant> EndInvariants() {
  static constexpr EndInvariant kAll[] = {
      {"NothingRunsOn", NothingRunsOn},
      {"EventsGiveTheStoredState", EventsGiveTheStoredState},
      {"EverySlotHasOneRun", EverySlotHasOneRun},
      {"NoDeadlineIsForgotten", NoDeadlineIsForgotten},
  };
  return kAll;
}

std::string OneProcessPerTask(const Ledger& ledger, const Host& host, AttemptId started) {
  const auto stored = ledger.open.find(started);
  if (stored == ledger.open.end()) return fmt::format("attempt {} was started and is not open", started.value);
  const OpenRow& open = stored->second;
  for (const AttemptId other : host.running()) {
    const auto found = ledger.open.find(other);
    if (other == started || found == ledger.open.end()) continue;
    if (found->second.run == open.run && found->second.task == open.task)
      return Where(ledger.Of(open.run), open.task) + " has two";
  }
  return "";
}

std::string Where(const RunRow& run, UnitNo unit) {
  const std::int32_t index = run.IndexOf(unit);
  return fmt::format("task {}{} of run {}", run.What(unit).id, index == kNotMapped ? "" : fmt::format("[{}]", index),
                     run.info.id.value);
}

}  // namespace pipelined::sim
