#include "sim/checker/between_runs.h"

#include <fmt/format.h>

#include <algorithm>

#include "pipelined/model/trigger.h"
#include "sim/checker/invariants.h"

namespace pipelined::sim {
namespace {

bool Met(TaskState state) {
  return state == TaskState::kSuccess || state == TaskState::kSkipped || state == TaskState::kRemoved;
}

// Now, or at some time during the last commit.
bool WasMet(const TaskRow& task) {
  return Met(task.state) || std::any_of(task.way.begin(), task.way.end(), Met);
}

// Of the first so many runs the one with the latest logical date before; of a DAG that catches up none that was made by
// hand.
const RunRow* RunBefore(const Ledger& ledger, const RunRow& run, std::size_t runs, bool deleted) {
  const RunRow* before = nullptr;
  for (std::size_t no = 0; no < runs; ++no) {
    const RunRow& other = ledger.runs[no];
    const auto& date = other.info.logical_date;
    if (other.deleted && !deleted) continue;
    if (other.dag != run.dag || !date || *date >= *run.info.logical_date) continue;
    if (run.dag->schedule.catchup && other.info.type == RunType::kManual) continue;
    if (before == nullptr || *date > *before->info.logical_date) before = &other;
  }
  return before;
}

bool AllWereMet(const RunRow& run, TaskNo task) {
  for (UnitNo unit = 0; unit < run.tasks.size(); ++unit) {
    if (run.TaskOf(unit) == task && run.Counts(unit) && !WasMet(run.tasks[unit])) return false;
  }
  return true;
}

// `runs`: those that the engine knew.
std::string JudgePast(const Ledger& ledger, const RunRow& run, UnitNo unit, std::size_t runs, bool deleted) {
  const bool first = run.info.backfill && run.info.backfill_ordinal == 1;
  if (!run.What(unit).depends_on_past || !run.info.logical_date || first) return "";
  const RunRow* before = RunBefore(ledger, run, runs, deleted);
  if (before == nullptr || before->reset) return "";  // as it was before it was set back
  const TaskNo task = run.TaskOf(unit);
  if (!AllWereMet(*before, task)) return fmt::format("{} began before run {}", Where(run, unit), before->info.id.value);
  for (TaskNo below = 0; run.What(unit).wait_for_downstream && below < run.naive->size; ++below) {
    if (Has(run.naive->down[task], below) && !AllWereMet(*before, below))
      return fmt::format("{} began before what is below it in run {}", Where(run, unit), before->info.id.value);
  }
  return "";
}

// One that was deleted is still the run before of those that knew it.
std::string JudgePast(const Ledger& ledger, const RunRow& run, UnitNo unit, std::size_t runs) {
  std::string wrong = JudgePast(ledger, run, unit, runs, false);
  return wrong.empty() ? wrong : JudgePast(ledger, run, unit, runs, true);
}

const AttemptClosed* CloseOf(const Plan& plan, AttemptId attempt) {
  const auto found = std::find_if(plan.closed.begin(), plan.closed.end(),
                                  [&](const AttemptClosed& closed) { return closed.end.attempt == attempt; });
  return found == plan.closed.end() ? nullptr : &*found;
}

}  // namespace

std::string ThePastIsWaitedFor(const Ledger& ledger, const Plan& plan) {
  for (const AttemptOpened& opened : plan.opened) {
    const RunRow& run = ledger.Of(opened.run);
    std::string wrong = JudgePast(ledger, run, run.UnitOf(opened.task, opened.map_index).value(), ledger.runs_before);
    if (!wrong.empty()) return wrong;
  }
  for (const auto& [id, unit] : ledger.changed) {
    const RunRow& run = ledger.Of(id);
    const bool empty = run.What(unit).action.kind == ActionKind::kEmpty && run.What(unit).when.empty();
    if (!empty || run.tasks[unit].steered || run.tasks[unit].state != TaskState::kSuccess) continue;
    // It needs no slot, and may have been done before the last runs came.
    if (JudgePast(ledger, run, unit, ledger.runs_at_last_commit).empty()) continue;
    if (std::string wrong = JudgePast(ledger, run, unit, ledger.runs_before); !wrong.empty()) return wrong;
  }
  return "";
}

std::string SubRunsDecideTheirTasks(const Ledger& ledger, const Plan& plan) {
  for (const RunRow& child : ledger.runs) {
    if (!child.ended || !child.ended_for) continue;
    const auto open = ledger.open.find(child.ended_for);
    if (open != ledger.open.end() && open->second.parked)
      return fmt::format("run {} has ended, and {} still waits", child.info.id.value,
                         Where(ledger.Of(open->second.run), open->second.task));
    const AttemptClosed* closed = CloseOf(plan, child.ended_for);
    if (closed == nullptr || !closed->run) continue;
    const RunRow& parent = ledger.Of(closed->run);
    if (!parent.dag->tasks[closed->task].trigger->wait_for_completion) continue;
    const bool good = child.ended_as == RunState::kSuccess;
    if (closed->end.outcome == (good ? TryOutcome::kFailed : TryOutcome::kSucceeded))
      return fmt::format("{} did not end as run {}", Where(parent, closed->task), child.info.id.value);
  }
  return "";
}

std::string SensorsEndInTime(const Ledger& ledger, const Plan& plan) {
  for (const AttemptClosed& closed : plan.closed) {
    if (!closed.run) continue;
    const RunRow& run = ledger.Of(closed.run);
    const Task& task = run.dag->tasks[closed.task];
    if (task.sensor == nullptr) continue;
    const Instant from = run.info.interval ? run.info.interval->end : run.info.run_after;
    const bool there = from + Micros(task.sensor->what.Find("micros")->integer()) <= plan.now;
    if (there && closed.end.is_final)
      return fmt::format("attempt {} did not see what is there", closed.end.attempt.value);
    if (!there && closed.end.outcome == TryOutcome::kSucceeded)
      return fmt::format("attempt {} saw what is not there yet", closed.end.attempt.value);
  }
  return "";
}

std::string ATryMakesOneRun(const Ledger& ledger, const Plan&) {
  std::set<AttemptId> made;
  for (const RunRow& run : ledger.runs) {
    if (run.info.parent && !made.insert(run.info.parent.attempt).second)
      return fmt::format("attempt {} made run {} and another", run.info.parent.attempt.value, run.info.id.value);
  }
  return "";
}

std::string DeadlinesAreJust(const Ledger& ledger, const Plan& plan) {
  for (const DeadlineChange& change : plan.deadlines) {
    const RunRow& run = ledger.Of(change.run);
    const bool late = plan.now >= change.deadline.at;
    const Deadline& wanted = run.dag->deadlines[static_cast<std::size_t>(change.deadline.number)];
    const bool just_set = change.deadline.state == DeadlineState::kDue && !run.requeued;
    if (just_set && change.deadline.at != run.info.queued_at + wanted.interval)
      return fmt::format("the deadline of run {} is another", change.run.value);
    if (change.deadline.state == DeadlineState::kMissed && !late)
      return fmt::format("run {} missed its deadline early", change.run.value);
    if (change.deadline.state == DeadlineState::kMet && (plan.now > change.deadline.at || !run.ended))
      return fmt::format("run {} did not meet its deadline", change.run.value);
  }
  return "";
}

std::string DagsArePausedByTheirFailures(const Ledger& ledger, const Plan& plan) {
  for (const DagChange& change : plan.dags) {
    if (!change.by_failures) continue;
    const auto failed = std::count_if(ledger.runs.begin(), ledger.runs.end(), [&](const RunRow& run) {
      return run.info.dag_id == change.dag_id &&
             (run.state == RunState::kFailed || run.before == RunState::kFailed || run.ended);
    });
    const int most = ledger.DagOf(change.dag_id).max_consecutive_failed_dag_runs;
    if (most == 0 || failed < most) return fmt::format("{} was paused after {}", change.dag_id, failed);
  }
  return "";
}

std::string NoDeadlineIsForgotten(const Ledger& ledger, const Host&, Instant) {
  for (const RunRow& run : ledger.runs) {
    for (std::size_t number = 0; number < run.dag->deadlines.size(); ++number) {
      const auto found = run.deadlines.find(static_cast<std::int32_t>(number));
      if (found == run.deadlines.end()) return fmt::format("run {} has no deadline {}", run.info.id.value, number);
      if (found->second == DeadlineState::kDue)
        return fmt::format("run {} ended before its deadline", run.info.id.value);
    }
  }
  return "";
}

bool IsDropped(const Plan& plan, const RunRow& run) {
  return run.info.parent.sub_run && CloseOf(plan, run.info.parent.attempt) != nullptr;
}

bool GaveWayToASlot(const Plan& plan, const RunRow& run) {
  return run.dag->overlap == Overlap::kCancelRunning &&
         std::any_of(plan.new_runs.begin(), plan.new_runs.end(), [&](const NewRun& made) {
           return made.type == RunType::kScheduled && made.dag_id == run.info.dag_id;
         });
}

}  // namespace pipelined::sim
