// What stands above a task decides it: trigger rules, setups and teardowns, and what branches and short circuits skip.
#include <utility>

#include "engine/active_run.h"

namespace pipelined {

UpstreamCounts ActiveRun::CountsOf(SlotNo no) const {
  const TaskNo task = TaskOf(no);
  const TaskSlot& slot = slots_[task];
  UpstreamCounts counts;
  counts.total = static_cast<std::uint32_t>(dag_->upstream.Of(task).size()) + slot.more;
  counts.success = slot.success;
  counts.failed = slot.failed;
  counts.skipped = slot.skipped;
  counts.upstream_failed = slot.upstream_failed;
  counts.removed = slot.removed;
  if (no != task) {
    const TaskSlot& own = slots_[no];
    counts.success += own.success;
    counts.failed += own.failed;
    counts.skipped += own.skipped;
    counts.upstream_failed += own.upstream_failed;
    counts.removed += own.removed;
  }
  counts.total -= counts.removed;
  return counts;
}

// Setups that are still to come hold a task back, but not what its upstreams decide against it.
RuleVerdict ActiveRun::Ask(SlotNo slot) const {
  const RuleVerdict setups = AskSetups(slot);
  if (setups != RuleVerdict::kRun && setups != RuleVerdict::kWait) return setups;
  const RuleVerdict rule = AskRule(slot);
  return rule == RuleVerdict::kRun ? setups : rule;
}

// As the slot sees one task above it: its own instance of what is mapped together with it, else all there are.
void ActiveRun::CountAbove(UpstreamCounts& counts, SlotNo slot, TaskNo above) const {
  const auto count = [&](SlotNo one) {
    ++counts.total;
    counts.Count(slots_[one].state);
  };
  if (!instances_.IsExpanded(above)) return count(above);
  if (slot != TaskOf(slot) && dag_->AreMappedTogether(above, TaskOf(slot)))
    return count(instances_.SlotOf(above, static_cast<std::uint32_t>(MapIndexOf(slot))));
  for (std::uint32_t index = 0; index < instances_.Length(above); ++index) count(instances_.SlotOf(above, index));
}

// As Airflow: a failure of any of them decides before a skip; `always` asks nobody.
RuleVerdict ActiveRun::AskSetups(SlotNo slot) const {
  const TaskNo task = TaskOf(slot);
  const auto setups = dag_->setups.Of(task);
  if (setups.empty() || dag_->tasks[task].trigger_rule == TriggerRule::kAlways) return RuleVerdict::kRun;
  UpstreamCounts counts;
  for (const TaskNo setup : setups) CountAbove(counts, slot, setup);
  return Evaluate(TriggerRule::kAllSuccess, counts);
}

RuleVerdict ActiveRun::AskRule(SlotNo slot) const {
  const TaskNo task = TaskOf(slot);
  const TriggerRule rule = dag_->tasks[task].trigger_rule;
  const UpstreamCounts counts = CountsOf(slot);
  if (rule != TriggerRule::kAllDoneSetupSuccess || counts.done() < counts.total) return Evaluate(rule, counts);
  UpstreamCounts setups;
  for (const TaskNo above : dag_->upstream.Of(task)) {
    if (dag_->tasks[above].setup) CountAbove(setups, slot, above);
  }
  const RuleVerdict verdict = Evaluate(rule, counts, &setups);
  return verdict == RuleVerdict::kRun && !ScopeIsDone(slot) ? RuleVerdict::kWait : verdict;
}

bool ActiveRun::ScopeIsDone(SlotNo teardown) const {
  const TaskNo task = TaskOf(teardown);
  for (const TaskNo inside : dag_->scope.Of(task)) {
    if (!instances_.IsExpanded(inside)) {
      if (!IsFinished(slots_[inside].state)) return false;
    } else if (teardown != task && dag_->AreMappedTogether(inside, task)) {
      const SlotNo own = instances_.SlotOf(inside, static_cast<std::uint32_t>(MapIndexOf(teardown)));
      if (!IsFinished(slots_[own].state)) return false;
    } else if (instances_.unfinished(inside) > 0) {
      return false;
    }
  }
  return true;
}

// --- branches and short circuits
// ---------------------------------------------------------------------------------------------------

std::vector<bool> ActiveRun::Descendants(std::vector<TaskNo> from) const {
  std::vector<bool> seen(dag_->tasks.size(), false);
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

std::vector<AttemptId> ActiveRun::Conclude(Turn& turn, SlotNo slot, const Decision& decision) {
  const TaskNo task = TaskOf(slot);
  const Task& what = dag_->tasks[task];
  std::vector<TaskNo> skipped;
  if (what.action.kind == ActionKind::kBranch) {
    skipped = NotFollowed(task, decision.follow);
  } else if (what.action.kind == ActionKind::kLatestOnly && !decision.pass) {
    skipped = NotFollowed(task, {});  // as Airflow, where it is a branch: a teardown right below it is skipped, too
  } else if (!decision.pass) {
    skipped = Below(task, what.ignore_downstream_trigger_rules);
  }
  for (const TaskNo below : skipped) SkipFor(turn, slot, below);
  return std::exchange(overtaken_, {});
}

// One instance of a mapped group decides for its own instances; what is behind the group goes by its trigger rule.
void ActiveRun::SkipFor(Turn& turn, SlotNo decided, TaskNo below) {
  const TaskNo task = TaskOf(decided);
  if (!instances_.IsExpanded(below)) {
    if (decided == task) SkipUnlessActive(turn, below);
    return;
  }
  if (decided != task) {
    if (!dag_->AreMappedTogether(task, below)) return;
    return SkipUnlessActive(turn, instances_.SlotOf(below, static_cast<std::uint32_t>(MapIndexOf(decided))));
  }
  for (std::uint32_t index = 0; index < instances_.Length(below); ++index)
    SkipUnlessActive(turn, instances_.SlotOf(below, index));
}

void ActiveRun::SkipUnlessActive(Turn& turn, SlotNo slot) {
  const TaskState state = slots_[slot].state;
  if (state == TaskState::kRunning || state == TaskState::kDeferred || state == TaskState::kQueued) return;
  if (state == TaskState::kRestarting) overtaken_.push_back(slots_[slot].attempt);
  if (Assign(turn, slot, TaskEvent::kSkipped)) std::erase(held_empty_, slot);
}

}  // namespace pipelined
