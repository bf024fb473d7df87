// Starts, within all limits: what fits is started, what an attempt holds is noted, and who does not wait for a
// concurrency key gives way, or makes the other give way.
#include <fmt/format.h>

#include <utility>

#include "engine/engine_impl.h"

namespace pipelined {

void Engine::Impl::Occupy(ActiveRun& run, SlotNo slot, AttemptId id) {
  Opened(run, slot, id, queue_.Occupy(run, slot, id));
}

void Engine::Impl::Opened(ActiveRun& run, SlotNo slot, AttemptId id, Hold hold) {
  ++running_;
  ++run.running_tasks;
  attempts_[id] = OpenedAttempt{&run, slot, std::move(hold), run.info.id, run.InstanceOf(slot)};
  attempts_[id].opened = queue_.now();
}

// Its task has moved on: it is stopped, its end changes no task any more, and until then it holds what it holds.
void Engine::Impl::Abandon(Turn& turn, AttemptId id) {
  OpenedAttempt& attempt = attempts_[id];
  ActiveRun& run = *std::exchange(attempt.run, nullptr);
  --run.running_tasks;
  stopping_[run.info.id].insert(attempt.instance);
  run.Hold(attempt.instance);
  queue_.NoteStopping(attempt.hold, id);
  turn.plan.stops.push_back(id);
}

void Engine::Impl::StartWhatFits(Turn& turn) {
  ResolveConflicts(turn);
  while (running_ < limits_.parallelism) {
    const auto next = queue_.Take();
    if (!next) return;
    if (!next->run->MayStillStart(turn, next->slot)) {
      AfterChange(turn, *next->run);
    } else if (next->conflict == nullptr) {
      Start(turn, *next);
    } else {
      GiveWay(turn, *next->run, next->slot, *next->conflict);
      ResolveConflicts(turn);
    }
  }
}

void Engine::Impl::Start(Turn& turn, const ReadyQueue::Next& next) {
  ActiveRun& run = *next.run;
  TaskSlot& slot = run.slot(next.slot);
  slot.attempt = AttemptId{++last_attempt_.value};
  ++slot.try_number;
  run.Move(turn, next.slot, TaskEvent::kStarted);
  run.Change(turn, next.slot).start_date = turn.now;
  Opened(run, next.slot, slot.attempt, queue_.Took(next, slot.attempt));
  turn.plan.opened.push_back(AttemptOpened{slot.attempt, run.info.id, run.TaskOf(next.slot), slot.try_number,
                                           run.info.version, slot.max_tries, run.MapIndexOf(next.slot)});
  NoteKeys(turn, run, turn.plan.opened.back());
  queue_.Refresh(run, MayStartTask(StateOf(run.info.dag_id), run));
}

// For the store: what a leader that comes after a crash must know.
void Engine::Impl::NoteKeys(Turn& turn, const ActiveRun& run, const AttemptOpened& opened) const {
  const TaskKeys* keys = run.KeysOf(opened.task);
  if (keys == nullptr || (keys->concurrency.empty() && keys->rate.empty())) return;
  const Task& what = run.TaskAt(opened.task);
  KeysTaken taken{opened.attempt, {}, 0, {}, Micros(0)};
  if (what.concurrency != nullptr && !keys->concurrency.empty()) {
    taken.concurrency = keys->concurrency;
    taken.max = what.concurrency->max;
  }
  if (what.rate != nullptr && !keys->rate.empty()) {
    taken.rate = keys->rate;
    taken.window = queue_.WindowOf(keys->rate);
  }
  turn.plan.keys_taken.push_back(std::move(taken));
}

// --- conflicts
// ----------------------------------------------------------------------------------------------------------------

// As soon as the turn of such a task has come, whatever else it would have to wait for. A run that may not start tasks
// has no turn.
void Engine::Impl::ResolveConflicts(Turn& turn) {
  while (!newcomers_.empty()) {
    for (const Newcomer& newcomer : std::exchange(newcomers_, {})) {
      ActiveRun* run = FindAlive(newcomer.run, newcomer.life);
      if (run == nullptr || run->slot(newcomer.slot).state != TaskState::kScheduled) continue;
      if (!MayStartTask(StateOf(run->info.dag_id), *run)) continue;
      if (!run->MayStillStart(turn, newcomer.slot)) {
        AfterChange(turn, *run);
        continue;
      }
      if (Gate* key = queue_.Conflict(*run, newcomer.slot)) GiveWay(turn, *run, newcomer.slot, *key);
    }
  }
}

void Engine::Impl::GiveWay(Turn& turn, ActiveRun& run, SlotNo slot, Gate& key) {
  const auto holder = key.Oldest();
  if (run.TaskAt(slot).concurrency->on_conflict == OnConflict::kSkip) {
    const std::string by = holder ? fmt::format(" by {}", NameOf(*holder)) : std::string();
    run.Change(turn, slot).why = fmt::format("the concurrency key \"{}\" is taken{}", key.name(), by);
    run.Move(turn, slot, TaskEvent::kSkipped);
    return AfterChange(turn, run);
  }
  const OpenedAttempt held = attempts_.at(*holder);
  const std::string why = fmt::format("cancelled: task {} of run {} of {} took over the concurrency key \"{}\"",
                                      run.TaskAt(slot).id, run.info.run_id, run.info.dag_id, key.name());
  Abandon(turn, *holder);
  FailForGood(turn, *held.run, held.slot, turn.now, why);
  AfterChange(turn, *held.run);
}

// --- for people
// ---------------------------------------------------------------------------------------------------------------

std::string Engine::Impl::NameOf(AttemptId id) const {
  const auto found = attempts_.find(id);
  if (found == attempts_.end() || found->second.run == nullptr) return "a task that is being stopped";
  const ActiveRun& run = *found->second.run;
  return fmt::format("task {} of run {} of {}", run.TaskAt(found->second.slot).id, run.info.run_id, run.info.dag_id);
}

WhyContext Engine::Impl::ContextOf(const ActiveRun& run) {
  return WhyContext{run,      StateOf(run.info.dag_id), backfills_.Find(run.info.backfill),
                    running_, limits_.parallelism,      [this](AttemptId id) { return NameOf(id); }};
}

void Engine::Impl::Do(Turn& turn, ListQueue& what, const std::string&, CommandDone& done) {
  ReadyQueue::Filter filter{what.pool, what.dag_id, static_cast<std::size_t>(std::max(what.limit, 0))};
  const ReadyQueue::Listing listing = queue_.List(filter);
  Value::List tasks;
  for (const InLine& line : listing.tasks) {
    const ActiveRun& run = *line.run;
    const Task& task = run.TaskAt(line.slot);
    const Value why = ExplainTask(ContextOf(run), line.slot, queue_, line);
    tasks.emplace_back(Value::Map{{"position", line.position},
                                  {"pool", task.pool},
                                  {"pool_slots", std::int64_t{task.pool_slots}},
                                  {"priority_weight", std::int64_t{line.order.weight}},
                                  {"dag_id", run.info.dag_id},
                                  {"dag_run_id", run.info.run_id},
                                  {"task_id", task.id},
                                  {"map_index", std::int64_t{run.MapIndexOf(line.slot)}},
                                  {"try_number", std::int64_t{run.slot(line.slot).try_number}},
                                  {"waiting_since", FormatIso(line.since)},
                                  {"waited_seconds", static_cast<double>((turn.now - line.since).count()) / 1e6},
                                  {"reasons", *why.Find("reasons")}});
  }
  done.result = Value(Value::Map{{"tasks", std::move(tasks)}, {"total_entries", listing.total}});
}

}  // namespace pipelined
