// Clear, mark and notes: what people decide about runs and tasks, whether they are under way or have long ended.
//
// A run that has ended is not in memory. It comes with the command, as it is stored, and stays only when it is to go
// on.
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

std::string InstanceName(const ActiveRun& run, SlotNo slot) {
  const std::int32_t index = run.MapIndexOf(slot);
  return index < 0 ? run.TaskAt(slot).id : fmt::format("{}[{}]", run.TaskAt(slot).id, index);
}

bool Runs(TaskState state) {
  return state == TaskState::kRunning || state == TaskState::kRestarting;
}

// Something of it is under way: a process, or what it waits for without one.
bool HasAttempt(TaskState state) {
  return Runs(state) || state == TaskState::kDeferred;
}

// The instances of tasks, or the tasks themselves, that are in such a state.
template <class Is>
std::vector<SlotNo> Slots(const ActiveRun& run, const std::vector<SelectedTask>& tasks, const Is& is) {
  std::vector<SlotNo> slots;
  for (const SelectedTask& selected : tasks) {
    for (const SlotNo slot : run.SlotsOf(selected.task)) {
      if (selected.Has(run.MapIndexOf(slot)) && is(run.slot(slot).state, run.MapIndexOf(slot))) slots.push_back(slot);
    }
  }
  std::sort(slots.begin(), slots.end());
  return slots;
}

template <class Row>
std::vector<Row> Renumbered(const std::vector<Row>& rows, const Dag& from, const Dag& to) {
  std::vector<Row> found;
  for (Row row : rows) {
    const auto number = to.Find(from.tasks[row.task].id);
    if (!number) continue;
    row.task = *number;
    found.push_back(row);
  }
  return found;
}

void List(const ActiveRun& run, const std::vector<SlotNo>& slots, Value::List& list) {
  for (const SlotNo slot : slots) {
    list.push_back(
        Value(Value::List{run.info.run_id, run.TaskAt(slot).id, static_cast<std::int64_t>(run.MapIndexOf(slot))}));
  }
}

void AddNotes(Turn& turn, const ActiveRun& run, const std::vector<SlotNo>& slots, bool whole, const std::string& note,
              const std::string& who) {
  if (whole) {
    turn.plan.notes.push_back(NoteChange{run.info.id, "", note, who});
    return;
  }
  for (const SlotNo slot : slots)
    turn.plan.notes.push_back(NoteChange{run.info.id, run.TaskAt(slot).id, note, who, run.MapIndexOf(slot)});
}

// What a branch did not follow stays skipped, unless the branch decides again: as Airflow, which skips it once more.
std::vector<SlotNo> NotFollowed(const ActiveRun& run, const std::vector<SlotNo>& slots) {
  std::vector<SlotNo> stay;
  for (const SlotNo slot : slots) {
    const auto above = run.dag().upstream.Of(run.TaskOf(slot));
    const bool again = std::any_of(above.begin(), above.end(), [&](TaskNo up) {
      return IsDecision(run.dag().tasks[up].action.kind) && std::binary_search(slots.begin(), slots.end(), up);
    });
    if (!again && run.WasNotFollowed(slot)) stay.push_back(slot);
  }
  return stay;
}

}  // namespace

// --- which runs
// ----------------------------------------------------------------------------------------------------------------

