#include "pipelined/engine/engine.h"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>

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
  if (slot.try_number > slot.max_tries || end.repetition || end.is_final) return false;
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

// Of ssh the process is only the near end. One that was killed, by others or by itself as it had lost the far one, has
// not seen the end of the command. One that took a TERM as every program does had not begun.
void LoseFarEnd(const Task& task, AttemptFinished& end, AttemptFinished& stored) {
  if (task.action.kind != ActionKind::kSsh || end.signal == 0 || end.signal == SIGTERM) return;
  end.outcome = stored.outcome = TryOutcome::kLost;
  end.message = stored.message = "the connection was lost: what became of the command there cannot be known";
}

// The last iteration that is allowed has ended, and `until` is still false: that is a failure.
void EndOfIteration(const Task& task, AttemptFinished& end, AttemptFinished& stored) {
  if (!end.repetition->again || end.repetition->iteration < task.repeat.max) return;
  end.outcome = stored.outcome = TryOutcome::kFailed;
  end.message = stored.message =
      fmt::format("until was still false after {} iterations (repeat.max)", end.repetition->iteration);
}

// Of the tries of one iteration: each has all of them.
std::int32_t TryOfIteration(const Task& task, const TaskSlot& slot) {
  return task.repeat.until.empty() ? slot.try_number : slot.try_number - (slot.max_tries - task.retry.retries);
}

}  // namespace

Plan Engine::Impl::Apply(std::vector<Event> events, Instant now) {
  Turn turn(now, limits_.max_map_length);
  queue_.SetNow(now);
  ForgetNewRuns();
  for (Event& event : events) {
    std::visit([&](auto& e) { On(turn, e); }, event);
  }
  do {
    do {
      FireTimers(turn);
      SettleParents(turn);
      LookAgain(turn);
    } while (FollowUp(turn));
    StartWhatFits(turn);
  } while (MustFollowUp());  // what gave way was the last of its run
  MakeBackfillRuns(turn);
  CompleteBackfills(turn);
  WriteScheduledRows(turn);
  CloseTurn(turn);
  return std::move(turn.plan);
}

std::optional<Instant> Engine::Impl::NextTimer() const {
  std::optional<Instant> next;
  if (!timers_.empty()) next = timers_.top().at;
  if (backfills_.HasRunsToMake()) next = Instant{};
  if (!unwritten_.empty() && (!next || RowsDue() < *next)) next = RowsDue();
  if (const auto alarm = queue_.NextAlarm(); alarm && (!next || *alarm < *next)) next = alarm;
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
  dag.recent.Keep(dag.head.max_consecutive_failed_dag_runs);
  dag.recent.Learn(std::exchange(dag.head.recent, {}));
  Reschedule(turn, dag);
  RefreshRuns(turn, dag);
  StartQueuedRuns(turn, dag);
}

void Engine::Impl::On(Turn& turn, RunRequested& e) {
  if (runs_.contains(e.run.id)) return;  // met twice: by notification and by the plan that made it
  DagState& dag = StateOf(e.run.dag_id);
  Queue(dag, e.run);
  ActiveRun& run = Enter(std::move(e.run), std::move(e.dag), e.past);
  if (run.info.parent) AdoptChild(run.info);
  run.keys = std::move(e.keys);
  TakeUp(turn, run, e.tasks, e.lengths);
  dag.recent.Note(run.info);
  SetDeadlines(turn, run, e.deadlines, e.averages);
  StartQueuedRuns(turn, dag);
}

// A run that outlived its backfill waits like any other.
void Engine::Impl::Queue(DagState& dag, const RunInfo& run) {
  if (run.backfill && !backfills_.Of(run).over) {
    backfills_.Of(run).queued.emplace(run.backfill_ordinal, run.id);
  } else {
    dag.queued.emplace(run.run_after, run.id);
  }
}

