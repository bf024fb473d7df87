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
  if (tasks.empty() || SourcesSucceeded(tasks.front())) {
    ExpandMapping(turn, length);
  } else {  // they were cleared or marked since: decided again
    for (const TaskNo task : tasks) Suggest(task);
  }
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
  std::string error = length.error;
  if (error.empty() && length.length > turn.max_map_length) {
    error =
        fmt::format("it would have {} instances, and core.max_map_length is {}", length.length, turn.max_map_length);
  }
  // Instances may be there before the rule allows the task; an end without any may not. It asks again by itself.
  const bool ends = !error.empty() || length.length == 0;
  const bool stale = stale_[length.mapping];
  std::vector<TaskNo> tasks;
  for (const TaskNo task : dag_->mappings[length.mapping].tasks) {
    if (ends && !MayEnd(task)) continue;
    std::erase(patient_, task);
    if (instances_.IsExpanded(task) ? !stale : slots_[task].state != TaskState::kNone) continue;
    if (error.empty()) {
      tasks.push_back(task);
    } else {
      EndWithout(turn, task, TaskEvent::kFailed, error);
    }
  }
  if (!tasks.empty()) GiveInstances(turn, tasks, length);
  if (!error.empty()) return;
  stale_[length.mapping] = ends && stale && AnyInstanceWaits(length.mapping);
  if (!stale_[length.mapping]) return;
  for (const TaskNo task : tasks) {
    if (instances_.IsExpanded(task)) StoreStale(turn, task);
  }
}

bool ActiveRun::AnyInstanceWaits(std::uint32_t mapping) const {
  const std::vector<TaskNo>& tasks = dag_->mappings[mapping].tasks;
  return std::any_of(tasks.begin(), tasks.end(), [&](TaskNo task) {
    if (!instances_.IsExpanded(task)) return false;
    const auto slots = SlotsOf(task);
    return std::any_of(slots.begin(), slots.end(), [&](SlotNo slot) { return slots_[slot].state == TaskState::kNone; });
  });
}

// Whether its rule allows the task, or an instance of it.
bool ActiveRun::MayEnd(TaskNo task) const {
  const auto slots = SlotsOf(task);
  return std::any_of(slots.begin(), slots.end(), [&](SlotNo slot) { return MayEnd(task, slot); });
}

bool ActiveRun::MayEnd(TaskNo task, SlotNo slot) const {
  const bool by_itself = instances_.IsExpanded(task) && dag_->mapped[dag_->tasks[task].mapped - 1].follows_own;
  if (!by_itself) return Ask(task) == RuleVerdict::kRun;
  return slots_[slot].state == TaskState::kNone && Ask(slot) == RuleVerdict::kRun;
}

// First all of them have their slots, as many each as any task of the mapping: what becomes of an instance concerns the
// same one of the other tasks. Those beyond the length are what was left over from before.
void ActiveRun::GiveInstances(Turn& turn, const std::vector<TaskNo>& tasks, const MappingLength& length) {
  const auto wanted = static_cast<std::uint32_t>(length.length);
  std::uint32_t all = wanted;
  for (const TaskNo task : dag_->mappings[length.mapping].tasks) all = std::max(all, LengthBefore(task));
  std::vector<std::uint32_t> had;
  for (const TaskNo task : tasks) {
    had.push_back(instances_.Length(task));
    if (wanted > 0 || LengthBefore(task) > 0) Grow(task, all - had.back());
  }
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    const TaskNo task = tasks[i];
    if (!instances_.IsExpanded(task)) {
      Assign(turn, task, TaskEvent::kSkipped);
      continue;
    }
    if (had[i] == 0) {
      Place(turn, task, wanted);
    } else {
      Adjust(turn, task, had[i], wanted);
    }
    const auto named =
        std::find_if(length.names.begin(), length.names.end(), [&](const auto& one) { return one.first == task; });
    auto names = named == length.names.end() ? std::vector<std::string>() : named->second;
    turn.plan.expanded.push_back(TaskExpanded{info.id, task, instances_.Length(task), std::move(names)});
    Suggest(task);
  }
}

// How many instances there are, or were before the run was set back.
std::uint32_t ActiveRun::LengthBefore(TaskNo task) const {
  std::uint32_t length = instances_.Length(task);
  for (const StoredTask& stored : unplaced_) {
    if (stored.task == task) length = std::max(length, static_cast<std::uint32_t>(stored.map_index) + 1);
  }
  return length;
}

