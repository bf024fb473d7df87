// What becomes due: retries, timeouts of runs, and the runs of schedules and backfills.
#include <fmt/format.h>

#include <utility>

#include "engine/engine_impl.h"

namespace pipelined {

void Engine::Impl::FireTimers(Turn& turn) {
  while (!timers_.empty() && timers_.top().at <= turn.now) {
    const Timer timer = timers_.top();
    timers_.pop();
    switch (timer.kind) {
      case TimerKind::kRetry:
        RetryDue(turn, timer);
        break;
      case TimerKind::kRunTimeout:
        RunTimedOut(turn, timer);
        break;
      case TimerKind::kParkedTimeout:
        ParkedTimedOut(turn, timer);
        break;
      case TimerKind::kSchedule:
        ScheduleDue(turn, timer);
        break;
      case TimerKind::kDeadline:
        DeadlineDue(turn, timer);
        break;
    }
  }
}

void Engine::Impl::RetryDue(Turn& turn, const Timer& timer) {
  ActiveRun* run = FindAlive(timer.run, timer.life);
  if (run == nullptr || run->slot(timer.slot).try_number != static_cast<std::int32_t>(timer.token)) return;
  if (run->slot(timer.slot).state == TaskState::kUpForRetry && run->IsHeldBack(timer.slot)) return;
  if (run->RetryDue(turn, timer.slot)) AfterChange(turn, *run);
}

void Engine::Impl::RunTimedOut(Turn& turn, const Timer& timer) {
  ActiveRun* run = FindAlive(timer.run, timer.life);
  if (run == nullptr || run->info.state != RunState::kRunning) return;
  if (static_cast<std::uint64_t>(run->info.start_date.value_or(Instant{}).time_since_epoch().count()) != timer.token)
    return;
  DagState& dag = StateOf(run->info.dag_id);
  EndRun(turn, *run, TaskEvent::kSkipped,
         fmt::format("dagrun_timeout of {} is over", FormatDuration(run->dag().dagrun_timeout)));
  PauseAfterFailures(turn, dag);
}

// Asks the timetable for the next run and sets its timer; what is due already is made by FireTimers in this same
// turn.
void Engine::Impl::Reschedule(Turn& turn, DagState& dag) {
  ++dag.generation;
  dag.due.reset();
  if (dag.head.timetable == nullptr || dag.head.paused || dag.head.stale) return;
  if (dag.head.overlap == Overlap::kQueue && !dag.HasRoomForNewRun()) return;  // asked again when a run ends
  dag.due = dag.head.timetable->Next(dag.head.last_interval, turn.now);
  if (dag.due) timers_.push(Timer{dag.due->run_after, TimerKind::kSchedule, {}, 0, 0, dag.generation, dag.head.dag_id});
}

void Engine::Impl::ScheduleDue(Turn& turn, const Timer& timer) {
  const auto found = dags_.find(timer.dag_id);
  if (found == dags_.end() || found->second.generation != timer.token || !found->second.due) return;
  DagState& dag = found->second;
  const DueRun due = DueNow(dag, turn.now);
  // There was room when it was looked at last: others may have come meanwhile, and after a restart the runs under way
  // are known only now.
  if (!MakeRoomForSlot(turn, dag, due)) return;
  NewRun run;
  run.dag_id = dag.head.dag_id;
  run.version = dag.head.version;
  run.run_id = "scheduled__" + FormatIso(due.tick());  // whatever the jitter is
  run.due = due;
  turn.plan.new_runs.push_back(std::move(run));
  dag.head.last_interval = due.interval;
  turn.plan.dags.push_back(DagChange{dag.head.dag_id, std::nullopt, due.interval, false, ""});
  ++dag.creating;
  created_.push_back(dag.head.dag_id);
  Reschedule(turn, dag);
}

// What was due when it was looked at last. After a forward jump of the clock, or a suspend, later slots may be due as
// well: then the timetable is asked again, as it would be after a restart, and names the latest one unless it catches
// up.
DueRun Engine::Impl::DueNow(const DagState& dag, Instant now) {
  const Timetable& timetable = *dag.head.timetable;
  const auto after = timetable.Next(dag.due->interval, now);
  if (!after || after->run_after > now) return *dag.due;
  const auto latest = timetable.Next(dag.head.last_interval, now);
  return latest && latest->run_after <= now ? *latest : *dag.due;
}

// The plan that made them is stored: those that exist now come back as RunRequested in this same turn; one whose slot
// was taken does not, and leaves room for the next.
void Engine::Impl::ForgetNewRuns() {
  for (const std::string& dag_id : std::exchange(created_, {})) {
    const auto found = dags_.find(dag_id);
    if (found == dags_.end()) continue;
    found->second.creating = 0;
    roomier_.push_back(dag_id);
  }
  perhaps_over_ = backfills_.ForgetNewRuns();  // perhaps none came back: all were in flight after all
}

// At the end of the turn: what an early event ended may not be all that the later ones bring.
void Engine::Impl::CompleteBackfills(Turn& turn) {
  for (const BackfillId id : std::exchange(perhaps_over_, {})) {
    if (BackfillState* backfill = backfills_.Find(id)) backfills_.CompleteIfIdle(turn, *backfill);
    backfills_.DropIfGone(id);
  }
}

}  // namespace pipelined
