// What people decide about the tasks of one run.
#include <algorithm>
#include <utility>

#include "engine/active_run.h"

namespace pipelined {

bool ActiveRun::Steer(Turn& turn, TaskNo task, TaskEvent event, const std::string& why) {
  const TaskState from = slots_[task].state;
  if (!Next(from, event)) return false;
  Seal(turn, task);
  Assign(turn, task, event);
  std::erase(held_empty_, task);
  TaskChange& change = Change(turn, task);
  change.why = why;
  if (IsFinished(from)) change.end_date.reset();  // it ended when it ended
  Seal(turn, task);
  const TaskState to = slots_[task].state;
  if (to == TaskState::kNone) Suggest(task);
  if (IsFinished(to)) {  // counted at once: it may be steered again before anything follows
    frontier_.pop_back();
    CountForDownstreams(task);
  }
  return true;
}

bool ActiveRun::Clear(Turn& turn, TaskNo task, const std::string& why) {
  TaskSlot& slot = slots_[task];
  if (slot.state != TaskState::kRunning) slot.max_tries = slot.try_number + dag_->tasks[task].retry.retries;
  return Steer(turn, task, TaskEvent::kCleared, why);
}

bool ActiveRun::WasNotFollowed(TaskNo task) const {
  const TaskSlot& slot = slots_[task];
  if (slot.state != TaskState::kSkipped || slot.try_number > 0) return false;
  const auto above = dag_->upstream.Of(task);
  const bool decided = std::any_of(above.begin(), above.end(), [&](TaskNo up) {
    return IsDecision(dag_->tasks[up].action.kind) && slots_[up].state == TaskState::kSuccess;
  });
  return decided && AskRule(task) == RuleVerdict::kRun && AskSetups(task) == RuleVerdict::kRun;
}

void ActiveRun::EndRestart(Turn& turn, TaskNo task) {
  slots_[task].max_tries = slots_[task].try_number + dag_->tasks[task].retry.retries;
  Steer(turn, task, TaskEvent::kStopped, "stopped, as it was cleared");
  Settle(turn);
}

void ActiveRun::Settle(Turn& turn) {
  if (info.state == RunState::kRunning) return Propagate(turn);
  for (const TaskNo task : std::exchange(candidates_, {})) slots_[task].candidate = false;  // Begin() decides them all
}

bool ActiveRun::HeldTaskWaits() const {
  return std::any_of(held_.begin(), held_.end(), [&](TaskNo task) { return slots_[task].state == TaskState::kNone; });
}

void ActiveRun::Release(Turn& turn, TaskNo task) {
  held_.erase(task);
  if (slots_.empty()) return;  // it has not begun
  Suggest(task);
  Settle(turn);
}

// What the turn holds of a task so far becomes a change of its own, before all that is still to come.
void ActiveRun::Seal(Turn& turn, TaskNo task) {
  TaskSlot& slot = slots_[task];
  if (slot.change == 0) return;
  TaskChange& change = turn.plan.tasks[slot.change - 1];
  turn.plan.steered.push_back(std::move(change));
  change.run = RunId{};  // dropped at the end of the turn
  slot.stored = slot.state;
  slot.change = 0;
}

}  // namespace pipelined