void Engine::Impl::TakeUp(Turn& turn, ActiveRun& run, const std::vector<StoredTask>& tasks,
                          const std::vector<StoredLength>& lengths) {
  if (tasks.empty() && lengths.empty()) return;
  run.Restore(tasks, lengths);
  for (const StoredTask& task : tasks) {
    const auto slot = run.Find(task.task, task.map_index);
    if (!slot) continue;
    if (task.state == TaskState::kUpForRetry) SetRetryTimer(run, *slot, task.retry_at.value_or(turn.now));
    const bool parked = task.state == TaskState::kDeferred || (task.state == TaskState::kRunning && task.child);
    if (parked) RestoreParked(turn, run, *slot, task);
    if (!parked && (task.state == TaskState::kRunning || task.state == TaskState::kRestarting))
      Occupy(run, *slot, task.attempt);
    if (task.state == TaskState::kRestarting) queue_.NoteStopping(attempts_.at(task.attempt).hold, task.attempt);
    if (task.state == TaskState::kRestarting) turn.plan.stops.push_back(task.attempt);
  }
}

void Engine::Impl::On(Turn&, BackfillRestored& e) {
  backfills_.Restore(e.backfill);
  perhaps_over_.push_back(e.backfill.id);  // its last runs may have been deleted
}

void Engine::Impl::On(Turn& turn, RunRestored& e) {
  DagState& dag = StateOf(e.run.dag_id);
  NoteRunning(dag, e.run);
  ActiveRun& run = Enter(std::move(e.run), std::move(e.dag), e.past);
  run.keys = std::move(e.keys);
  run.HoldEmptyTasks(!dag.MayStartTasks());
  TakeUp(turn, run, e.tasks, e.lengths);
  SetDeadlines(turn, run, e.deadlines, {});
  run.Begin(turn);
  const auto since = run.info.start_date;  // how long each task has waited is not known: rather too long
  if (!since) run.info.start_date = turn.now;
  SetRunTimeout(run, *run.info.start_date);
  AfterChange(turn, run, since);
}

void Engine::Impl::On(Turn& turn, MappingLength& e) {
  ActiveRun* run = FindAlive(e.run, e.life);
  if (run == nullptr) return;
  if (run->info.state != RunState::kRunning) return run->DropLength(e.mapping);
  run->Expand(turn, e);
  AfterChange(turn, *run);
}

void Engine::Impl::On(Turn&, AttemptOrphaned& e) {
  const Hold hold = queue_.Occupy(e.holding, e.attempt);
  queue_.NoteStopping(hold, e.attempt);
  const Instance instance{e.task, e.map_index};
  attempts_[e.attempt] = OpenedAttempt{nullptr, 0, hold, e.run, instance};
  stopping_[e.run].insert(instance);
  ++running_;
  orphans_.push_back(e.attempt);
}

void Engine::Impl::On(Turn& turn, AttemptFinished& e) {
  const auto found = attempts_.find(e.attempt);
  if (found == attempts_.end()) return;  // closed before: reported twice
  const OpenedAttempt attempt = std::move(found->second);
  attempts_.erase(found);
  if (attempt.parked) {
    ReadyQueue::EndDeferred(attempt.hold);  // it has given back everything else before
  } else {
    --running_;
    queue_.Release(attempt.hold, e.attempt);
    if (attempt.hold.key) turn.plan.keys_given.push_back(e.attempt);
  }
  AttemptClosed closed{{}, 0, e};
  if (attempt.run != nullptr) {
    closed.run = attempt.run->info.id;
    closed.task = attempt.run->TaskOf(attempt.slot);
    closed.map_index = attempt.run->MapIndexOf(attempt.slot);
    if (!attempt.parked) --attempt.run->running_tasks;
    LoseFarEnd(attempt.run->TaskAt(attempt.slot), e, closed.end);
    const bool restarts = attempt.run->slot(attempt.slot).state == TaskState::kRestarting;
    if (!restarts && e.repetition) EndOfIteration(attempt.run->TaskAt(attempt.slot), e, closed.end);
    if (!restarts && SkipsByExitCode(attempt.run->TaskAt(attempt.slot), e)) {
      e.outcome = closed.end.outcome = TryOutcome::kSkipped;
    }
    if (restarts) {
      attempt.run->EndRestart(turn, attempt.slot);
      closed.end.outputs = Value();
    } else {
      EndTry(turn, *attempt.run, attempt.slot, e);
    }
  }
  if (attempt.run == nullptr || e.outcome != TryOutcome::kSucceeded) closed.end.outputs = Value();
  turn.plan.closed.push_back(std::move(closed));
  if (attempt.run == nullptr) return StoppedAtLast(turn, attempt);
  AfterChange(turn, *attempt.run);
}

