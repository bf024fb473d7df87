// What a DAG says of its runs as a whole: deadlines, too many failures in a row, and slots that come while
// max_active_runs are under way.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "engine/engine_impl.h"

namespace pipelined {
namespace {

constexpr std::array<std::string_view, 3> kStates{"due", "met", "missed"};

std::optional<Instant> DateOf(const Deadline& deadline, const RunInfo& run, std::optional<Micros> average) {
  switch (deadline.reference) {
    case DeadlineReference::kQueuedAt:
      return run.queued_at + deadline.interval;
    case DeadlineReference::kLogicalDate:
      return run.logical_date ? std::optional(*run.logical_date + deadline.interval) : std::nullopt;
    case DeadlineReference::kFixed:
      return deadline.at + deadline.interval;
    case DeadlineReference::kAverageRuntime:
      return average ? std::optional(run.queued_at + *average + deadline.interval) : std::nullopt;
  }
  return std::nullopt;
}

const StoredDeadline* Numbered(const std::vector<StoredDeadline>& deadlines, std::int32_t number) {
  const auto found =
      std::find_if(deadlines.begin(), deadlines.end(), [&](const auto& deadline) { return deadline.number == number; });
  return found == deadlines.end() ? nullptr : &*found;
}

// Whether a run that was set back has it anew.
bool BeginsAnew(const Deadline& deadline) {
  return deadline.reference == DeadlineReference::kQueuedAt || deadline.reference == DeadlineReference::kAverageRuntime;
}

void Change(Turn& turn, const ActiveRun& run, const StoredDeadline& deadline) {
  const Deadline& wanted = run.dag().deadlines[static_cast<std::size_t>(deadline.number)];
  turn.plan.deadlines.push_back(
      DeadlineChange{run.info.id, run.info.dag_id, run.info.run_id, deadline, ToText(wanted)});
}

}  // namespace

std::string_view ToString(DeadlineState state) {
  return kStates[static_cast<std::size_t>(state)];
}

std::optional<DeadlineState> DeadlineStateFromString(std::string_view text) {
  const auto found = std::find(kStates.begin(), kStates.end(), text);
  if (found == kStates.end()) return std::nullopt;
  return static_cast<DeadlineState>(found - kStates.begin());
}

// --- deadlines
// ----------------------------------------------------------------------------------------------------------------

// What is stored holds; what is not is evaluated now, once. Of a run that has ended in this very turn what it knows
// itself is newer.
void Engine::Impl::SetDeadlines(Turn& turn, ActiveRun& run, const std::vector<StoredDeadline>& stored,
                                const std::vector<std::optional<Micros>>& averages) {
  const std::vector<Deadline>& wanted = run.dag().deadlines;
  const std::vector<StoredDeadline> own = std::exchange(run.deadlines, {});
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const auto number = static_cast<std::int32_t>(i);
    const StoredDeadline* known = Numbered(own, number);
    if (known == nullptr) known = Numbered(stored, number);
    const bool over = known != nullptr && known->state != DeadlineState::kDue;
    if (over && (known->state == DeadlineState::kMissed || !BeginsAnew(wanted[i]))) {
      run.deadlines.push_back(*known);
      continue;
    }
    StoredDeadline deadline{number, {}, DeadlineState::kDue};
    if (known != nullptr && !over) {
      deadline = *known;
    } else if (const auto at = DateOf(wanted[i], run.info, i < averages.size() ? averages[i] : std::nullopt)) {
      deadline.at = *at;
      Change(turn, run, deadline);
    } else {
      continue;
    }
    run.deadlines.push_back(deadline);
    timers_.push(Timer{deadline.at, TimerKind::kDeadline, run.info.id, run.life, 0, i, {}});
  }
}

void Engine::Impl::EndDeadline(Turn& turn, ActiveRun& run, StoredDeadline& deadline, DeadlineState state) {
  if (deadline.state != DeadlineState::kDue) return;
  deadline.state = state;
  Change(turn, run, deadline);
  if (state == DeadlineState::kMissed) TellOfDeadline(turn, run, deadline);
}

