// Mapped tasks: how one task becomes many, and how many are decided at once.
#include <fmt/format.h>

#include <algorithm>

#include "engine/active_run.h"

namespace pipelined {

// Lengths that stand in the file are known from the start, as in Airflow; a task without instances is skipped only when
// its rule would let it run.
void ActiveRun::ExpandLiterals(Turn& turn) {
  for (std::uint32_t no = 0; no < dag_->mappings.size(); ++no) {
    const auto length = dag_->mappings[no].literal_length();
    if (length.value_or(0) > 0) ExpandMapping(turn, MappingLength{info.id, life, no, *length});
  }
}

// Its rule allows the task, or an instance that is to be expanded again; how many instances of it?
void ActiveRun::AskLength(Turn& turn, SlotNo slot) {
  const TaskNo task = TaskOf(slot);
  const std::uint32_t no = dag_->mapped[dag_->tasks[task].mapped - 1].mapping;
  const Mapping& mapping = dag_->mappings[no];
  if (asked_for_[no]) return;
  if (const auto length = mapping.literal_length())
    return ExpandMapping(turn, MappingLength{info.id, life, no, *length});
  UpstreamCounts sources;
  for (const TaskNo source : mapping.sources) CountAbove(sources, task, source);
  if (sources.done() < sources.total || IsRestarting(no)) {
    if (patient_.empty() || patient_.back() != task) patient_.push_back(task);
    return;
  }
  // As in Airflow, whatever the rule: there is nothing to map over.
  if (sources.success < sources.total) return void(Assign(turn, slot, TaskEvent::kUpstreamFailed));
  asked_for_[no] = true;
  ++asked_;
  turn.plan.wanted.push_back(LengthWanted{info.id, life, no});
}

// An instance that is still being stopped may be beyond the new end: that is known only when it has ended.
bool ActiveRun::IsRestarting(std::uint32_t mapping) const {
  if (!stale_[mapping]) return false;
  for (const TaskNo task : dag_->mappings[mapping].tasks) {
    for (std::uint32_t index = 0; index < instances_.Length(task); ++index) {
      if (slots_[instances_.SlotOf(task, index)].state == TaskState::kRestarting) return true;
    }
  }
  return false;
}

void ActiveRun::Expand(Turn& turn, const MappingLength& length) {
  if (!asked_for_[length.mapping]) return;
  DropLength(length.mapping);
  const std::vector<TaskNo>& tasks = dag_->mappings[length.mapping].tasks;
  if (!tasks.empty() && !SourcesSucceeded(tasks.front())) return;  // they were cleared since, and are asked again
  ExpandMapping(turn, length);
  Propagate(turn);
}

void ActiveRun::DropLength(std::uint32_t mapping) {
  if (!asked_for_[mapping]) return;
  asked_for_[mapping] = false;
  --asked_;
}

void ActiveRun::Forget() {
  held_.clear();
  for (std::uint32_t mapping = 0; mapping < asked_for_.size(); ++mapping) DropLength(mapping);
}

bool ActiveRun::SourcesSucceeded(TaskNo task) const {
  UpstreamCounts sources;
  for (const TaskNo source : dag_->MappingOf(task)->sources) CountAbove(sources, task, source);
  return sources.success == sources.total;
}

bool ActiveRun::IsStale(TaskNo task) const {
  return stale_[dag_->mapped[dag_->tasks[task].mapped - 1].mapping];
}

void ActiveRun::ExpandMapping(Turn& turn, const MappingLength& length) {
  const auto names_of = [&](TaskNo task) {
    const auto named =
        std::find_if(length.names.begin(), length.names.end(), [&](const auto& one) { return one.first == task; });
    return named == length.names.end() ? std::vector<std::string>() : named->second;
  };
  std::string error = length.error;
  if (error.empty() && length.length > turn.max_map_length) {
    error =
        fmt::format("it would have {} instances, and core.max_map_length is {}", length.length, turn.max_map_length);
  }
  // Instances may be there before the rule allows the task; an end without any may not. It asks again by itself.
  const bool ends = !error.empty() || length.length == 0;
  const bool stale = stale_[length.mapping];
  if (error.empty()) stale_[length.mapping] = false;
  for (const TaskNo task : dag_->mappings[length.mapping].tasks) {
    if (ends && Ask(task) != RuleVerdict::kRun) continue;
    std::erase(patient_, task);
    const bool again = instances_.IsExpanded(task);
    if (again ? !stale : slots_[task].state != TaskState::kNone) continue;
    if (!error.empty()) {
      EndWithout(turn, task, TaskEvent::kFailed, error);
    } else if (again) {
      ExpandTaskAgain(turn, task, static_cast<std::uint32_t>(length.length), names_of(task));
    } else {
      ExpandTask(turn, task, static_cast<std::uint32_t>(length.length), names_of(task));
    }
  }
}

// What waits of the task ends, as there is nothing that it could be expanded to.
void ActiveRun::EndWithout(Turn& turn, TaskNo task, TaskEvent event, const std::string& why) {
  for (const SlotNo slot : SlotsOf(task)) {
    if (slots_[slot].state == TaskState::kNone && Assign(turn, slot, event)) Change(turn, slot).why = why;
  }
}

void ActiveRun::ExpandTask(Turn& turn, TaskNo task, std::uint32_t length, std::vector<std::string> names) {
  // A run that was set back may have had more instances: those that are left over are removed.
  std::uint32_t all = length;
  for (const StoredTask& stored : unplaced_) {
    if (stored.task == task) all = std::max(all, static_cast<std::uint32_t>(stored.map_index) + 1);
  }
  if (all == 0) return void(Assign(turn, task, TaskEvent::kSkipped));
  Grow(task, all);
  CountByInstance(task);
  std::erase_if(unplaced_, [&](const StoredTask& stored) {
    if (stored.task != task) return false;
    RestoreTask(stored, *Find(task, stored.map_index));
    return true;
  });
  for (std::uint32_t index = length; index < all; ++index)
    Assign(turn, instances_.SlotOf(task, index), TaskEvent::kRemoved);
  turn.plan.expanded.push_back(TaskExpanded{info.id, task, all, std::move(names)});
  Suggest(task);
}

// What is mapped together with it was expanded before, and instances of it have ended: each is for one instance alone.
void ActiveRun::CountByInstance(TaskNo task) {
  for (const TaskNo above : dag_->upstream.Of(task)) {
    if (!dag_->AreMappedTogether(above, task)) continue;
    for (std::uint32_t index = 0; index < instances_.Length(above); ++index) {
      const TaskState state = slots_[instances_.SlotOf(above, index)].state;
      Tally(slots_[task], state, kMinusOne);
      if (const auto own = Find(task, static_cast<std::int32_t>(index))) Tally(slots_[*own], state, 1);
    }
  }
}

// A task that had ended as a whole when the others of its mapping were expanded, and is cleared.
void ActiveRun::ExpandLikeOthers(Turn& turn, TaskNo task) {
  const Mapping* mapping = dag_->MappingOf(task);
  if (mapping == nullptr || instances_.IsExpanded(task) || IsStale(task) || mapping->names_instances) return;
  const auto other = std::find_if(mapping->tasks.begin(), mapping->tasks.end(),
                                  [&](TaskNo one) { return instances_.IsExpanded(one); });
  if (other != mapping->tasks.end()) ExpandTask(turn, task, instances_.Length(*other), {});
}

// Instances that have ended and were not cleared stay as they are, whatever the new length.
void ActiveRun::ExpandTaskAgain(Turn& turn, TaskNo task, std::uint32_t length, std::vector<std::string> names) {
  const std::uint32_t had = instances_.Length(task);
  if (length == 0) EndWithout(turn, task, TaskEvent::kSkipped, "there is nothing left to map over");
  for (std::uint32_t index = 0; index < had; ++index) {
    const SlotNo slot = instances_.SlotOf(task, index);
    const TaskState state = slots_[slot].state;
    if (index >= length && state == TaskState::kNone) Assign(turn, slot, TaskEvent::kRemoved);
    if (index < length && state == TaskState::kRemoved) Clear(turn, slot, "cleared: the list is long enough again");
  }
  if (length > had) Grow(task, length - had);
  turn.plan.expanded.push_back(TaskExpanded{info.id, task, std::max(length, had), std::move(names)});
  Suggest(task);
  for (const TaskNo below : dag_->downstream.Of(task)) Suggest(below);
}

// One row per task: in a turn that has expanded it, too, that is said in one.
void ActiveRun::StoreStale(Turn& turn, TaskNo task) const {
  const auto said = std::find_if(turn.plan.expanded.begin(), turn.plan.expanded.end(),
                                 [&](const TaskExpanded& other) { return other.run == info.id && other.task == task; });
  if (said != turn.plan.expanded.end()) {
    said->stale = true;
  } else {
    turn.plan.expanded.push_back(TaskExpanded{info.id, task, instances_.Length(task), {}, true});
  }
}

void ActiveRun::ExpandAgain(Turn& turn, const std::vector<SlotNo>& cleared) {
  const auto is_cleared = [&](TaskNo source) {
    const auto slots = SlotsOf(source);
    return std::any_of(slots.begin(), slots.end(),
                       [&](SlotNo slot) { return std::binary_search(cleared.begin(), cleared.end(), slot); });
  };
  for (std::uint32_t no = 0; no < dag_->mappings.size(); ++no) {
    const Mapping& mapping = dag_->mappings[no];
    const bool over = std::any_of(mapping.sources.begin(), mapping.sources.end(), is_cleared);
    if (!over || std::none_of(mapping.tasks.begin(), mapping.tasks.end(), is_cleared)) continue;
    stale_[no] = true;
    for (const TaskNo task : mapping.tasks) {
      if (instances_.IsExpanded(task)) StoreStale(turn, task);
    }
  }
}

void ActiveRun::Grow(TaskNo task, std::uint32_t more) {
  if (more == 0) return;
  const auto first = static_cast<SlotNo>(slots_.size());
  const std::uint32_t added = instances_.IsExpanded(task) ? more : more - 1;
  TaskSlot fresh;
  fresh.max_tries = dag_->tasks[task].retry.retries;
  slots_.resize(slots_.size() + more, fresh);
  instances_.Append(task, first, more);
  unfinished_ += added;
  for (const TaskNo below : dag_->downstream.Of(task)) {
    if (!dag_->AreMappedTogether(task, below)) slots_[below].more += added;
  }
}

void ActiveRun::DecideInstances(Turn& turn, TaskNo task) {
  if (instances_.waiting(task) == 0) return;
  const bool each = dag_->mapped[dag_->tasks[task].mapped - 1].follows_own;
  const std::uint32_t length = instances_.Length(task);
  // What all of them have above them in common is asked once, not for each.
  const RuleVerdict common = each ? RuleVerdict::kWait : Ask(task);
  const UpstreamCounts counts = CountsOf(task);
  const bool may_go = !each && counts.removed > 0;
  if (!each && !may_go && common == RuleVerdict::kWait) return;
  for (std::uint32_t index = 0; index < length; ++index) {
    const SlotNo slot = instances_.SlotOf(task, index);
    const TaskState state = slots_[slot].state;
    if (state != TaskState::kNone && state != TaskState::kUpForRetry) continue;
    if (may_go && IsRemovedWith(dag_->tasks[task].trigger_rule, counts, static_cast<std::int32_t>(index))) {
      Assign(turn, slot, TaskEvent::kRemoved);
    } else {
      Follow(turn, slot, each ? Ask(slot) : common);
    }
  }
}

}  // namespace pipelined
