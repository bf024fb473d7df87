#include "pipelined/engine/engine.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <queue>
#include <unordered_map>

#include "engine/active_run.h"
#include "engine/backfills.h"
#include "engine/dag_schedule.h"
#include "engine/ready_queue.h"
#include "engine/turn.h"
#include "engine/why.h"
#include "pipelined/lifecycle/retry.h"

namespace pipelined {
namespace {

// A task that waits for a slot gets a row only when it has waited so long, and then so many rows at a time: most have
// started by then, and what would say "scheduled" for a moment costs as much as what says "running".
constexpr Micros kScheduledRowAfter = std::chrono::seconds(1);
constexpr Micros kScheduledRowsEvery = Millis(100);
constexpr std::size_t kScheduledRowsAtOnce = 250;

struct OpenedAttempt {
  ActiveRun* run = nullptr;  // nullptr: its task has moved on, only its slots count
  TaskNo task = 0;
  Pool* pool = nullptr;
  std::int32_t slots = 0;
};

struct Unwritten {
  RunId run;
  TaskNo task = 0;
  Instant since{};
};

enum class TimerKind : std::uint8_t { kRetry, kRunTimeout, kSchedule };

struct Timer {
  Instant at;
  TimerKind kind;
  RunId run;
  TaskNo task = 0;
  std::uint64_t token = 0;  // try number or schedule generation: an older timer is stale
  std::string dag_id;
  friend bool operator<(const Timer& a, const Timer& b) { return a.at > b.at; }  // the earliest on top
};

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

class Engine::Impl {
 public:
  Impl(EngineLimits limits, LastIds last) : limits_(limits), last_attempt_(last.attempt), backfills_(last.backfill) {}