// Its task has moved on before; now nothing of it is in the way any more.
void Engine::Impl::StoppedAtLast(Turn& turn, const OpenedAttempt& attempt) {
  const auto found = stopping_.find(attempt.of);
  if (found == stopping_.end()) return;
  found->second.erase(attempt.instance);
  const bool last = found->second.empty();
  if (last) stopping_.erase(found);
  if (ActiveRun* run = Find(attempt.of)) {
    run->Release(turn, attempt.instance);
    AfterChange(turn, *run);
  }
  if (!last) return;
  if (auto asked = asked_later_.extract(attempt.of)) {
    for (RunAsked& one : asked.mapped()) On(turn, one);
  }
}

void Engine::Impl::On(Turn& turn, Command& e) {
  CommandDone done;
  done.id = e.id;
  std::visit([&](auto& what) { Do(turn, what, e.who, done); }, e.what);
  turn.plan.commands.push_back(std::move(done));
}

ActiveRun& Engine::Impl::Enter(RunInfo info, DagPtr dag, const std::optional<PastRun>& past) {
  const RunId id = info.id;
  return Enter(id, std::make_unique<ActiveRun>(std::move(info), std::move(dag)), past);
}

ActiveRun& Engine::Impl::Enter(RunId id, std::unique_ptr<ActiveRun> entering, const std::optional<PastRun>& past) {
  ActiveRun& run = *(runs_[id] = std::move(entering));
  run.life = ++lives_;
  tells_of_tasks_ = tells_of_tasks_ || run.dag().notifies_of_tasks;
  run.Forget();  // of one that ended in this turn and is back
  if (const auto stopping = stopping_.find(id); stopping != stopping_.end()) {
    for (const Instance& instance : stopping->second) run.Hold(instance);
  }
  past_.Enter(run, past, [this](RunId other) { return FindOrLeaving(other); });
  return run;
}

ActiveRun* Engine::Impl::FindOrLeaving(RunId id) const {
  if (ActiveRun* run = Find(id)) return run;
  const auto left = std::find_if(leaving_.begin(), leaving_.end(), [&](const auto& run) { return run->info.id == id; });
  return left == leaving_.end() ? nullptr : left->get();
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
  // One that outlived its backfill, or was cleared after that, counts as any other.
  if (!run.backfill || backfills_.Of(run).over) return;
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
  run.HoldEmptyTasks(false);  // of a run that was set to queued while its DAG was paused
  run.ReleaseEmptyTasks(turn);
  run.Begin(turn);
  AfterChange(turn, run);
}

void Engine::Impl::SetRunTimeout(const ActiveRun& run, Instant start) {
  if (run.dag().dagrun_timeout <= Micros(0)) return;
  // A run that was set to queued meanwhile starts anew.
  const auto token = static_cast<std::uint64_t>(start.time_since_epoch().count());
  timers_.push(Timer{start + run.dag().dagrun_timeout, TimerKind::kRunTimeout, run.info.id, run.life, 0, token, {}});
}

bool Engine::Impl::MoveRun(Turn& turn, ActiveRun& run, RunEvent event, Cause why) {
  const auto next = Next(run.info.state, event);
  if (!next) return false;
  RunChange change;
  change.run = run.info.id;
  change.dag_id = run.info.dag_id;
  change.from = run.info.state;
  change.to = *next;
  change.why = std::move(why.text);
  change.who = std::move(why.who);
  change.run_id = run.info.run_id;
  change.logical_date = run.info.logical_date;
  run.info.state = *next;
  StateOf(run.info.dag_id).recent.Note(run.info);
  if (IsFinished(*next))
    TellOfRun(turn, run, change, event == RunEvent::kMarkedSuccess || event == RunEvent::kMarkedFailed);
  turn.plan.runs.push_back(std::move(change));
  return true;
}