SteeredRun Engine::Impl::LookAt(const RunRestored& stored) const {
  SteeredRun steered;
  if (ActiveRun* active = FindOrLeaving(stored.run.id)) {
    steered.run = active;
    steered.run->Materialize();  // it may never have begun
  } else if (IsFinished(stored.run.state) && stored.dag != nullptr) {
    steered.owned = std::make_unique<ActiveRun>(stored.run, stored.dag);
    steered.owned->Materialize();
    steered.owned->Restore(stored.tasks, stored.lengths);
    steered.owned->keys = stored.keys;
    steered.run = steered.owned.get();
  }
  steered.past = stored.past;
  steered.stored = &stored;
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
  const auto stored =
      std::find_if(facts.runs.begin(), facts.runs.end(), [&](const RunRestored& run) { return run.run.id == info.id; });
  auto rebased = std::make_unique<ActiveRun>(info, facts.latest);
  rebased->info.version = facts.latest_version;
  if (const auto at = static_cast<std::size_t>(stored - facts.runs.begin()); at < facts.latest_keys.size())
    rebased->keys = facts.latest_keys[at];
  rebased->Materialize();
  rebased->Restore(Renumbered(stored->tasks, *stored->dag, *facts.latest),
                   Renumbered(stored->lengths, *stored->dag, *facts.latest));
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
    const ActiveRun& run = *steered.run;
    steered.slots = Slots(run, TasksAround(run.dag(), what.tasks), [&](TaskState state, std::int32_t map_index) {
      return IsToClear(what.tasks, state, map_index);
    });
    const auto running = std::find_if(steered.slots.begin(), steered.slots.end(),
                                      [&](SlotNo slot) { return Runs(run.slot(slot).state); });
    if (what.refuse_running && running != steered.slots.end()) {
      return Refuse(done, ErrorCode::kConflict,
                    fmt::format("task \"{}\" of run \"{}\" is running", InstanceName(run, *running), run.info.run_id));
    }
  }
  if (!done.error.empty()) return;
  const Cause why(fmt::format("cleared by {}", who), who);
  Value::List cleared;
  for (SteeredRun& steered : runs) {
    if (steered.slots.empty()) continue;
    ActiveRun& run = *steered.run;
    if (steered.rebased)
      turn.plan.rebased.push_back(
          RunRebased{run.info.id, run.info.version, why.text + ", with the current DAG version", who});
    List(run, steered.slots, cleared);
    if (what.note) AddNotes(turn, run, steered.slots, what.tasks.IsAll(), *what.note, who);
    Clear(turn, run, steered.slots, why);
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
    steered.slots = Slots(*steered.run, TasksMarked(steered.run->dag(), what.tasks, what.state),
                          [&](TaskState state, std::int32_t) {
                            return state != what.state && state != TaskState::kRemoved;  // it is not there any more
                          });
    any = any || !steered.slots.empty();
  }
  if (!any)
    return Refuse(done, ErrorCode::kConflict, fmt::format("the task is in the state {} already", ToString(what.state)));
  const Cause why(fmt::format("marked {} by {}", ToString(what.state), who), who);
  Value::List marked;
  for (SteeredRun& steered : runs) {
    ActiveRun& run = *steered.run;
    List(run, steered.slots, marked);
    if (what.note) AddNotes(turn, run, steered.slots, false, *what.note, who);
    for (const SlotNo slot : steered.slots) Mark(turn, run, slot, what.state, why);
    std::vector<SlotNo> below;
    // As Airflow: with the runs before it, but not those after, the run itself is left out.
    const bool only_past = what.runs.past && !what.runs.future && run.info.id == what.runs.run;
    if (!only_past)
      below =
          Slots(run, TasksBelow(run.dag(), what.tasks), [](TaskState state, std::int32_t) { return IsFailed(state); });
    if (!below.empty()) {
      Clear(turn, run, below, Cause(fmt::format("cleared: {} above it", why.text), who));
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
  const Cause why(fmt::format("set to {} by {}", ToString(what.state), who), who);
  if (what.state == RunState::kQueued)
    return IsFinished(run.info.state) ? GoOn(turn, steered, why) : Requeue(turn, run, why);
  const bool success = what.state == RunState::kSuccess;
  const bool all = SetTasks(turn, run, success ? TaskState::kSuccess : TaskState::kFailed, why);
  const RunEvent event = success ? RunEvent::kMarkedSuccess : RunEvent::kMarkedFailed;
  if (!all) return SettleRun(turn, steered, false, why);
  run.Settle(turn);
  if (Find(run.info.id) == &run) return LeaveMemory(turn, run, event, why);
  MoveRun(turn, run, event, why);
  past_.Changed(run);
  KeepForTurn(steered);
}

void Engine::Impl::Do(Turn& turn, SetNote& what, const std::string& who, CommandDone&) {
  turn.plan.notes.push_back(NoteChange{what.run, what.task_id, what.note, who, what.map_index});
}

// --- tasks
// ---------------------------------------------------------------------------------------------------------------------

void Engine::Impl::Clear(Turn& turn, ActiveRun& run, const std::vector<SlotNo>& slots, const Cause& why) {
  run.ExpandAgain(turn, slots);
  const std::vector<SlotNo> stay = NotFollowed(run, slots);
  for (const SlotNo slot : slots) {
    if (std::binary_search(stay.begin(), stay.end(), slot)) continue;
    const TaskState was = run.slot(slot).state;
    const AttemptId attempt = run.slot(slot).attempt;
    if (was == TaskState::kRunning) {
      queue_.NoteStopping(attempts_.at(attempt).hold, attempt);
      turn.plan.stops.push_back(attempt);
    }
    run.Clear(turn, slot, why);
    if (was == TaskState::kDeferred) StopParked(turn, attempt, why);
  }
}

void Engine::Impl::Mark(Turn& turn, ActiveRun& run, SlotNo slot, TaskState state, const Cause& why) {
  const bool under_way = HasAttempt(run.slot(slot).state);
  if (!run.Steer(turn, slot, MarkOf(state), why)) return;
  const AttemptId attempt = run.slot(slot).attempt;
  if (under_way && !StopParked(turn, attempt, why)) Abandon(turn, attempt);
}

// Every unfinished task takes the state, or is skipped when it does not run. False: a teardown is still to come.
bool Engine::Impl::SetTasks(Turn& turn, ActiveRun& run, TaskState state, const Cause& why) {
  bool all = true;
  for (TaskNo task = 0; task < run.dag().tasks.size(); ++task) {
    for (const SlotNo slot : run.SlotsOf(task)) {
      const TaskState was = run.slot(slot).state;
      if (IsFinished(was)) continue;
      if (run.dag().tasks[task].teardown) {
        all = false;
      } else {
        Mark(turn, run, slot, HasAttempt(was) ? state : TaskState::kSkipped, why);
      }
    }
  }
  return all;
}

// --- runs
// ----------------------------------------------------------------------------------------------------------------------

// After its tasks were steered: what follows, and whether it goes on.
void Engine::Impl::SettleRun(Turn& turn, SteeredRun& steered, bool requeue, const Cause& why) {
  ActiveRun& run = *steered.run;
  run.Settle(turn);
  if (!IsFinished(run.info.state)) return AfterChange(turn, run);
  if (requeue) return GoOn(turn, steered, why);
  past_.Changed(run);
  KeepForTurn(steered);
}

// Another command of this turn finds the run as it is now, not as it is stored.
void Engine::Impl::KeepForTurn(SteeredRun& steered) {
  if (steered.owned != nullptr) leaving_.push_back(std::move(steered.owned));
}

// A run that had ended is in memory again.
ActiveRun& Engine::Impl::TakeIn(SteeredRun& steered) {
  const RunId id = steered.run->info.id;
  std::unique_ptr<ActiveRun> run = std::move(steered.owned);
  if (run == nullptr) {
    const auto left =
        std::find_if(leaving_.begin(), leaving_.end(), [&](const auto& other) { return other.get() == steered.run; });
    run = std::move(*left);
    leaving_.erase(left);
  }
  return Enter(id, std::move(run), steered.past);
}

// A run that had ended is queued again, with the deadlines that count from then.
void Engine::Impl::GoOn(Turn& turn, SteeredRun& steered, const Cause& why) {
  ActiveRun& run = TakeIn(steered);
  Requeue(turn, run, why);
  SetDeadlines(turn, run, steered.stored->deadlines, steered.stored->averages);
}

void Engine::Impl::Requeue(Turn& turn, ActiveRun& run, const Cause& why) {
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
  if (backfills_.Of(run).running.erase(run.id) > 0) --dag.running_in_backfills;
}

}  // namespace pipelined
