// Clear, mark and notes: what people decide about runs and tasks, whether they are under way or have long ended.
//
// A run that has ended is not in memory. It comes with the command, as it is stored, and stays only when it is to go on.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "engine/engine_impl.h"

namespace pipelined {
namespace {

TaskEvent MarkOf(TaskState state) {
  if (state == TaskState::kSuccess) return TaskEvent::kMarkedSuccess;
  return state == TaskState::kFailed ? TaskEvent::kMarkedFailed : TaskEvent::kMarkedSkipped;
}

bool Runs(TaskState state) {
  return state == TaskState::kRunning || state == TaskState::kRestarting;
}

StateOf StatesOf(const ActiveRun& run) {
  return [&run](TaskNo task) { return run.slot(task).state; };
}

std::vector<StoredTask> Renumbered(const std::vector<StoredTask>& tasks, const Dag& from, const Dag& to) {
  std::vector<StoredTask> found;
  for (StoredTask task : tasks) {
    const auto number = to.Find(from.tasks[task.task].id);
    if (!number) continue;
    task.task = *number;
    found.push_back(task);
  }
  return found;
}

void List(const ActiveRun& run, const std::vector<TaskNo>& tasks, Value::List& list) {
  for (const TaskNo task : tasks) list.push_back(Value(Value::List{run.info.run_id, run.dag().tasks[task].id}));
}

void AddNotes(Turn& turn, const ActiveRun& run, const std::vector<TaskNo>& tasks, bool whole, const std::string& note,
              const std::string& who) {
  if (whole) {
    turn.plan.notes.push_back(NoteChange{run.info.id, "", note, who});
    return;
  }
  for (const TaskNo task : tasks) turn.plan.notes.push_back(NoteChange{run.info.id, run.dag().tasks[task].id, note, who});
}

// What a branch did not follow stays skipped, unless the branch decides again: as Airflow, which skips it once more.
std::vector<TaskNo> NotFollowed(const ActiveRun& run, const std::vector<TaskNo>& tasks) {
  std::vector<TaskNo> stay;
  for (const TaskNo task : tasks) {
    const auto above = run.dag().upstream.Of(task);
    const bool again = std::any_of(above.begin(), above.end(), [&](TaskNo up) {
      return IsDecision(run.dag().tasks[up].action.kind) && std::binary_search(tasks.begin(), tasks.end(), up);
    });
    if (!again && run.WasNotFollowed(task)) stay.push_back(task);
  }
  return stay;
}

}  // namespace

// --- which runs
// ----------------------------------------------------------------------------------------------------------------

SteeredRun Engine::Impl::LookAt(const RunRestored& stored) const {
  SteeredRun steered;
  const auto left = std::find_if(leaving_.begin(), leaving_.end(),
                                 [&](const auto& run) { return run->info.id == stored.run.id; });
  if (ActiveRun* active = Find(stored.run.id)) {
    active->Materialize();
    steered.run = active;
  } else if (left != leaving_.end()) {  // it has ended in this very turn
    steered.run = left->get();
  } else if (IsFinished(stored.run.state) && stored.dag != nullptr) {
    steered.owned = std::make_unique<ActiveRun>(stored.run, stored.dag);
    steered.owned->Materialize();
    steered.owned->Restore(stored.tasks);
    steered.run = steered.owned.get();
  }
  return steered;
}

std::vector<SteeredRun> Engine::Impl::LookAt(const SteeringFactsPtr& facts, CommandDone& done) const {
  std::vector<SteeredRun> all;
  if (facts == nullptr) {
    Refuse(done, ErrorCode::kNotFound, "there is no such run");
    return all;
  }
  if (!facts->fault.empty()) {
    Refuse(done, facts->fault_code, facts->fault);
    return all;
  }
  for (const RunRestored& stored : facts->runs) {
    SteeredRun steered = LookAt(stored);
    if (steered.run != nullptr) all.push_back(std::move(steered));
  }
  if (all.empty()) Refuse(done, ErrorCode::kNotFound, "there is no such run, or its DAG version cannot be read");
  return all;
}

// The run as it is with the current version of its DAG. False: refused.
bool Engine::Impl::Rebase(SteeredRun& steered, const SteeringFacts& facts, CommandDone& done) const {
  if (facts.latest == nullptr || steered.run->info.version == facts.latest_version) return true;
  const RunInfo& info = steered.run->info;
  if (steered.owned == nullptr || stopping_.contains(info.id)) {
    Refuse(done, ErrorCode::kConflict,
           fmt::format("run \"{}\" is under way: it takes another DAG version only when it has ended", info.run_id));
    return false;
  }
  const auto stored = std::find_if(facts.runs.begin(), facts.runs.end(),
                                   [&](const RunRestored& run) { return run.run.id == info.id; });
  auto rebased = std::make_unique<ActiveRun>(info, facts.latest);
  rebased->info.version = facts.latest_version;
  rebased->Materialize();
  rebased->Restore(Renumbered(stored->tasks, *stored->dag, *facts.latest));
  steered.owned = std::move(rebased);
  steered.run = steered.owned.get();
  steered.rebased = true;
  return true;
}

// --- commands
// ------------------------------------------------------------------------------------------------------------------

// First all is looked at, then all is changed: what is refused changes nothing.
void Engine::Impl::Do(Turn& turn, ClearTasks& what, const std::string& who, CommandDone& done) {
  std::vector<SteeredRun> runs = LookAt(what.facts, done);
  for (SteeredRun& steered : runs) {
    if (what.latest_version && !Rebase(steered, *what.facts, done)) return;
    steered.tasks = TasksToClear(steered.run->dag(), what.tasks, StatesOf(*steered.run));
    const auto running = std::find_if(steered.tasks.begin(), steered.tasks.end(),
                                      [&](TaskNo task) { return Runs(steered.run->slot(task).state); });
    if (what.refuse_running && running != steered.tasks.end()) {
      return Refuse(done, ErrorCode::kConflict,
                    fmt::format("task \"{}\" of run \"{}\" is running", steered.run->dag().tasks[*running].id,
                                steered.run->info.run_id));
    }
  }
  if (!done.error.empty()) return;
  const std::string why = fmt::format("cleared by {}", who);
  Value::List cleared;
  for (SteeredRun& steered : runs) {
    if (steered.tasks.empty()) continue;
    ActiveRun& run = *steered.run;
    if (steered.rebased)
      turn.plan.rebased.push_back(RunRebased{run.info.id, run.info.version, why + ", with the current DAG version"});
    List(run, steered.tasks, cleared);
    if (what.note) AddNotes(turn, run, steered.tasks, what.tasks.ids.empty(), *what.note, who);
    Clear(turn, run, steered.tasks, why);
    if (what.reset_runs) turn.plan.cleared.push_back(RunCleared{run.info.id});
    SettleRun(turn, steered, what.reset_runs, why);
  }
  done.result.Set("tasks", Value(std::move(cleared)));
}

void Engine::Impl::Do(Turn& turn, MarkTasks& what, const std::string& who, CommandDone& done) {
  std::vector<SteeredRun> runs = LookAt(what.facts, done);
  if (!done.error.empty()) return;
  bool any = false;
  for (SteeredRun& steered : runs) {
    steered.tasks = TasksToMark(steered.run->dag(), what.tasks, what.state, StatesOf(*steered.run));
    any = any || !steered.tasks.empty();
  }
  if (!any)
    return Refuse(done, ErrorCode::kConflict, fmt::format("the task is in the state {} already", ToString(what.state)));
  const std::string why = fmt::format("marked {} by {}", ToString(what.state), who);
  Value::List marked;
  for (SteeredRun& steered : runs) {
    ActiveRun& run = *steered.run;
    List(run, steered.tasks, marked);
    if (what.note) AddNotes(turn, run, steered.tasks, false, *what.note, who);
    for (const TaskNo task : steered.tasks) Mark(turn, run, task, what.state, why);
    std::vector<TaskNo> below;
    // As Airflow: with the runs before it, but not those after, the run itself is left out.
    const bool only_past = what.runs.past && !what.runs.future && run.info.id == what.runs.run;
    if (!only_past) below = TasksToClearBelow(run.dag(), what.tasks, StatesOf(run));
    if (!below.empty()) {
      Clear(turn, run, below, fmt::format("cleared: {} above it", why));
      turn.plan.cleared.push_back(RunCleared{run.info.id});
    }
    SettleRun(turn, steered, !below.empty(), why);
  }
  done.result.Set("tasks", Value(std::move(marked)));
}

void Engine::Impl::Do(Turn& turn, MarkRun& what, const std::string& who, CommandDone& done) {
  std::vector<SteeredRun> runs = LookAt(what.facts, done);
  if (!done.error.empty()) return;
  SteeredRun& steered = runs.front();
  ActiveRun& run = *steered.run;
  const std::string why = fmt::format("set to {} by {}", ToString(what.state), who);
  if (what.state == RunState::kQueued)
    return Requeue(turn, IsFinished(run.info.state) ? TakeIn(steered) : run, why);
  const bool success = what.state == RunState::kSuccess;
  const bool all = SetTasks(turn, run, success ? TaskState::kSuccess : TaskState::kFailed, why);
  const RunEvent event = success ? RunEvent::kMarkedSuccess : RunEvent::kMarkedFailed;
  if (!all) return SettleRun(turn, steered, false, why);
  run.Settle(turn);
  if (Find(run.info.id) == &run) return LeaveMemory(turn, run, event, why);
  MoveRun(turn, run, event, why);
}

void Engine::Impl::Do(Turn& turn, SetNote& what, const std::string& who, CommandDone&) {
  turn.plan.notes.push_back(NoteChange{what.run, what.task_id, what.note, who});
}

// --- tasks
// ---------------------------------------------------------------------------------------------------------------------

void Engine::Impl::Clear(Turn& turn, ActiveRun& run, const std::vector<TaskNo>& tasks, const std::string& why) {
  const std::vector<TaskNo> stay = NotFollowed(run, tasks);
  for (const TaskNo task : tasks) {
    if (std::binary_search(stay.begin(), stay.end(), task)) continue;
    const bool running = run.slot(task).state == TaskState::kRunning;
    if (running) turn.plan.stops.push_back(run.slot(task).attempt);
    run.Clear(turn, task, why);
  }
}

void Engine::Impl::Mark(Turn& turn, ActiveRun& run, TaskNo task, TaskState state, const std::string& why) {
  const bool running = Runs(run.slot(task).state);
  if (!run.Steer(turn, task, MarkOf(state), why)) return;
  if (running) Detach(turn, run, run.slot(task).attempt);
}

// Every unfinished task takes the state, or is skipped when it does not run. False: a teardown is still to come.
bool Engine::Impl::SetTasks(Turn& turn, ActiveRun& run, TaskState state, const std::string& why) {
  bool all = true;
  for (TaskNo task = 0; task < run.size(); ++task) {
    const TaskState was = run.slot(task).state;
    if (IsFinished(was)) continue;
    if (run.dag().tasks[task].teardown) {
      all = false;
    } else {
      Mark(turn, run, task, Runs(was) ? state : TaskState::kSkipped, why);
    }
  }
  return all;
}

// --- runs
// ----------------------------------------------------------------------------------------------------------------------

// After its tasks were steered: what follows, and whether it goes on.
void Engine::Impl::SettleRun(Turn& turn, SteeredRun& steered, bool requeue, const std::string& why) {
  ActiveRun& run = *steered.run;
  run.Settle(turn);
  if (!IsFinished(run.info.state)) return AfterChange(turn, run);
  if (requeue) Requeue(turn, TakeIn(steered), why);
}

// A run that had ended is in memory again.
ActiveRun& Engine::Impl::TakeIn(SteeredRun& steered) {
  const RunId id = steered.run->info.id;
  std::unique_ptr<ActiveRun> run = std::move(steered.owned);
  if (run == nullptr) {
    const auto left = std::find_if(leaving_.begin(), leaving_.end(),
                                   [&](const auto& other) { return other.get() == steered.run; });
    run = std::move(*left);
    leaving_.erase(left);
  }
  return Enter(id, std::move(run));
}

void Engine::Impl::Requeue(Turn& turn, ActiveRun& run, const std::string& why) {
  const bool ran = run.info.state == RunState::kRunning;
  if (!MoveRun(turn, run, RunEvent::kCleared, why)) return;  // it is queued
  run.info.queued_at = turn.now;
  run.info.start_date.reset();
  DagState& dag = StateOf(run.info.dag_id);
  if (ran) StopRunning(dag, run.info);
  queue_.Refresh(run, false);
  Queue(dag, run.info);
  roomier_.push_back(run.info.dag_id);
}

void Engine::Impl::StopRunning(DagState& dag, const RunInfo& run) {
  dag.running.erase(run.id);
  if (!run.backfill) return;
  backfills_.Of(run).running.erase(run.id);
  --dag.running_in_backfills;
}

}  // namespace pipelined
