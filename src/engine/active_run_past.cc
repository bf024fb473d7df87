// Tasks of a run that wait for the run before it.
#include <utility>

#include "engine/active_run.h"

namespace pipelined {

bool ActiveRun::IsHeldBack(SlotNo slot) {
  if (before == nullptr || !TaskAt(slot).depends_on_past || before->Allows(*dag_, TaskOf(slot))) return false;
  held_by_past_.emplace(TaskOf(slot), slot);
  return true;
}

void ActiveRun::LookAgain(Turn& turn, const std::vector<TaskNo>& tasks) {
  for (const TaskNo task : tasks) {
    const auto first = held_by_past_.lower_bound({task, 0});
    const auto end = held_by_past_.lower_bound({task + 1, 0});
    const std::vector<std::pair<TaskNo, SlotNo>> held(first, end);
    held_by_past_.erase(first, end);
    for (const auto& [same, slot] : held) {
      if (slots_[slot].state != TaskState::kUpForRetry) {
        Follow(turn, slot, Ask(slot));
      } else if (!IsHeldBack(slot)) {  // its delay is over
        Assign(turn, slot, TaskEvent::kRetryDue);
        Doubt(slot);
      }
    }
  }
  Settle(turn);
}

bool ActiveRun::MayStillStart(Turn& turn, SlotNo slot) {
  if (!IsHeldBack(slot)) return true;
  Doubt(slot);
  Propagate(turn);
  return false;
}

bool ActiveRun::HoldsForPast(TaskNo task) const {
  const auto held = held_by_past_.lower_bound({task, 0});
  return held != held_by_past_.end() && held->first == task;
}

std::vector<TaskNo> ActiveRun::held_by_past() const {
  std::vector<TaskNo> tasks;
  for (const auto& [task, slot] : held_by_past_) {
    if (tasks.empty() || tasks.back() != task) tasks.push_back(task);
  }
  return tasks;
}

std::vector<TaskNo> ActiveRun::TakeEnded() {
  return std::exchange(ended_, {});
}

}  // namespace pipelined