void Engine::Impl::DeadlineDue(Turn& turn, const Timer& timer) {
  ActiveRun* run = FindAlive(timer.run, timer.life);
  if (run == nullptr) return;
  for (StoredDeadline& deadline : run->deadlines) {
    if (static_cast<std::uint64_t>(deadline.number) == timer.token)
      EndDeadline(turn, *run, deadline, DeadlineState::kMissed);
  }
}

// The run has ended: in time, unless its end comes to light only now.
void Engine::Impl::CloseDeadlines(Turn& turn, ActiveRun& run) {
  for (StoredDeadline& deadline : run.deadlines) {
    EndDeadline(turn, run, deadline, turn.now > deadline.at ? DeadlineState::kMissed : DeadlineState::kMet);
  }
}

// --- failures in a row
// --------------------------------------------------------------------------------------------------------

// A run has failed by itself. The rest of the turn sees the DAG paused; what its other runs hold is looked at by
// HoldPaused(), when nothing is in the middle of a change.
void Engine::Impl::PauseAfterFailures(Turn& turn, DagState& dag) {
  if (dag.head.paused || !dag.recent.AllFailed()) return;
  dag.head.paused = true;
  const std::int32_t most = dag.head.max_consecutive_failed_dag_runs;
  DagChange change{dag.head.dag_id, true};
  change.by_failures = true;
  change.why = fmt::format("paused: {} failed (max_consecutive_failed_dag_runs: {})",
                           most == 1 ? "its last run" : fmt::format("its last {} runs", most), most);
  turn.plan.dags.push_back(std::move(change));
  just_paused_.push_back(dag.head.dag_id);
}

void Engine::Impl::HoldPaused(Turn& turn) {
  for (const std::string& dag_id : std::exchange(just_paused_, {})) {
    const auto found = dags_.find(dag_id);
    if (found == dags_.end()) continue;
    RefreshRuns(turn, found->second);
    Reschedule(turn, found->second);
  }
}

// --- overlap
// ------------------------------------------------------------------------------------------------------------------

// A slot is due. False: no run is made for it, now (kQueue) or ever.
bool Engine::Impl::MakeRoomForSlot(Turn& turn, DagState& dag, const DueRun& due) {
  if (dag.HasRoomForNewRun()) return true;
  switch (dag.head.overlap) {
    case Overlap::kQueue:
      ++dag.generation;
      dag.due.reset();  // asked for again when a run ends
      return false;
    case Overlap::kSkip:
      SkipSlot(turn, dag, due);
      return false;
    case Overlap::kCancelRunning:
      CancelForSlot(turn, dag, due);
      return true;
  }
  return true;
}

void Engine::Impl::SkipSlot(Turn& turn, DagState& dag, const DueRun& due) {
  turn.plan.skipped.push_back(
      SlotSkipped{dag.head.dag_id, due,
                  fmt::format("the slot of {} was skipped: {} of {} runs were active (overlap: skip)",
                              FormatIso(due.tick()), dag.Active(), dag.head.max_active_runs)});
  dag.head.last_interval = due.interval;
  turn.plan.dags.push_back(DagChange{dag.head.dag_id, std::nullopt, due.interval, false, ""});
  Reschedule(turn, dag);
}

// The earliest first, until the new run can begin. What waits to begin is left alone.
void Engine::Impl::CancelForSlot(Turn& turn, DagState& dag, const DueRun& due) {
  std::int32_t too_many = dag.Active() + 1 - dag.head.max_active_runs;
  for (const RunId id : std::vector<RunId>(dag.running.begin(), dag.running.end())) {
    ActiveRun& run = *runs_.at(id);
    if (too_many <= 0) return;
    if (run.info.backfill) continue;  // those have a limit of their own
    --too_many;
    EndRun(turn, run, TaskEvent::kFailed,
           fmt::format("cancelled: the slot of {} was due (overlap: cancel_running)", FormatIso(due.tick())));
  }
}

}  // namespace pipelined