// What waits of the task ends, as there is nothing that it could be expanded to.
void ActiveRun::EndWithout(Turn& turn, TaskNo task, TaskEvent event, const std::string& why) {
  for (const SlotNo slot : SlotsOf(task)) {
    if (slots_[slot].state != TaskState::kNone || !MayEnd(task, slot)) continue;
    if (Assign(turn, slot, event)) Change(turn, slot).why = why;
  }
}

// The first instances of a task.
void ActiveRun::Place(Turn& turn, TaskNo task, std::uint32_t length) {
  std::erase_if(unplaced_, [&](const StoredTask& stored) {
    if (stored.task != task) return false;
    RestoreTask(stored, *Find(task, stored.map_index));
    return true;
  });
  for (std::uint32_t index = length; index < instances_.Length(task); ++index)
    Assign(turn, instances_.SlotOf(task, index), TaskEvent::kRemoved);
}

// Instances that have ended and were not cleared stay as they are, whatever the new length.
void ActiveRun::Adjust(Turn& turn, TaskNo task, std::uint32_t had, std::uint32_t length) {
  if (length == 0) EndWithout(turn, task, TaskEvent::kSkipped, "there is nothing left to map over");
  for (std::uint32_t index = 0; index < instances_.Length(task); ++index) {
    const SlotNo slot = instances_.SlotOf(task, index);
    const TaskState state = slots_[slot].state;
    if (index >= length && state == TaskState::kNone) Assign(turn, slot, TaskEvent::kRemoved);
    if (index < std::min(length, had) && state == TaskState::kRemoved)
      Clear(turn, slot, "cleared: the list is long enough again");
  }
  for (const TaskNo below : dag_->downstream.Of(task)) Tell(below, true);  // there is more to wait for
}

// A task that had ended as a whole when the others of its mapping were expanded, and is cleared.
void ActiveRun::ExpandLikeOthers(Turn& turn, TaskNo task) {
  const Mapping* mapping = dag_->MappingOf(task);
  if (mapping == nullptr || instances_.IsExpanded(task) || IsStale(task) || mapping->names_instances) return;
  const auto other = std::find_if(mapping->tasks.begin(), mapping->tasks.end(),
                                  [&](TaskNo one) { return instances_.IsExpanded(one); });
  if (other == mapping->tasks.end()) return;
  const auto slots = SlotsOf(*other);
  const auto length =
      std::count_if(slots.begin(), slots.end(), [&](SlotNo slot) { return slots_[slot].state != TaskState::kRemoved; });
  const auto no = static_cast<std::uint32_t>(mapping - dag_->mappings.data());
  GiveInstances(turn, {task}, MappingLength{info.id, life, no, static_cast<std::uint64_t>(length)});
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
  const bool first = !instances_.IsExpanded(task);
  const std::uint32_t added = first ? more - 1 : more;
  TaskSlot fresh;
  fresh.max_tries = dag_->tasks[task].retry.retries;
  instances_.Append(task, static_cast<SlotNo>(slots_.size()), more);
  slots_.resize(slots_.size() + more, fresh);
  unfinished_ += added;
  for (const TaskNo below : dag_->downstream.Of(task)) {
    const bool by_instance = dag_->AreMappedTogether(task, below) && instances_.IsExpanded(below);
    if (!by_instance) slots_[below].more += added;
  }
  if (!first) return;
  CountByInstance(task);
  held_by_past_.erase({task, task});  // its instances are, each by itself
}

// What is mapped together with the task was expanded before it: what has become of an instance of that counts for one
// instance of this alone.
void ActiveRun::CountByInstance(TaskNo task) {
  for (const TaskNo above : dag_->upstream.Of(task)) {
    if (!dag_->AreMappedTogether(above, task) || !instances_.IsExpanded(above)) continue;
    const std::uint32_t length = instances_.Length(above);
    slots_[task].more -= length - 1;
    for (std::uint32_t index = 0; index < length; ++index) {
      const SlotNo slot = instances_.SlotOf(above, index);
      const bool counted = std::find(frontier_.begin(), frontier_.end(), slot) == frontier_.end();
      if (!counted || !IsFinished(slots_[slot].state)) continue;
      Tally(slots_[task], slots_[slot].state, kMinusOne);
      if (const auto own = Find(task, static_cast<std::int32_t>(index))) Tally(slots_[*own], slots_[slot].state, 1);
    }
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
