#include "pipelined/engine/engine.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/engine_impl.h"
#include "pipelined/lifecycle/retry.h"

namespace pipelined {
namespace {

// A task that waits for a slot gets a row only when it has waited so long, and then so many rows at a time: most have
// started by then, and what would say "scheduled" for a moment costs as much as what says "running".
constexpr Micros kScheduledRowAfter = std::chrono::seconds(1);
constexpr Micros kScheduledRowsEvery = Millis(100);
constexpr std::size_t kScheduledRowsAtOnce = 250;

bool MayRetry(const Task& task, const TaskSlot& slot, const AttemptFinished& end) {
  if (slot.try_number > slot.max_tries) return false;
  if (end.outcome == TryOutcome::kLost) return task.on_lost == OnLost::kRetry;
  const std::vector<int>& codes = task.retry.exit_codes;
  if (codes.empty()) return true;
  return end.outcome == TryOutcome::kFailed && end.signal == 0 &&
         std::find(codes.begin(), codes.end(), end.exit_code) != codes.end();
}

bool SkipsByExitCode(const Task& task, const AttemptFinished& end) {
  const std::vector<int>& codes = task.skip_exit_codes;
  return end.outcome == TryOutcome::kFailed && end.signal == 0 && end.exit_code != 0 &&
         std::find(codes.begin(), codes.end(), end.exit_code) != codes.end();
}

}  // namespace

Plan Engine::Impl::Apply(std::vector<Event> events, Instant now) {
  Turn turn(now, limits_.max_map_length);
  ForgetNewRuns();
  for (Event& event : events) {
    std::visit([&](auto& e) { On(turn, e); }, event);
  }
  do {
    FireTimers(turn);
  } while (FollowUp(turn));
  MakeBackfillRuns(turn);
  CompleteBackfills(turn);
  StartWhatFits(turn);
  WriteScheduledRows(turn);
  CloseTurn(turn);
  return std::move(turn.plan);
}

std::optional<Instant> Engine::Impl::NextTimer() const {
  std::optional<Instant> next;
  if (!timers_.empty()) next = timers_.top().at;
  if (backfills_.HasRunsToMake()) next = Instant{};
  if (!unwritten_.empty() && (!next || RowsDue() < *next)) next = RowsDue();
  return next;
}

ActiveRun* Engine::Impl::Find(RunId id) const {
  const auto found = runs_.find(id);
  return found == runs_.end() ? nullptr : found->second.get();
}

void Engine::Impl::On(Turn& turn, DagUpdated& e) {
  DagState& dag = dags_[e.head.dag_id];
  if (dag.known) {  // what the engine itself decides is newer than what the loader read
    e.head.paused = dag.head.paused;
    e.head.last_interval = dag.head.last_interval;
  }
  dag.head = std::move(e.head);
  dag.known = true;
  Reschedule(turn, dag);
  RefreshRuns(turn, dag);
  StartQueuedRuns(turn, dag);
}

void Engine::Impl::On(Turn& turn, RunRequested& e) {
  if (runs_.contains(e.run.id)) return;  // met twice: by notification and by the plan that made it
  DagState& dag = StateOf(e.run.dag_id);
  const RunId id = e.run.id;
  // A run that outlived its backfill (its version could not be read meanwhile) waits like any other.
  if (e.run.backfill && !backfills_.Of(e.run).over) {
    backfills_.Of(e.run).queued.emplace(e.run.backfill_ordinal, id);
  } else {
    dag.queued.emplace(e.run.run_after, id);
  }
  ActiveRun& run = Enter(std::move(e.run), std::move(e.dag));
  if (!e.tasks.empty() || !e.lengths.empty()) run.Restore(e.tasks, e.lengths);
  StartQueuedRuns(turn, dag);
}

void Engine::Impl::On(Turn&, BackfillRestored& e) {
  backfills_.Restore(e.backfill);
  perhaps_over_.push_back(e.backfill.id);  // its last runs may have been deleted
}

void Engine::Impl::On(Turn& turn, RunRestored& e) {
  DagState& dag = StateOf(e.run.dag_id);
  NoteRunning(dag, e.run);
  ActiveRun& run = Enter(std::move(e.run), std::move(e.dag));
  run.HoldEmptyTasks(!dag.MayStartTasks());
  run.Restore(e.tasks, e.lengths);
  for (const StoredTask& task : e.tasks) {
    const auto slot = run.Find(task.task, task.map_index);
    if (slot && task.state == TaskState::kRunning) Occupy(run, *slot, task.attempt);
    if (slot && task.state == TaskState::kUpForRetry) SetRetryTimer(run, *slot, task.retry_at.value_or(turn.now));
  }
  run.Begin(turn);
  SetRunTimeout(run, run.info.start_date.value_or(turn.now));
  AfterChange(turn, run);
}

void Engine::Impl::On(Turn& turn, MappingLength& e) {
  ActiveRun* run = FindAlive(e.run, e.life);
  if (run == nullptr || run->info.state != RunState::kRunning) return;
  run->Expand(turn, e);
  AfterChange(turn, *run);
}

void Engine::Impl::On(Turn&, AttemptOrphaned& e) {
  attempts_[e.attempt] = OpenedAttempt{};
  ++running_;
  orphans_.push_back(e.attempt);
}

void Engine::Impl::On(Turn& turn, AttemptFinished& e) {
  const auto found = attempts_.find(e.attempt);
  if (found == attempts_.end()) return;  // closed before: reported twice
  const OpenedAttempt attempt = found->second;
  attempts_.erase(found);
  --running_;
  if (attempt.pool != nullptr) attempt.pool->used -= attempt.slots;
  AttemptClosed closed{{}, 0, e};
  if (attempt.run != nullptr) {
    closed.run = attempt.run->info.id;
    closed.task = attempt.run->TaskOf(attempt.slot);
    closed.map_index = attempt.run->MapIndexOf(attempt.slot);
    --attempt.run->running_tasks;
    if (SkipsByExitCode(attempt.run->TaskAt(attempt.slot), e)) {
      e.outcome = closed.end.outcome = TryOutcome::kSkipped;
    }
    EndTry(turn, *attempt.run, attempt.slot, e);
  }
  if (attempt.run == nullptr || e.outcome != TryOutcome::kSucceeded) closed.end.outputs = Value();
  turn.plan.closed.push_back(std::move(closed));
  if (attempt.run != nullptr) AfterChange(turn, *attempt.run);
}

void Engine::Impl::On(Turn& turn, Command& e) {
  CommandDone done;
  done.id = e.id;
  std::visit([&](auto& what) { Do(turn, what, e.who, done); }, e.what);
  turn.plan.commands.push_back(std::move(done));
}

ActiveRun& Engine::Impl::Enter(RunInfo info, DagPtr dag) {
  const RunId id = info.id;
  ActiveRun& run = *(runs_[id] = std::make_unique<ActiveRun>(std::move(info), std::move(dag)));
  run.life = ++lives_;
  return run;
}

ActiveRun* Engine::Impl::FindAlive(RunId id, std::uint64_t life) const {
  ActiveRun* run = Find(id);
  return run != nullptr && run->life == life ? run : nullptr;
}

DagState& Engine::Impl::StateOf(const std::string& dag_id) {
  DagState& dag = dags_[dag_id];
  if (dag.head.dag_id.empty()) dag.head.dag_id = dag_id;
  return dag;
}

void Engine::Impl::StartQueuedRuns(Turn& turn, DagState& dag) {
  while (!dag.head.paused && !dag.queued.empty() && dag.HasRoomForRun()) {
    const RunId id = dag.queued.begin()->second;
    dag.queued.erase(dag.queued.begin());
    StartRun(turn, dag, *runs_.at(id));
  }
  BackfillState* backfill = backfills_.ActiveOf(dag.head.dag_id);
  while (backfill != nullptr && !dag.head.paused && backfill->MayStartRun()) {
    const RunId id = backfill->queued.begin()->second;
    backfill->queued.erase(backfill->queued.begin());
    StartRun(turn, dag, *runs_.at(id));
  }
}

// Runs of a backfill have its limit, not the DAG's.
void Engine::Impl::NoteRunning(DagState& dag, const RunInfo& run) {
  dag.running.insert(run.id);
  if (!run.backfill) return;
  backfills_.Of(run).running.insert(run.id);
  ++dag.running_in_backfills;
}

void Engine::Impl::MakeBackfillRuns(Turn& turn) {
  backfills_.MakeRuns(
      turn, [this](RunId run) { return runs_.contains(run); },
      [this](const std::string& dag_id) { return StateOf(dag_id).head.version; });
}

void Engine::Impl::StartRun(Turn& turn, DagState& dag, ActiveRun& run) {
  NoteRunning(dag, run.info);
  MoveRun(turn, run, RunEvent::kStarted, "");
  run.info.start_date = turn.now;
  SetRunTimeout(run, turn.now);
  run.Begin(turn);
  AfterChange(turn, run);
}

void Engine::Impl::SetRunTimeout(const ActiveRun& run, Instant start) {
  if (run.dag().dagrun_timeout <= Micros(0)) return;
  timers_.push(Timer{start + run.dag().dagrun_timeout, TimerKind::kRunTimeout, run.info.id, run.life, 0, 0, {}});
}

bool Engine::Impl::MoveRun(Turn& turn, ActiveRun& run, RunEvent event, std::string why) {
  const auto next = Next(run.info.state, event);
  if (!next) return false;
  RunChange change;
  change.run = run.info.id;
  change.dag_id = run.info.dag_id;
  change.from = run.info.state;
  change.to = *next;
  change.why = std::move(why);
  run.info.state = *next;
  turn.plan.runs.push_back(std::move(change));
  return true;
}

// After any change of a run's tasks: new waiting tasks queue up, and a run without anything left to do ends.
void Engine::Impl::AfterChange(Turn& turn, ActiveRun& run) {
  const DagState& dag = StateOf(run.info.dag_id);
  for (const SlotNo slot : run.TakeScheduled()) {
    queue_.Add(run, slot);
    unwritten_.push_back(Unwritten{run.info.id, run.life, slot, turn.now});
  }
  queue_.Refresh(run, MayStartTask(dag, run));
  if (run.info.state == RunState::kRunning && run.IsOver()) FinishRun(turn, run);
}

bool Engine::Impl::MayStartTask(const DagState& dag, const ActiveRun& run) {
  return run.info.state == RunState::kRunning && dag.MayStartTasks() &&
         (run.dag().max_active_tasks <= 0 || run.running_tasks < run.dag().max_active_tasks);
}

void Engine::Impl::RefreshRuns(Turn& turn, DagState& dag) {
  for (const RunId id : std::vector<RunId>(dag.running.begin(), dag.running.end())) {
    ActiveRun& run = *runs_.at(id);
    run.HoldEmptyTasks(!dag.MayStartTasks());
    if (dag.MayStartTasks()) run.ReleaseEmptyTasks(turn);
    AfterChange(turn, run);
  }
}

void Engine::Impl::FinishRun(Turn& turn, ActiveRun& run) {
  const RunEvent outcome = run.Outcome();
  std::string why = outcome == RunEvent::kSucceeded ? "all leaf tasks succeeded or were skipped" : "a leaf task failed";
  if (run.IsDeadlocked()) why = "deadlock: no task of it can ever start";
  LeaveMemory(turn, run, outcome, std::move(why));
}

// Ends a run that is under way (or queued) as failed.
void Engine::Impl::EndRun(Turn& turn, ActiveRun& run, TaskEvent running_tasks, const std::string& why) {
  StopTasks(turn, run, running_tasks, why, ActiveRun::Spare::kNothing);
  LeaveMemory(turn, run, RunEvent::kFailed, why);
}

void Engine::Impl::StopTasks(Turn& turn, ActiveRun& run, TaskEvent running_tasks, const std::string& why,
                             ActiveRun::Spare spare) {
  for (const AttemptId id : run.EndUnfinished(turn, running_tasks, why, spare)) {
    attempts_[id].run = nullptr;  // its end changes no task any more
    --run.running_tasks;
    turn.plan.stops.push_back(id);
  }
}

void Engine::Impl::LeaveMemory(Turn& turn, ActiveRun& run, RunEvent outcome, std::string why) {
  MoveRun(turn, run, outcome, std::move(why));
  DagState& dag = StateOf(run.info.dag_id);
  const bool ran = dag.running.erase(run.info.id) > 0;
  dag.queued.erase({run.info.run_after, run.info.id});
  if (run.info.backfill) LeaveBackfill(dag, run.info, ran);
  queue_.Remove(run);
  const auto found = runs_.find(run.info.id);
  leaving_.push_back(std::move(found->second));  // the plan still speaks of it
  runs_.erase(found);
  roomier_.push_back(dag.head.dag_id);
}

void Engine::Impl::LeaveBackfill(DagState& dag, const RunInfo& run, bool ran) {
  BackfillState& backfill = backfills_.Of(run);
  backfill.running.erase(run.id);
  backfill.queued.erase({run.backfill_ordinal, run.id});
  if (ran) --dag.running_in_backfills;
  perhaps_over_.push_back(run.backfill);
}

// Runs have ended: others of their DAGs may begin. A loop, not a recursion: a run of empty tasks ends as it begins.
bool Engine::Impl::FollowUp(Turn& turn) {
  for (const std::string& dag_id : std::exchange(roomier_, {})) {
    const auto found = dags_.find(dag_id);
    if (found == dags_.end()) continue;
    StartQueuedRuns(turn, found->second);
    if (!found->second.due) Reschedule(turn, found->second);
  }
  return !roomier_.empty() || (!timers_.empty() && timers_.top().at <= turn.now);
}

void Engine::Impl::Occupy(ActiveRun& run, SlotNo slot, AttemptId id) {
  const Task& what = run.TaskAt(slot);
  Pool& pool = queue_.PoolNamed(what.pool);
  pool.used += what.pool_slots;
  ++running_;
  ++run.running_tasks;
  attempts_[id] = OpenedAttempt{&run, slot, &pool, what.pool_slots};
}

void Engine::Impl::StartWhatFits(Turn& turn) {
  while (running_ < limits_.parallelism) {
    const auto next = queue_.Take();
    if (!next) return;
    ActiveRun& run = *next->run;
    TaskSlot& slot = run.slot(next->slot);
    slot.attempt = AttemptId{++last_attempt_.value};
    ++slot.try_number;
    run.Move(turn, next->slot, TaskEvent::kStarted);
    run.Change(turn, next->slot).start_date = turn.now;
    Occupy(run, next->slot, slot.attempt);
    turn.plan.opened.push_back(AttemptOpened{slot.attempt, run.info.id, run.TaskOf(next->slot), slot.try_number,
                                             run.info.version, slot.max_tries, run.MapIndexOf(next->slot)});
    queue_.Refresh(run, MayStartTask(StateOf(run.info.dag_id), run));
  }
}

void Engine::Impl::EndTry(Turn& turn, ActiveRun& run, SlotNo no, const AttemptFinished& end) {
  const Task& what = run.TaskAt(no);
  if (end.outcome == TryOutcome::kSucceeded || end.outcome == TryOutcome::kSkipped) {
    run.Change(turn, no).end_date = end.end;
    // What a decision skips is skipped with the task's own end, before anything follows from either.
    if (end.decision) run.Conclude(turn, no, *end.decision);
    run.Move(turn, no, end.outcome == TryOutcome::kSkipped ? TaskEvent::kSkipped : TaskEvent::kSucceeded);
    return;
  }
  const TaskSlot& slot = run.slot(no);
  if (MayRetry(what, slot, end)) {
    const Micros delay =
        RetryDelay(what.retry, RetryKey{run.info.dag_id, what.id, run.info.logical_date}, slot.try_number);
    run.Move(turn, no, TaskEvent::kFailedTry);
    TaskChange& change = run.Change(turn, no);
    change.retry_at = end.end + delay;
    change.why = end.message;
    // Not in this turn, even when it is due: that the try failed is stored first, so that no history lacks it.
    SetRetryTimer(run, no, std::max(end.end + delay, turn.now + Micros(1)));
    return;
  }
  TaskChange& change = run.Change(turn, no);
  change.why = end.message;
  change.end_date = end.end;
  // The others are ended before anything follows from this failure; what was set up is still torn down, as in Airflow.
  if (run.dag().fail_fast) {
    run.MoveAlone(turn, no, TaskEvent::kFailed);
    StopTasks(turn, run, TaskEvent::kFailed, fmt::format("fail_fast: task {} failed", what.id),
              ActiveRun::Spare::kTeardowns);
  } else {
    run.Move(turn, no, TaskEvent::kFailed);
  }
  run.Change(turn, no).end_date = end.end;
}

void Engine::Impl::SetRetryTimer(const ActiveRun& run, SlotNo slot, Instant at) {
  timers_.push(Timer{
      at, TimerKind::kRetry, run.info.id, run.life, slot, static_cast<std::uint64_t>(run.slot(slot).try_number), {}});
}

Instant Engine::Impl::RowsDue() const {
  return std::max(unwritten_.front().since + kScheduledRowAfter, rows_written_ + kScheduledRowsEvery);
}

bool Engine::Impl::StillUnwritten(const Unwritten& waiting) const {
  const ActiveRun* run = FindAlive(waiting.run, waiting.life);
  return run != nullptr && run->slot(waiting.slot).state == TaskState::kScheduled &&
         run->slot(waiting.slot).stored != TaskState::kScheduled;
}

void Engine::Impl::WriteScheduledRows(Turn& turn) {
  const auto skip_started = [this] {
    while (!unwritten_.empty() && !StillUnwritten(unwritten_.front())) unwritten_.pop_front();
  };
  skip_started();
  if (unwritten_.empty() || turn.now < RowsDue()) return;
  rows_written_ = turn.now;
  for (std::size_t written = 0; written < kScheduledRowsAtOnce && !unwritten_.empty(); ++written) {
    Find(unwritten_.front().run)->Change(turn, unwritten_.front().slot);
    unwritten_.pop_front();
    skip_started();
  }
}

void Engine::Impl::CloseTurn(Turn& turn) {
  for (const AttemptId id : std::exchange(orphans_, {})) turn.plan.stops.push_back(id);
  for (const TaskChange& change : turn.plan.tasks) {
    if (ActiveRun* run = Find(change.run)) run->Stored(change);
  }
  leaving_.clear();
}

Engine::Engine(EngineLimits limits, LastIds last) : impl_(std::make_unique<Impl>(limits, last)) {}
Engine::~Engine() = default;
Engine::Engine(Engine&&) noexcept = default;
Engine& Engine::operator=(Engine&&) noexcept = default;

Plan Engine::Apply(std::vector<Event> events, Instant now) {
  return impl_->Apply(std::move(events), now);
}
std::optional<Instant> Engine::NextTimer() const {
  return impl_->NextTimer();
}

const RunInfo* Engine::FindRun(RunId run) const {
  const ActiveRun* found = impl_->Find(run);
  return found == nullptr ? nullptr : &found->info;
}

DagPtr Engine::DagOf(RunId run) const {
  const ActiveRun* found = impl_->Find(run);
  return found == nullptr ? nullptr : found->dag_ptr();
}

std::size_t Engine::active_runs() const {
  return impl_->active_runs();
}
AttemptId Engine::last_attempt() const {
  return impl_->last_attempt();
}

}  // namespace pipelined