// After any change of a run's tasks: new waiting tasks queue up, and a run without anything left to do ends.
void Engine::Impl::AfterChange(Turn& turn, ActiveRun& run, std::optional<Instant> since) {
  const DagState& dag = StateOf(run.info.dag_id);
  for (const SlotNo slot : run.TakeScheduled()) {
    queue_.Add(run, slot, since.value_or(turn.now));
    unwritten_.push_back(Unwritten{run.info.id, run.life, slot, turn.now});
    const auto& concurrency = run.TaskAt(slot).concurrency;
    if (concurrency != nullptr && concurrency->on_conflict != OnConflict::kQueue)
      newcomers_.push_back(Newcomer{run.info.id, run.life, slot});
  }
  queue_.Refresh(run, MayStartTask(dag, run));
  past_.Note(run);
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
  DagState& dag = StateOf(run.info.dag_id);
  LeaveMemory(turn, run, outcome, std::move(why));
  if (outcome == RunEvent::kFailed) PauseAfterFailures(turn, dag);
}

// Ends a run that is under way (or queued) as failed.
void Engine::Impl::EndRun(Turn& turn, ActiveRun& run, TaskEvent running_tasks, const Cause& why) {
  StopTasks(turn, run, running_tasks, why, ActiveRun::Spare::kNothing);
  LeaveMemory(turn, run, RunEvent::kFailed, why);
}

void Engine::Impl::StopTasks(Turn& turn, ActiveRun& run, TaskEvent running_tasks, const Cause& why,
                             ActiveRun::Spare spare) {
  for (const AttemptId id : run.EndUnfinished(turn, running_tasks, why, spare)) {
    if (!StopParked(turn, id, why)) Abandon(turn, id);
  }
}

void Engine::Impl::LeaveMemory(Turn& turn, ActiveRun& run, RunEvent outcome, Cause why) {
  MoveRun(turn, run, outcome, std::move(why));
  CloseDeadlines(turn, run);
  NoteEnd(run.info);
  DagState& dag = StateOf(run.info.dag_id);
  dag.running.erase(run.info.id);
  dag.queued.erase({run.info.run_after, run.info.id});
  if (run.info.backfill) LeaveBackfill(dag, run.info);
  queue_.Remove(run);
  past_.Leave(run);
  const auto found = runs_.find(run.info.id);
  leaving_.push_back(std::move(found->second));  // the plan still speaks of it
  runs_.erase(found);
  roomier_.push_back(dag.head.dag_id);
}

void Engine::Impl::LeaveBackfill(DagState& dag, const RunInfo& run) {
  BackfillState& backfill = backfills_.Of(run);
  if (backfill.running.erase(run.id) > 0) --dag.running_in_backfills;
  backfill.queued.erase({run.backfill_ordinal, run.id});
  perhaps_over_.push_back(run.backfill);
}

// Runs have ended: others of their DAGs may begin. A loop, not a recursion: a run of empty tasks ends as it begins.
bool Engine::Impl::FollowUp(Turn& turn) {
  HoldPaused(turn);
  for (const std::string& dag_id : std::exchange(roomier_, {})) {
    const auto found = dags_.find(dag_id);
    if (found == dags_.end()) continue;
    StartQueuedRuns(turn, found->second);
    if (!found->second.due) Reschedule(turn, found->second);
  }
  return MustFollowUp() || (!timers_.empty() && timers_.top().at <= turn.now);
}

bool Engine::Impl::MustFollowUp() const {
  return !roomier_.empty() || !past_.empty() || !just_paused_.empty() || !settled_.empty() || !doomed_.empty();
}

// A loop, for the same reason: a task that goes on may be what the run after waits for.
void Engine::Impl::LookAgain(Turn& turn) {
  while (const auto woken = past_.Take()) {
    ActiveRun* run = FindAlive(woken->run, woken->life);
    if (run == nullptr) continue;
    run->LookAgain(turn, woken->tasks);
    AfterChange(turn, *run);
  }
}

