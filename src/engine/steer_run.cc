// What people decide about the tasks of one run.
#include <algorithm>
#include <utility>

#include "engine/active_run.h"

namespace pipelined {

bool ActiveRun::Steer(Turn& turn, SlotNo slot, TaskEvent event, const Cause& why) {
  const TaskState from = slots_[slot].state;
  if (!Next(from, event)) return false;
  Seal(turn, slot);
  Assign(turn, slot, event);
  std::erase(held_empty_, slot);
  TaskChange& change = Change(turn, slot);
  change.why = why.text;
  change.who = turn.AuthorOf(why);
  if (IsFinished(from)) change.end_date.reset();  // it ended when it ended
  Seal(turn, slot);
  const TaskState to = slots_[slot].state;
  if (to == TaskState::kNone) Suggest(slot);
  if (IsFinished(to)) {  // counted at once: it may be steered again before anything follows
    frontier_.pop_back();
    CountForDownstreams(slot);
  }
  return true;
}

bool ActiveRun::Clear(Turn& turn, SlotNo no, const Cause& why) {
  TaskSlot& slot = slots_[no];
  if (slot.state == TaskState::kNone && slot.try_number == 0) return false;  // untouched
  if (slot.state != TaskState::kRunning) slot.max_tries = slot.try_number + TaskAt(no).retry.retries;
  if (!Steer(turn, no, TaskEvent::kCleared, why)) return false;
  if (no < dag_->tasks.size()) ExpandLikeOthers(turn, no);
  return true;
}

bool ActiveRun::WasNotFollowed(SlotNo no) const {
  const TaskSlot& slot = slots_[no];
  if (slot.state != TaskState::kSkipped || slot.try_number > 0) return false;
  const auto above = dag_->upstream.Of(TaskOf(no));
  const bool decided = std::any_of(above.begin(), above.end(), [&](TaskNo up) {
    return IsDecision(dag_->tasks[up].action.kind) && slots_[up].state == TaskState::kSuccess;
  });
  return decided && Ask(no) == RuleVerdict::kRun;
}

void ActiveRun::EndRestart(Turn& turn, SlotNo slot) {
  slots_[slot].max_tries = slots_[slot].try_number + TaskAt(slot).retry.retries;
  Steer(turn, slot, TaskEvent::kStopped, "stopped, as it was cleared");
  Settle(turn);
}

void ActiveRun::Settle(Turn& turn) {
  if (info.state == RunState::kRunning) return Propagate(turn);
  TakeBack(turn);
  for (const SlotNo slot : std::exchange(candidates_, {})) slots_[slot].candidate = false;  // Begin() decides them all
}

std::vector<SlotNo> ActiveRun::SlotsOf(TaskNo task) const {
  if (!instances_.IsExpanded(task)) return {task};
  std::vector<SlotNo> slots;
  for (std::uint32_t index = 0; index < instances_.Length(task); ++index)
    slots.push_back(instances_.SlotOf(task, index));
  return slots;
}

bool ActiveRun::HeldTaskWaits() const {
  return std::any_of(held_.begin(), held_.end(), [&](const Instance& instance) {
    const auto slot = Find(instance.first, instance.second);
    return slot && slots_[*slot].state == TaskState::kNone;
  });
}

void ActiveRun::Release(Turn& turn, Instance instance) {
  held_.erase(instance);
  if (slots_.empty()) return;  // it has not begun
  if (const auto slot = Find(instance.first, instance.second)) Suggest(*slot);
  Settle(turn);
}

// What the turn holds of a task so far becomes a change of its own, before all that is still to come.
void ActiveRun::Seal(Turn& turn, SlotNo no) {
  TaskSlot& slot = slots_[no];
  if (slot.change == 0) return;
  TaskChange& change = turn.plan.tasks[slot.change - 1];
  turn.plan.steered.push_back(std::move(change));
  change.run = RunId{};  // dropped at the end of the turn
  slot.stored = slot.state;
  slot.change = 0;
}

}  // namespace pipelined
