#include "engine/active_run.h"

#include <algorithm>
#include <utility>

namespace pipelined {
namespace {

bool IsActive(TaskState state) {
  return state == TaskState::kScheduled || state == TaskState::kQueued || state == TaskState::kRunning ||
         state == TaskState::kDeferred || state == TaskState::kRestarting || state == TaskState::kUpForRetry;
}

bool IsFailure(TaskState state) {
  return state == TaskState::kFailed || state == TaskState::kUpstreamFailed;
}

// One that waits for its retry may lose it: an upstream was cleared or marked meanwhile.
bool IsUndecided(TaskState state) {
  return state == TaskState::kNone || state == TaskState::kUpForRetry;
}

}  // namespace

ActiveRun::ActiveRun(RunInfo run, DagPtr dag) : info(std::move(run)), dag_(std::move(dag)), instances_(*dag_) {}

const TaskKeys* ActiveRun::KeysOf(TaskNo task) const {
  const auto at = std::lower_bound(keys.begin(), keys.end(), task,
                                   [](const TaskKeys& a, TaskNo wanted) { return a.task < wanted; });
  return at != keys.end() && at->task == task ? &*at : nullptr;
}

void ActiveRun::Materialize() {
  if (!slots_.empty()) return;
  slots_.resize(dag_->tasks.size());
  asked_for_.resize(dag_->mappings.size());
  stale_.resize(dag_->mappings.size());
  unfinished_ = static_cast<std::uint32_t>(slots_.size());
  for (TaskNo task = 0; task < slots_.size(); ++task) slots_[task].max_tries = dag_->tasks[task].retry.retries;
}

void ActiveRun::Restore(const std::vector<StoredTask>& tasks, const std::vector<StoredLength>& lengths) {
  Materialize();
  for (const StoredLength& stored : lengths) {
    if (dag_->tasks[stored.task].mapped == 0) continue;  // as it was before the run took another version
    Grow(stored.task, stored.length);
    if (stored.stale) stale_[dag_->mapped[dag_->tasks[stored.task].mapped - 1].mapping] = true;
  }
  for (const StoredTask& stored : tasks) {
    if (const auto slot = Find(stored.task, stored.map_index)) {
      RestoreTask(stored, *slot);
    } else {
      unplaced_.push_back(stored);
    }
  }
  candidates_.clear();  // Begin() decides all of them
  for (TaskSlot& slot : slots_) slot.candidate = false;
}

void ActiveRun::RestoreTask(const StoredTask& stored, SlotNo no) {
  TaskSlot& slot = slots_[no];
  Recount(no, slot.state, stored.state);
  slot.state = slot.stored = stored.state;
  slot.try_number = stored.try_number;
  slot.max_tries = stored.max_tries.value_or(slot.max_tries);
  slot.attempt = stored.attempt;
  if (stored.state == TaskState::kScheduled) scheduled_.push_back(no);
  if (IsFinished(stored.state)) CountForDownstreams(no);
}

void ActiveRun::Begin(Turn& turn) {
  Materialize();
  ExpandLiterals(turn);
  // Decided against the states as they are: what this pass sets is seen by the next one.
  std::vector<TaskNo> waiting;
  for (TaskNo task = 0; task < dag_->tasks.size(); ++task) {
    if (IsUndecided(slots_[task].state)) waiting.push_back(task);
  }
  for (const TaskNo task : waiting) Decide(turn, task);
  Propagate(turn);
}

bool ActiveRun::Move(Turn& turn, SlotNo slot, TaskEvent event) {
  if (!Assign(turn, slot, event)) return false;
  Propagate(turn);
  return true;
}

bool ActiveRun::RetryDue(Turn& turn, SlotNo slot) {
  if (!Assign(turn, slot, TaskEvent::kRetryDue)) return false;
  Doubt(slot);
  Settle(turn);
  return true;
}

bool ActiveRun::Assign(Turn& turn, SlotNo no, TaskEvent event) {
  TaskSlot& slot = slots_[no];
  const auto next = Next(slot.state, event);
  if (!next) return false;
  if (IsFinished(slot.state)) CountForDownstreams(no, kMinusOne);
  Recount(no, slot.state, *next);
  slot.state = *next;
  if (!held_by_past_.empty()) held_by_past_.erase({TaskOf(no), no});
  if (collect_ended_ && IsPastMet(*next)) ended_.push_back(TaskOf(no));
  if (*next == TaskState::kScheduled) {
    scheduled_.push_back(no);  // its row is written with its start, or in the background
    if (slot.change != 0) Change(turn, no).why = {};
    return true;
  }
  TaskChange& change = Change(turn, no);
  if (IsFinished(*next)) {
    if (!change.end_date) change.end_date = turn.now;
    frontier_.push_back(no);
  }
  return true;
}

// Keeps the counters of the run in step with one task's change of state.
void ActiveRun::Recount(SlotNo slot, TaskState from, TaskState to) {
  const TaskNo task = TaskOf(slot);
  const auto step = [&](bool (*has)(TaskState)) {
    return static_cast<std::uint32_t>(has(to)) - static_cast<std::uint32_t>(has(from));
  };
  active_ += step(IsActive);
  unfinished_ -= step(IsFinished);
  if (dag_->leaves[task]) failed_leaves_ += step(IsFailure);
  if (slot == task) return;
  instances_.waiting(task) += step(IsUndecided);
  instances_.unfinished(task) -= step(IsFinished);
}

void ActiveRun::Propagate(Turn& turn) {
  TakeBack(turn);
  while (!frontier_.empty() || !candidates_.empty()) {
    std::vector<SlotNo> level;
    level.swap(frontier_);
    for (const TaskNo task : std::exchange(patient_, {})) Suggest(task);
    for (const SlotNo slot : level) CountForDownstreams(slot);
    std::vector<SlotNo> pass;
    pass.swap(candidates_);
    for (const SlotNo slot : pass) {
      slots_[slot].candidate = false;
      Decide(turn, slot);
    }
    TakeBack(turn);
  }
}

void ActiveRun::TakeBack(Turn& turn) {
  if (doubtful_.empty()) return;  // nearly always
  for (const SlotNo no : std::exchange(doubtful_, {})) {
    TaskSlot& slot = slots_[no];
    slot.doubtful = false;
    if (slot.state != TaskState::kScheduled || (Ask(no) == RuleVerdict::kRun && !IsHeldBack(no))) continue;
    std::erase(held_empty_, no);
    if (slot.stored == TaskState::kNone && slot.change == 0) {  // nobody has seen it
      Recount(no, slot.state, TaskState::kNone);
      slot.state = *Next(slot.state, TaskEvent::kCleared);
    } else {
      Assign(turn, no, TaskEvent::kCleared);
      Change(turn, no).why = "waits again: what it stands on has changed";
    }
    Suggest(no);  // what is held by the past as well
  }
}

void ActiveRun::Tally(TaskSlot& below, TaskState state, std::uint32_t by) {
  if (state == TaskState::kSuccess) below.success += by;
  if (state == TaskState::kFailed) below.failed += by;
  if (state == TaskState::kSkipped) below.skipped += by;
  if (state == TaskState::kUpstreamFailed) below.upstream_failed += by;
  if (state == TaskState::kRemoved) below.removed += by;
}

void ActiveRun::CountForDownstreams(SlotNo no, std::uint32_t by) {
  const TaskState state = slots_[no].state;
  const TaskNo task = TaskOf(no);
  const bool taken_back = by != 1;
  for (const TaskNo below : dag_->downstream.Of(task)) {
    SlotNo told = below;
    if (no != task && instances_.IsExpanded(below) && dag_->AreMappedTogether(task, below)) {
      told = instances_.SlotOf(below, static_cast<std::uint32_t>(MapIndexOf(no)));
    }
    Tally(slots_[told], state, by);
    Tell(told, taken_back);
  }
  for (const TaskNo guarded : dag_->guarded.Of(task)) Tell(guarded, taken_back);
  for (const TaskNo teardown : dag_->scoped.Of(task)) Tell(teardown, taken_back);
}

void ActiveRun::Tell(SlotNo below, bool taken_back) {
  Suggest(below);
  if (!taken_back) return;
  if (below >= dag_->tasks.size() || !instances_.IsExpanded(below)) return Doubt(below);
  for (std::uint32_t index = 0; index < instances_.Length(below); ++index) Doubt(instances_.SlotOf(below, index));
}

void ActiveRun::Doubt(SlotNo no) {
  TaskSlot& slot = slots_[no];
  if (slot.state != TaskState::kScheduled || std::exchange(slot.doubtful, true)) return;
  doubtful_.push_back(no);
}

void ActiveRun::Suggest(SlotNo no) {
  TaskSlot& slot = slots_[no];
  if (slot.candidate || !IsUndecided(slot.state)) return;
  slot.candidate = true;
  candidates_.push_back(no);
}

void ActiveRun::Decide(Turn& turn, SlotNo slot) {
  if (slot < dag_->tasks.size() && instances_.IsExpanded(slot)) return DecideInstances(turn, slot);
  if (IsUndecided(slots_[slot].state)) Follow(turn, slot, Ask(slot));
}

void ActiveRun::Follow(Turn& turn, SlotNo slot, RuleVerdict verdict) {
  if (verdict == RuleVerdict::kWait) return;
  if (verdict == RuleVerdict::kSkip) return void(Assign(turn, slot, TaskEvent::kSkipped));
  if (verdict == RuleVerdict::kUpstreamFailed) return void(Assign(turn, slot, TaskEvent::kUpstreamFailed));
  if (slots_[slot].state == TaskState::kUpForRetry) return;  // it waits for its delay
  if (IsHeld(slot) || IsHeldBack(slot)) return;
  const TaskNo of = TaskOf(slot);
  if (dag_->tasks[of].mapped != 0 && (slot == of || IsStale(of))) return AskLength(turn, slot);
  Assign(turn, slot, TaskEvent::kAllowed);
  const Task& task = TaskAt(slot);
  if (task.action.kind != ActionKind::kEmpty || !task.when.empty()) return;
  scheduled_.pop_back();  // an empty task needs no slot
  if (hold_empty_) {
    held_empty_.push_back(slot);
  } else {
    FinishEmpty(turn, slot);
  }
}

void ActiveRun::FinishEmpty(Turn& turn, SlotNo slot) {
  ++slots_[slot].try_number;
  Assign(turn, slot, TaskEvent::kSucceeded);
  NoteOutlets(turn, slot, Value());
  Change(turn, slot).start_date = turn.now;
}

void ActiveRun::NoteOutlets(Turn& turn, SlotNo slot, const Value& outputs) const {
  const Task& task = TaskAt(slot);
  if (task.outlets.empty()) return;
  const Value* told = outputs.is_map() ? outputs.Find(kOutletEvents) : nullptr;
  for (const std::string& uri : task.outlets) {
    const Value* extra = told != nullptr && told->is_map() ? told->Find(uri) : nullptr;
    turn.plan.asset_events.push_back(
        AssetEvent{uri, extra == nullptr ? Value() : *extra, info.dag_id, info.run_id, task.id, MapIndexOf(slot)});
  }
}

void ActiveRun::ReleaseEmptyTasks(Turn& turn) {
  std::deque<SlotNo> held;
  held.swap(held_empty_);
  for (const SlotNo slot : held) {
    if (IsHeldBack(slot)) {
      Doubt(slot);
    } else {
      FinishEmpty(turn, slot);
    }
  }
  Propagate(turn);
}

std::vector<AttemptId> ActiveRun::EndUnfinished(Turn& turn, TaskEvent running, const Cause& why, Spare spare) {
  std::vector<AttemptId> stops;
  Materialize();
  std::erase_if(held_empty_, [&](SlotNo slot) { return !IsSpared(slot, spare); });
  for (SlotNo no = 0; no < slots_.size(); ++no) {
    TaskSlot& slot = slots_[no];
    if (IsFinished(slot.state) || IsSpared(no, spare)) continue;
    if (no < dag_->tasks.size() && instances_.IsExpanded(no)) continue;
    const bool runs =
        slot.state == TaskState::kRunning || slot.state == TaskState::kDeferred || slot.state == TaskState::kRestarting;
    if (runs) stops.push_back(slot.attempt);
    if (!Assign(turn, no, runs ? running : TaskEvent::kSkipped)) continue;
    TaskChange& change = Change(turn, no);
    change.why = why.text;
    change.who = turn.AuthorOf(why);
  }
  Propagate(turn);  // what is spared is decided by what all others have become
  return stops;
}

TaskChange& ActiveRun::Change(Turn& turn, SlotNo no) {
  TaskSlot& slot = slots_[no];
  if (slot.change == 0) {
    TaskChange change;
    change.run = info.id;
    change.task = TaskOf(no);
    change.map_index = MapIndexOf(no);
    change.from = slot.stored;
    turn.plan.tasks.push_back(std::move(change));
    slot.change = static_cast<std::uint32_t>(turn.plan.tasks.size());
  }
  TaskChange& change = turn.plan.tasks[slot.change - 1];
  change.to = slot.state;
  change.try_number = slot.try_number;
  change.max_tries = slot.max_tries;
  change.attempt = slot.attempt;
  if (!IsFinished(slot.state)) change.end_date.reset();
  if (slot.state != TaskState::kUpForRetry) change.retry_at.reset();
  return change;
}

void ActiveRun::Stored(const TaskChange& change) {
  TaskSlot& slot = slots_[*Find(change.task, change.map_index)];
  slot.stored = slot.state;
  slot.change = 0;
}

std::vector<SlotNo> ActiveRun::TakeScheduled() {
  return std::exchange(scheduled_, {});
}

RunEvent ActiveRun::Outcome() const {
  return unfinished_ > 0 || failed_leaves_ > 0 ? RunEvent::kFailed : RunEvent::kSucceeded;
}

std::optional<SlotNo> ActiveRun::Find(TaskNo task, std::int32_t map_index) const {
  if (map_index < 0) return task;
  if (static_cast<std::uint32_t>(map_index) >= instances_.Length(task)) return std::nullopt;
  return instances_.SlotOf(task, static_cast<std::uint32_t>(map_index));
}

}  // namespace pipelined
