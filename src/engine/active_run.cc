#include "engine/active_run.h"

#include <utility>

namespace pipelined {
namespace {

bool IsActive(TaskState state) {
  return state == TaskState::kScheduled || state == TaskState::kQueued || state == TaskState::kRunning ||
         state == TaskState::kRestarting || state == TaskState::kUpForRetry;
}

bool IsFailure(TaskState state) {
  return state == TaskState::kFailed || state == TaskState::kUpstreamFailed;
}

}  // namespace

ActiveRun::ActiveRun(RunInfo run, DagPtr dag) : info(std::move(run)), dag_(std::move(dag)) {}

void ActiveRun::Materialize() {
  if (!slots_.empty()) return;
  slots_.resize(dag_->tasks.size());
  unfinished_ = static_cast<std::uint32_t>(slots_.size());
  for (TaskNo task = 0; task < slots_.size(); ++task) slots_[task].max_tries = dag_->tasks[task].retry.retries;
}

void ActiveRun::Restore(const std::vector<StoredTask>& tasks) {
  Materialize();
  for (const StoredTask& stored : tasks) {
    TaskSlot& slot = slots_[stored.task];
    Recount(stored.task, slot.state, stored.state);
    slot.state = slot.stored = stored.state;
    slot.try_number = stored.try_number;
    slot.max_tries = stored.max_tries.value_or(slot.max_tries);
    slot.attempt = stored.attempt;
    if (stored.state == TaskState::kScheduled) scheduled_.push_back(stored.task);
    if (IsFinished(stored.state)) CountForDownstreams(stored.task);
  }
  candidates_.clear();  // Begin() decides all of them
  for (TaskSlot& slot : slots_) slot.candidate = false;
}

void ActiveRun::Begin(Turn& turn) {
  Materialize();
  // Decided against the states as they are: what this pass sets is seen by the next one.
  std::vector<TaskNo> waiting;
  for (TaskNo task = 0; task < slots_.size(); ++task) {
    const TaskState state = slots_[task].state;
    if (state == TaskState::kNone || state == TaskState::kUpForRetry) waiting.push_back(task);
  }
  for (const TaskNo task : waiting) Decide(turn, task);
  Propagate(turn);
}

bool ActiveRun::Move(Turn& turn, TaskNo task, TaskEvent event) {
  if (!Assign(turn, task, event)) return false;
  Propagate(turn);
  return true;
}

bool ActiveRun::Assign(Turn& turn, TaskNo task, TaskEvent event) {
  TaskSlot& slot = slots_[task];
  const auto next = Next(slot.state, event);
  if (!next) return false;
  if (IsFinished(slot.state)) CountForDownstreams(task, ~std::uint32_t{0});
  Recount(task, slot.state, *next);
  slot.state = *next;
  if (*next == TaskState::kScheduled) {
    scheduled_.push_back(task);  // its row is written with its start, or in the background
    if (slot.change != 0) Change(turn, task);
    return true;
  }
  TaskChange& change = Change(turn, task);
  if (IsFinished(*next)) {
    if (!change.end_date) change.end_date = turn.now;
    frontier_.push_back(task);
  }
  return true;
}

// Keeps the counters of the run in step with one task's change of state.
void ActiveRun::Recount(TaskNo task, TaskState from, TaskState to) {
  active_ += static_cast<std::uint32_t>(IsActive(to)) - static_cast<std::uint32_t>(IsActive(from));
  unfinished_ += static_cast<std::uint32_t>(IsFinished(from)) - static_cast<std::uint32_t>(IsFinished(to));
  if (dag_->leaves[task]) {
    failed_leaves_ += static_cast<std::uint32_t>(IsFailure(to)) - static_cast<std::uint32_t>(IsFailure(from));
  }
}

void ActiveRun::Propagate(Turn& turn) {
  while (!frontier_.empty() || !candidates_.empty()) {
    std::vector<TaskNo> level;
    level.swap(frontier_);
    for (const TaskNo task : level) CountForDownstreams(task);
    std::vector<TaskNo> pass;
    pass.swap(candidates_);
    for (const TaskNo task : pass) {
      slots_[task].candidate = false;
      Decide(turn, task);
    }
  }
}

void ActiveRun::CountForDownstreams(TaskNo task, std::uint32_t by) {
  const TaskState state = slots_[task].state;
  for (const TaskNo below : dag_->downstream.Of(task)) {
    TaskSlot& slot = slots_[below];
    if (state == TaskState::kSuccess) slot.success += by;
    if (state == TaskState::kFailed) slot.failed += by;
    if (state == TaskState::kSkipped) slot.skipped += by;
    if (state == TaskState::kUpstreamFailed) slot.upstream_failed += by;
    if (state == TaskState::kRemoved) slot.removed += by;
    Suggest(below);
  }
  for (const TaskNo guarded : dag_->guarded.Of(task)) Suggest(guarded);
  for (const TaskNo teardown : dag_->scoped.Of(task)) Suggest(teardown);
}

// One that waits for its retry may lose it: an upstream was cleared or marked meanwhile.
void ActiveRun::Suggest(TaskNo task) {
  TaskSlot& slot = slots_[task];
  if ((slot.state != TaskState::kNone && slot.state != TaskState::kUpForRetry) || slot.candidate) return;
  slot.candidate = true;
  candidates_.push_back(task);
}

void ActiveRun::Decide(Turn& turn, TaskNo task) {
  const TaskState state = slots_[task].state;
  if (state != TaskState::kNone && state != TaskState::kUpForRetry) return;
  if (IsHeld(task)) return;
  // Setups that are still to come hold a task back, but not what its upstreams decide against it.
  const RuleVerdict setups = AskSetups(task);
  RuleVerdict verdict = setups;
  if (setups == RuleVerdict::kRun || setups == RuleVerdict::kWait) verdict = AskRule(task);
  if (verdict == RuleVerdict::kWait) return;
  if (verdict != RuleVerdict::kRun) return Assign(turn, task, verdict);
  if (setups == RuleVerdict::kWait) return;
  if (state == TaskState::kUpForRetry) return;  // it waits for its delay
  Assign(turn, task, TaskEvent::kAllowed);
  if (dag_->tasks[task].action.kind != ActionKind::kEmpty || !dag_->tasks[task].when.empty()) return;
  scheduled_.pop_back();  // an empty task needs no slot
  if (hold_empty_) {
    held_empty_.push_back(task);
  } else {
    FinishEmpty(turn, task);
  }
}

void ActiveRun::Assign(Turn& turn, TaskNo task, RuleVerdict verdict) {
  Assign(turn, task, verdict == RuleVerdict::kSkip ? TaskEvent::kSkipped : TaskEvent::kUpstreamFailed);
}

// As Airflow: a failure of any of them decides before a skip; `always` asks nobody.
RuleVerdict ActiveRun::AskSetups(TaskNo task) const {
  const auto setups = dag_->setups.Of(task);
  if (setups.empty() || dag_->tasks[task].trigger_rule == TriggerRule::kAlways) return RuleVerdict::kRun;
  UpstreamCounts counts;
  counts.total = static_cast<std::uint32_t>(setups.size());
  for (const TaskNo setup : setups) counts.Count(slots_[setup].state);
  return Evaluate(TriggerRule::kAllSuccess, counts);
}

RuleVerdict ActiveRun::AskRule(TaskNo task) const {
  const TriggerRule rule = dag_->tasks[task].trigger_rule;
  const UpstreamCounts counts = CountsOf(task);
  if (rule != TriggerRule::kAllDoneSetupSuccess || counts.done() < counts.total) return Evaluate(rule, counts);
  UpstreamCounts setups;
  for (const TaskNo above : dag_->upstream.Of(task)) {
    if (!dag_->tasks[above].setup) continue;
    ++setups.total;
    setups.Count(slots_[above].state);
  }
  const RuleVerdict verdict = Evaluate(rule, counts, &setups);
  return verdict == RuleVerdict::kRun && !ScopeIsDone(task) ? RuleVerdict::kWait : verdict;
}

bool ActiveRun::ScopeIsDone(TaskNo teardown) const {
  for (const TaskNo inside : dag_->scope.Of(teardown)) {
    if (!IsFinished(slots_[inside].state)) return false;
  }
  return true;
}

// --- branches and short circuits
// ---------------------------------------------------------------------------------------------------

std::vector<bool> ActiveRun::Descendants(std::vector<TaskNo> from) const {
  std::vector<bool> seen(slots_.size(), false);
  while (!from.empty()) {
    const TaskNo at = from.back();
    from.pop_back();
    for (const TaskNo below : dag_->downstream.Of(at)) {
      if (seen[below]) continue;
      seen[below] = true;
      from.push_back(below);
    }
  }
  return seen;
}

// What a condition that is false skips: teardowns never.
std::vector<TaskNo> ActiveRun::Below(TaskNo task, bool all) const {
  std::vector<TaskNo> found;
  const auto add = [&](TaskNo below) {
    if (!dag_->tasks[below].teardown) found.push_back(below);
  };
  if (!all) {
    for (const TaskNo below : dag_->downstream.Of(task)) add(below);
    return found;
  }
  const std::vector<bool> below = Descendants({task});
  for (TaskNo other = 0; other < below.size(); ++other) {
    if (below[other]) add(other);
  }
  return found;
}

// The direct downstreams that are neither followed nor below what is followed, as Airflow: a join stays.
std::vector<TaskNo> ActiveRun::NotFollowed(TaskNo branch, const std::vector<TaskNo>& follow) const {
  std::vector<bool> kept = Descendants(follow);
  for (const TaskNo task : follow) kept[task] = true;
  std::vector<TaskNo> others;
  for (const TaskNo below : dag_->downstream.Of(branch)) {
    if (!kept[below]) others.push_back(below);
  }
  return others;
}

void ActiveRun::Conclude(Turn& turn, TaskNo task, const Decision& decision) {
  const Task& what = dag_->tasks[task];
  std::vector<TaskNo> skipped;
  if (what.action.kind == ActionKind::kBranch) {
    skipped = NotFollowed(task, decision.follow);
  } else if (!decision.pass) {
    skipped = Below(task, what.action.kind == ActionKind::kShortCircuit && what.ignore_downstream_trigger_rules);
  }
  for (const TaskNo below : skipped) {
    const TaskState state = slots_[below].state;
    if (state == TaskState::kRunning || state == TaskState::kQueued) continue;
    if (Assign(turn, below, TaskEvent::kSkipped)) std::erase(held_empty_, below);
  }
}

void ActiveRun::FinishEmpty(Turn& turn, TaskNo task) {
  ++slots_[task].try_number;
  Assign(turn, task, TaskEvent::kSucceeded);
  Change(turn, task).start_date = turn.now;
}

void ActiveRun::ReleaseEmptyTasks(Turn& turn) {
  std::deque<TaskNo> held;
  held.swap(held_empty_);
  for (const TaskNo task : held) FinishEmpty(turn, task);
  Propagate(turn);
}

std::vector<AttemptId> ActiveRun::EndUnfinished(Turn& turn, TaskEvent running, const std::string& why, Spare spare) {
  std::vector<AttemptId> stops;
  Materialize();
  std::erase_if(held_empty_, [&](TaskNo task) { return !IsSpared(task, spare); });
  for (TaskNo task = 0; task < slots_.size(); ++task) {
    TaskSlot& slot = slots_[task];
    if (IsFinished(slot.state) || IsSpared(task, spare)) continue;
    const bool runs = slot.state == TaskState::kRunning || slot.state == TaskState::kRestarting;
    if (runs) stops.push_back(slot.attempt);
    if (Assign(turn, task, runs ? running : TaskEvent::kSkipped)) Change(turn, task).why = why;
  }
  Propagate(turn);  // what is spared is decided by what all others have become
  return stops;
}

TaskChange& ActiveRun::Change(Turn& turn, TaskNo task) {
  TaskSlot& slot = slots_[task];
  if (slot.change == 0) {
    TaskChange change;
    change.run = info.id;
    change.task = task;
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

void ActiveRun::Stored(TaskNo task) {
  slots_[task].stored = slots_[task].state;
  slots_[task].change = 0;
}

std::vector<TaskNo> ActiveRun::TakeScheduled() {
  return std::exchange(scheduled_, {});
}

RunEvent ActiveRun::Outcome() const {
  return unfinished_ > 0 || failed_leaves_ > 0 ? RunEvent::kFailed : RunEvent::kSucceeded;
}

UpstreamCounts ActiveRun::CountsOf(TaskNo task) const {
  const TaskSlot& slot = slots_[task];
  UpstreamCounts counts;
  counts.total = static_cast<std::uint32_t>(dag_->upstream.Of(task).size());
  counts.success = slot.success;
  counts.failed = slot.failed;
  counts.skipped = slot.skipped;
  counts.upstream_failed = slot.upstream_failed;
  counts.removed = slot.removed;
  counts.total -= slot.removed;
  return counts;
}

}  // namespace pipelined