void Engine::Impl::EndTry(Turn& turn, ActiveRun& run, SlotNo no, const AttemptFinished& end) {
  const Task& what = run.TaskAt(no);
  if (Repeats(turn, run, no, end)) return;
  if (end.outcome == TryOutcome::kSucceeded || end.outcome == TryOutcome::kSkipped) {
    TaskChange& change = run.Change(turn, no);
    change.end_date = end.end;
    if (end.outcome == TryOutcome::kSkipped) change.why = end.message;
    // What a decision skips is skipped with the task's own end, before anything follows from either.
    if (end.decision) {
      for (const AttemptId overtaken : run.Conclude(turn, no, *end.decision)) Abandon(turn, overtaken);
    }
    if (end.outcome == TryOutcome::kSucceeded) run.NoteOutlets(turn, no, end.outputs);
    run.Move(turn, no, end.outcome == TryOutcome::kSkipped ? TaskEvent::kSkipped : TaskEvent::kSucceeded);
    return;
  }
  const TaskSlot& slot = run.slot(no);
  if (MayRetry(what, slot, end)) {
    const Micros delay =
        RetryDelay(what.retry, RetryKey{run.info.dag_id, what.id, run.info.logical_date}, TryOfIteration(what, slot));
    TellOfRetry(turn, run, no, end);
    return TryAgain(turn, run, no, end.end + delay, end.message);
  }
  FailForGood(turn, run, no, end.end, end.message);
}

void Engine::Impl::FailForGood(Turn& turn, ActiveRun& run, SlotNo no, Instant end, const std::string& why) {
  TaskChange& change = run.Change(turn, no);
  change.why = why;
  change.end_date = end;
  // The others are ended before anything follows from this failure; what was set up is still torn down, as in Airflow.
  if (run.dag().fail_fast) {
    run.MoveAlone(turn, no, TaskEvent::kFailed);
    StopTasks(turn, run, TaskEvent::kFailed, fmt::format("fail_fast: task {} failed", run.TaskAt(no).id),
              ActiveRun::Spare::kTeardowns);
  } else {
    run.Move(turn, no, TaskEvent::kFailed);
  }
  run.Change(turn, no).end_date = end;
}

void Engine::Impl::TryAgain(Turn& turn, ActiveRun& run, SlotNo slot, Instant at, std::string why) {
  run.Move(turn, slot, TaskEvent::kFailedTry);
  TaskChange& change = run.Change(turn, slot);
  change.retry_at = at;
  change.why = std::move(why);
  // Not in this turn, even when it is due: that the try has ended is stored first, so that no history lacks it.
  SetRetryTimer(run, slot, std::max(at, turn.now + Micros(1)));
}

// An iteration succeeded and is not the last: it costs none of the retries, which the next one has anew.
bool Engine::Impl::Repeats(Turn& turn, ActiveRun& run, SlotNo slot, const AttemptFinished& end) {
  if (end.outcome != TryOutcome::kSucceeded || !end.repetition || !end.repetition->again) return false;
  const Task& what = run.TaskAt(slot);
  run.slot(slot).max_tries = run.slot(slot).try_number + what.retry.retries;
  TryAgain(turn, run, slot, end.end + what.repeat.delay,
           fmt::format("iteration {}: until is false", end.repetition->iteration));
  return true;
}

std::optional<AttemptOpened> Engine::Impl::FindAttempt(AttemptId id) const {
  const auto found = attempts_.find(id);
  if (found == attempts_.end() || found->second.run == nullptr) return std::nullopt;
  const ActiveRun& run = *found->second.run;
  const TaskSlot& slot = run.slot(found->second.slot);
  return AttemptOpened{id,
                       run.info.id,
                       run.TaskOf(found->second.slot),
                       slot.try_number,
                       run.info.version,
                       slot.max_tries,
                       run.MapIndexOf(found->second.slot)};
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
  TellOfTasks(turn);
  for (const TaskChange& change : turn.plan.tasks) {
    if (ActiveRun* run = Find(change.run)) run->Stored(change);
  }
  std::erase_if(turn.plan.tasks, [](const TaskChange& change) { return !change.run; });
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

std::optional<AttemptOpened> Engine::FindAttempt(AttemptId attempt) const {
  return impl_->FindAttempt(attempt);
}

std::optional<AttemptId> Engine::ParkedOf(RunId run, const std::string& task_id, std::int32_t map_index) const {
  return impl_->ParkedOf(run, task_id, map_index);
}

std::size_t Engine::active_runs() const {
  return impl_->active_runs();
}
std::size_t Engine::shared_limits() const {
  return impl_->shared_limits();
}
AttemptId Engine::last_attempt() const {
  return impl_->last_attempt();
}

}  // namespace pipelined