  Plan Apply(std::vector<Event> events, Instant now) {
    Turn turn(now);
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

  std::optional<Instant> NextTimer() const {
    std::optional<Instant> next;
    if (!timers_.empty()) next = timers_.top().at;
    if (backfills_.HasRunsToMake()) next = Instant{};
    if (!unwritten_.empty() && (!next || RowsDue() < *next)) next = RowsDue();
    return next;
  }

  ActiveRun* Find(RunId id) const {
    const auto found = runs_.find(id);
    return found == runs_.end() ? nullptr : found->second.get();
  }
  std::size_t active_runs() const { return runs_.size(); }
  AttemptId last_attempt() const { return last_attempt_; }

 private:
  // --- events
  // -------------------------------------------------------------------------------------------------------------

  void On(Turn& turn, DagUpdated& e) {
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

  void On(Turn& turn, RunRequested& e) {
    if (runs_.contains(e.run.id)) return;  // met twice: by notification and by the plan that made it
    DagState& dag = StateOf(e.run.dag_id);
    const RunId id = e.run.id;
    if (e.run.backfill) {
      backfills_.Of(e.run).queued.emplace(e.run.backfill_ordinal, id);
    } else {
      dag.queued.emplace(e.run.run_after, id);
    }
    auto& run = *(runs_[id] = std::make_unique<ActiveRun>(std::move(e.run), std::move(e.dag)));
    if (!e.tasks.empty()) run.Restore(e.tasks);
    StartQueuedRuns(turn, dag);
  }

  void On(Turn&, BackfillRestored& e) {
    backfills_.Restore(e.backfill);
    perhaps_over_.push_back(e.backfill.id);  // its last runs may have been deleted
  }

  void On(Turn& turn, RunRestored& e) {
    DagState& dag = StateOf(e.run.dag_id);
    const RunId id = e.run.id;
    NoteRunning(dag, e.run);
    ActiveRun& run = *(runs_[id] = std::make_unique<ActiveRun>(std::move(e.run), std::move(e.dag)));
    run.HoldEmptyTasks(!dag.MayStartTasks());
    run.Restore(e.tasks);
    for (const StoredTask& task : e.tasks) {
      if (task.state == TaskState::kRunning) Occupy(run, task.task, task.attempt);
      if (task.state == TaskState::kUpForRetry) SetRetryTimer(run, task.task, task.retry_at.value_or(turn.now));
    }
    run.Begin(turn);
    SetRunTimeout(run, run.info.start_date.value_or(turn.now));
    AfterChange(turn, run);
  }

  void On(Turn&, AttemptOrphaned& e) {
    attempts_[e.attempt] = OpenedAttempt{};
    ++running_;
    orphans_.push_back(e.attempt);
  }

  void On(Turn& turn, AttemptFinished& e) {
    const auto found = attempts_.find(e.attempt);
    if (found == attempts_.end()) return;  // closed before: reported twice
    const OpenedAttempt attempt = found->second;
    attempts_.erase(found);
    --running_;
    if (attempt.pool != nullptr) attempt.pool->used -= attempt.slots;
    AttemptClosed closed{attempt.run != nullptr ? attempt.run->info.id : RunId{}, attempt.task, e};
    if (attempt.run != nullptr) {
      --attempt.run->running_tasks;
      if (SkipsByExitCode(attempt.run->dag().tasks[attempt.task], e)) {
        e.outcome = closed.end.outcome = TryOutcome::kSkipped;
      }
      EndTry(turn, *attempt.run, attempt.task, e);
    }
    if (attempt.run == nullptr || e.outcome != TryOutcome::kSucceeded) closed.end.outputs = Value();
    turn.plan.closed.push_back(std::move(closed));
    if (attempt.run != nullptr) AfterChange(turn, *attempt.run);
  }

  void On(Turn&, PoolChanged& e) { queue_.SetPool(e.name, e.slots); }

  void On(Turn& turn, Command& e) {
    CommandDone done;
    done.id = e.id;
    std::visit([&](auto& what) { Do(turn, what, e.who, done); }, e.what);
    turn.plan.commands.push_back(std::move(done));
  }

  // --- commands
  // -----------------------------------------------------------------------------------------------------------

  static void Refuse(CommandDone& done, ErrorCode code, std::string message) {
    done.error_code = code;
    done.error = std::move(message);
  }

  void Do(Turn& turn, PauseDag& what, const std::string& who, CommandDone& done) {
    const auto found = dags_.find(what.dag_id);
    if (found == dags_.end()) return Refuse(done, ErrorCode::kNotFound, fmt::format("no DAG \"{}\"", what.dag_id));
    DagState& dag = found->second;
    if (dag.head.paused == what.paused) return;
    dag.head.paused = what.paused;
    turn.plan.dags.push_back(DagChange{what.dag_id, what.paused, std::nullopt, false,
                                       fmt::format("{} by {}", what.paused ? "paused" : "unpaused", who)});
    RefreshRuns(turn, dag);
    StartQueuedRuns(turn, dag);
    Reschedule(turn, dag);
  }

  void Do(Turn& turn, DeleteDag& what, const std::string& who, CommandDone& done) {
    const auto found = dags_.find(what.dag_id);
    if (found == dags_.end()) return Refuse(done, ErrorCode::kNotFound, fmt::format("no DAG \"{}\"", what.dag_id));
    if (!found->second.running.empty()) {
      return Refuse(
          done, ErrorCode::kConflict,
          fmt::format("DAG \"{}\" has {} running runs: cancel them first", what.dag_id, found->second.running.size()));
    }
    for (const auto& [when, id] : found->second.queued) runs_.erase(id);
    for (const RunId id : backfills_.Forget(what.dag_id)) runs_.erase(id);
    dags_.erase(found);
    DagChange change{what.dag_id, std::nullopt, std::nullopt, true, fmt::format("deleted by {}", who)};
    turn.plan.dags.push_back(std::move(change));
  }

  void Do(Turn& turn, CancelRun& what, const std::string& who, CommandDone& done) {
    ActiveRun* run = Find(what.run);
    if (run == nullptr) return Refuse(done, ErrorCode::kConflict, "the run has ended already");
    EndRun(turn, *run, TaskEvent::kFailed, fmt::format("cancelled by {}", who));
  }

  void Do(Turn&, WhyTask& what, const std::string&, CommandDone& done) {
    ActiveRun* run = Find(what.run);
    if (run == nullptr) return Refuse(done, ErrorCode::kConflict, "the run has ended");
    const auto task = run->dag().Find(what.task_id);
    if (!task)
      return Refuse(done, ErrorCode::kNotFound,
                    fmt::format("no task \"{}\" in DAG \"{}\"", what.task_id, run->dag().id));
    run->Materialize();
    done.result = ExplainTask(
        WhyContext{*run, StateOf(run->info.dag_id), backfills_.Find(run->info.backfill), running_, limits_.parallelism},
        *task, queue_);
  }

  void Do(Turn& turn, SetPool& what, const std::string&, CommandDone&) {
    queue_.SetPool(what.name, what.slots);
    turn.plan.pools.push_back(PoolChange{what.name, what.slots, what.description, what.include_deferred});
  }

  void Do(Turn& turn, DeletePool& what, const std::string&, CommandDone& done) {
    if (what.name == kDefaultPool) return Refuse(done, ErrorCode::kNotAllowed, "Default Pool can't be deleted");
    if (!queue_.PoolNamed(what.name).exists)
      return Refuse(done, ErrorCode::kNotFound, fmt::format("no pool \"{}\"", what.name));
    queue_.DeletePool(what.name);
    PoolChange change{what.name};
    change.deleted = true;
    turn.plan.pools.push_back(std::move(change));
  }

  void Do(Turn& turn, CreateBackfill& what, const std::string& who, CommandDone& done) {
    const auto found = dags_.find(what.dag_id);
    if (found == dags_.end() || what.facts == nullptr)
      return Refuse(done, ErrorCode::kNotFound, fmt::format("no DAG \"{}\"", what.dag_id));
    if (const BackfillState* active = backfills_.ActiveOf(what.dag_id)) {
      return Refuse(done, ErrorCode::kConflict,
                    fmt::format("DAG \"{}\" has an active backfill already: {}", what.dag_id, active->what.id.value));
    }
    BackfillPlan plan = PlanBackfill(what.range, *what.facts, turn.now);
    if (plan.fault) return Refuse(done, ErrorCode::kInvalid, ToError(*plan.fault).message);
    BackfillState& backfill =
        backfills_.Make(StoredBackfill{{}, what.dag_id, what.max_active_runs, false, what.conf, who, {}}, plan.slots);
    turn.plan.made.push_back(BackfillMade{backfill.what.id, what.dag_id, what.range, what.max_active_runs,
                                          std::move(what.conf), who, std::move(plan.slots)});
    backfills_.CompleteIfIdle(turn, backfill);
    done.result.Set("backfill", backfill.what.id.value);
    backfills_.DropIfGone(backfill.what.id);
  }

  BackfillState* ActiveBackfill(BackfillId id, CommandDone& done) {
    BackfillState* backfill = backfills_.Find(id);
    if (backfill != nullptr && !backfill->over) return backfill;
    Refuse(done, ErrorCode::kConflict, fmt::format("backfill {} is completed already", id.value));
    return nullptr;
  }

  void Do(Turn& turn, PauseBackfill& what, const std::string& who, CommandDone& done) {
    BackfillState* backfill = ActiveBackfill(what.backfill, done);
    if (backfill == nullptr || backfill->what.paused == what.paused) return;
    backfill->what.paused = what.paused;
    BackfillChange change;
    change.id = what.backfill;
    change.dag_id = backfill->what.dag_id;
    change.paused = what.paused;
    change.why = fmt::format("backfill {} {} by {}", what.backfill.value, what.paused ? "paused" : "unpaused", who);
    turn.plan.backfills.push_back(std::move(change));
    StartQueuedRuns(turn, StateOf(backfill->what.dag_id));
  }

  void Do(Turn& turn, CancelBackfill& what, const std::string& who, CommandDone& done) {
    BackfillState* backfill = ActiveBackfill(what.backfill, done);
    if (backfill == nullptr) return;
    backfills_.Cancel(turn, *backfill, who);
    for (const auto& [ordinal, id] : std::set(backfill->queued)) {
      LeaveMemory(turn, *runs_.at(id), RunEvent::kFailed, fmt::format("backfill cancelled by {}", who));
    }
  }

  void Do(Turn& turn, ReportEnd& what, const std::string&, CommandDone&) { On(turn, what.end); }

  // --- runs
  // ---------------------------------------------------------------------------------------------------------------

  DagState& StateOf(const std::string& dag_id) {
    DagState& dag = dags_[dag_id];
    if (dag.head.dag_id.empty()) dag.head.dag_id = dag_id;
    return dag;
  }

  void StartQueuedRuns(Turn& turn, DagState& dag) {
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
  void NoteRunning(DagState& dag, const RunInfo& run) {
    dag.running.insert(run.id);
    if (!run.backfill) return;
    backfills_.Of(run).running.insert(run.id);
    ++dag.running_in_backfills;
  }

  void MakeBackfillRuns(Turn& turn) {
    backfills_.MakeRuns(
        turn, [this](RunId run) { return runs_.contains(run); },
        [this](const std::string& dag_id) { return StateOf(dag_id).head.version; });
  }

  void StartRun(Turn& turn, DagState& dag, ActiveRun& run) {
    NoteRunning(dag, run.info);
    MoveRun(turn, run, RunEvent::kStarted, "");
    run.info.start_date = turn.now;
    SetRunTimeout(run, turn.now);
    run.Begin(turn);
    AfterChange(turn, run);
  }

  void SetRunTimeout(const ActiveRun& run, Instant start) {
    if (run.dag().dagrun_timeout <= Micros(0)) return;
    timers_.push(Timer{start + run.dag().dagrun_timeout, TimerKind::kRunTimeout, run.info.id, 0, 0, {}});
  }

  bool MoveRun(Turn& turn, ActiveRun& run, RunEvent event, std::string why) {
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
  void AfterChange(Turn& turn, ActiveRun& run) {
    const DagState& dag = StateOf(run.info.dag_id);
    for (const TaskNo task : run.TakeScheduled()) {
      queue_.Add(run, task);
      unwritten_.push_back(Unwritten{run.info.id, task, turn.now});
    }
    queue_.Refresh(run, MayStartTask(dag, run));
    if (run.info.state == RunState::kRunning && run.IsOver()) FinishRun(turn, run);
  }

  static bool MayStartTask(const DagState& dag, const ActiveRun& run) {
    return run.info.state == RunState::kRunning && dag.MayStartTasks() &&
           (run.dag().max_active_tasks <= 0 || run.running_tasks < run.dag().max_active_tasks);
  }

  void RefreshRuns(Turn& turn, DagState& dag) {
    for (const RunId id : std::vector<RunId>(dag.running.begin(), dag.running.end())) {
      ActiveRun& run = *runs_.at(id);
      run.HoldEmptyTasks(!dag.MayStartTasks());
      if (dag.MayStartTasks()) run.ReleaseEmptyTasks(turn);
      AfterChange(turn, run);
    }
  }

  void FinishRun(Turn& turn, ActiveRun& run) {
    const RunEvent outcome = run.Outcome();
    std::string why =
        outcome == RunEvent::kSucceeded ? "all leaf tasks succeeded or were skipped" : "a leaf task failed";
    if (run.IsDeadlocked()) why = "deadlock: no task of it can ever start";
    LeaveMemory(turn, run, outcome, std::move(why));
  }

  // Ends a run that is under way (or queued) as failed.
  void EndRun(Turn& turn, ActiveRun& run, TaskEvent running_tasks, const std::string& why) {
    StopTasks(turn, run, running_tasks, why);
    LeaveMemory(turn, run, RunEvent::kFailed, why);
  }

  void StopTasks(Turn& turn, ActiveRun& run, TaskEvent running_tasks, const std::string& why) {
    for (const AttemptId id : run.EndUnfinished(turn, running_tasks, why)) {
      attempts_[id].run = nullptr;  // its end changes no task any more
      turn.plan.stops.push_back(id);
    }
    run.running_tasks = 0;
  }

  void LeaveMemory(Turn& turn, ActiveRun& run, RunEvent outcome, std::string why) {
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

  void LeaveBackfill(DagState& dag, const RunInfo& run, bool ran) {
    BackfillState& backfill = backfills_.Of(run);
    backfill.running.erase(run.id);
    backfill.queued.erase({run.backfill_ordinal, run.id});
    if (ran) --dag.running_in_backfills;
    perhaps_over_.push_back(run.backfill);
  }

  // Runs have ended: others of their DAGs may begin. A loop, not a recursion: a run of empty tasks ends as it begins.
  bool FollowUp(Turn& turn) {
    for (const std::string& dag_id : std::exchange(roomier_, {})) {
      const auto found = dags_.find(dag_id);
      if (found == dags_.end()) continue;
      StartQueuedRuns(turn, found->second);
      if (!found->second.due) Reschedule(turn, found->second);
    }
    return !roomier_.empty() || (!timers_.empty() && timers_.top().at <= turn.now);
  }

  // --- tasks
  // --------------------------------------------------------------------------------------------------------------

  void Occupy(ActiveRun& run, TaskNo task, AttemptId id) {
    const Task& what = run.dag().tasks[task];
    Pool& pool = queue_.PoolNamed(what.pool);
    pool.used += what.pool_slots;
    ++running_;
    ++run.running_tasks;
    attempts_[id] = OpenedAttempt{&run, task, &pool, what.pool_slots};
  }

  void StartWhatFits(Turn& turn) {
    while (running_ < limits_.parallelism) {
      const auto next = queue_.Take();
      if (!next) return;
      ActiveRun& run = *next->run;
      TaskSlot& slot = run.slot(next->task);
      slot.attempt = AttemptId{++last_attempt_.value};
      ++slot.try_number;
      run.Move(turn, next->task, TaskEvent::kStarted);
      run.Change(turn, next->task).start_date = turn.now;
      Occupy(run, next->task, slot.attempt);
      turn.plan.opened.push_back(
          AttemptOpened{slot.attempt, run.info.id, next->task, slot.try_number, run.info.version, slot.max_tries});
      queue_.Refresh(run, MayStartTask(StateOf(run.info.dag_id), run));
    }
  }

  void EndTry(Turn& turn, ActiveRun& run, TaskNo task, const AttemptFinished& end) {
    const Task& what = run.dag().tasks[task];
    if (end.outcome == TryOutcome::kSucceeded || end.outcome == TryOutcome::kSkipped) {
      run.Change(turn, task).end_date = end.end;
      // What a decision skips is skipped with the task's own end, before anything follows from either.
      if (end.decision) run.Conclude(turn, task, *end.decision);
      run.Move(turn, task, end.outcome == TryOutcome::kSkipped ? TaskEvent::kSkipped : TaskEvent::kSucceeded);
      return;
    }
    const TaskSlot& slot = run.slot(task);
    if (MayRetry(what, slot, end)) {
      const Micros delay =
          RetryDelay(what.retry, RetryKey{run.info.dag_id, what.id, run.info.logical_date}, slot.try_number);
      run.Move(turn, task, TaskEvent::kFailedTry);
      TaskChange& change = run.Change(turn, task);
      change.retry_at = end.end + delay;
      change.why = end.message;
      SetRetryTimer(run, task, end.end + delay);
      return;
    }
    TaskChange& change = run.Change(turn, task);
    change.why = end.message;
    change.end_date = end.end;
    if (run.dag().fail_fast) {  // the others are ended before anything follows from this failure
      run.MoveAlone(turn, task, TaskEvent::kFailed);
      StopTasks(turn, run, TaskEvent::kFailed, fmt::format("fail_fast: task {} failed", what.id));
    } else {
      run.Move(turn, task, TaskEvent::kFailed);
    }
    run.Change(turn, task).end_date = end.end;
  }

  void SetRetryTimer(const ActiveRun& run, TaskNo task, Instant at) {
    timers_.push(
        Timer{at, TimerKind::kRetry, run.info.id, task, static_cast<std::uint64_t>(run.slot(task).try_number), {}});
  }

  // --- time
  // ---------------------------------------------------------------------------------------------------------------

  void FireTimers(Turn& turn) {
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
        case TimerKind::kSchedule:
          ScheduleDue(turn, timer);
          break;
      }
    }
  }

  void RetryDue(Turn& turn, const Timer& timer) {
    ActiveRun* run = Find(timer.run);
    if (run == nullptr || run->slot(timer.task).try_number != static_cast<std::int32_t>(timer.token)) return;
    if (run->Move(turn, timer.task, TaskEvent::kRetryDue)) AfterChange(turn, *run);
  }

  void RunTimedOut(Turn& turn, const Timer& timer) {
    ActiveRun* run = Find(timer.run);
    if (run == nullptr || run->info.state != RunState::kRunning) return;
    EndRun(turn, *run, TaskEvent::kSkipped,
           fmt::format("dagrun_timeout of {} is over", FormatDuration(run->dag().dagrun_timeout)));
  }

  // Asks the timetable for the next run and sets its timer; what is due already is made by FireTimers in this same
  // turn.
  void Reschedule(Turn& turn, DagState& dag) {
    ++dag.generation;
    dag.due.reset();
    if (dag.head.timetable == nullptr || dag.head.paused || dag.head.stale) return;
    if (!dag.HasRoomForNewRun()) return;  // asked again when a run ends
    dag.due = dag.head.timetable->Next(dag.head.last_interval, turn.now);
    if (dag.due) timers_.push(Timer{dag.due->run_after, TimerKind::kSchedule, {}, 0, dag.generation, dag.head.dag_id});
  }

  void ScheduleDue(Turn& turn, const Timer& timer) {
    const auto found = dags_.find(timer.dag_id);
    if (found == dags_.end() || found->second.generation != timer.token || !found->second.due) return;
    DagState& dag = found->second;
    const DueRun due = DueNow(dag, turn.now);
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
  static DueRun DueNow(const DagState& dag, Instant now) {
    const Timetable& timetable = *dag.head.timetable;
    const auto after = timetable.Next(dag.due->interval, now);
    if (!after || after->run_after > now) return *dag.due;
    const auto latest = timetable.Next(dag.head.last_interval, now);
    return latest && latest->run_after <= now ? *latest : *dag.due;
  }

  // The plan that made them is stored: those that exist now come back as RunRequested in this same turn; one whose slot
  // was taken does not, and leaves room for the next.
  void ForgetNewRuns() {
    for (const std::string& dag_id : std::exchange(created_, {})) {
      const auto found = dags_.find(dag_id);
      if (found == dags_.end()) continue;
      found->second.creating = 0;
      roomier_.push_back(dag_id);
    }
    perhaps_over_ = backfills_.ForgetNewRuns();  // perhaps none came back: all were in flight after all
  }

  // At the end of the turn: what an early event ended may not be all that the later ones bring.
  void CompleteBackfills(Turn& turn) {
    for (const BackfillId id : std::exchange(perhaps_over_, {})) {
      if (BackfillState* backfill = backfills_.Find(id)) backfills_.CompleteIfIdle(turn, *backfill);
      backfills_.DropIfGone(id);
    }
  }

  // --- the end of a turn
  // --------------------------------------------------------------------------------------------------

  Instant RowsDue() const {
    return std::max(unwritten_.front().since + kScheduledRowAfter, rows_written_ + kScheduledRowsEvery);
  }

  bool StillUnwritten(const Unwritten& waiting) const {
    const ActiveRun* run = Find(waiting.run);
    return run != nullptr && run->slot(waiting.task).state == TaskState::kScheduled &&
           run->slot(waiting.task).stored != TaskState::kScheduled;
  }

  void WriteScheduledRows(Turn& turn) {
    const auto skip_started = [this] {
      while (!unwritten_.empty() && !StillUnwritten(unwritten_.front())) unwritten_.pop_front();
    };
    skip_started();
    if (unwritten_.empty() || turn.now < RowsDue()) return;
    rows_written_ = turn.now;
    for (std::size_t written = 0; written < kScheduledRowsAtOnce && !unwritten_.empty(); ++written) {
      Find(unwritten_.front().run)->Change(turn, unwritten_.front().task);
      unwritten_.pop_front();
      skip_started();
    }
  }

  void CloseTurn(Turn& turn) {
    for (const AttemptId id : std::exchange(orphans_, {})) turn.plan.stops.push_back(id);
    for (const TaskChange& change : turn.plan.tasks) {
      if (ActiveRun* run = Find(change.run)) run->Stored(change.task);
    }
    leaving_.clear();
  }

  EngineLimits limits_;
  AttemptId last_attempt_;
  std::int32_t running_ = 0;
  std::unordered_map<std::string, DagState> dags_;
  std::unordered_map<RunId, std::unique_ptr<ActiveRun>> runs_;
  std::unordered_map<AttemptId, OpenedAttempt> attempts_;
  ReadyQueue queue_;
  std::priority_queue<Timer> timers_;
  std::deque<Unwritten> unwritten_;   // scheduled, row not written yet; the first to wait in front
  Instant rows_written_{};            // when rows of waiting tasks were last written
  std::vector<std::string> created_;  // DAGs with new runs in the last plan
  std::vector<std::string> roomier_;  // DAGs that may begin or make another run
  Backfills backfills_;
  std::vector<BackfillId> perhaps_over_;  // runs of theirs have ended in this turn, or were made in the last one
  std::vector<AttemptId> orphans_;
  std::vector<std::unique_ptr<ActiveRun>> leaving_;  // ended in this turn
};

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
