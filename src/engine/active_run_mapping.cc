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

// Its rule allows the task; how many instances of it?
void ActiveRun::AskLength(Turn& turn, TaskNo task) {
  const std::uint32_t no = dag_->mapped[dag_->tasks[task].mapped - 1].mapping;
  const Mapping& mapping = dag_->mappings[no];
  if (asked_for_[no]) return;
  if (const auto length = mapping.literal_length())
    return ExpandMapping(turn, MappingLength{info.id, life, no, *length});
  UpstreamCounts sources;
  for (const TaskNo source : mapping.sources) CountAbove(sources, task, source);
  if (sources.done() < sources.total) return patient_.push_back(task);
  // As in Airflow, whatever the rule: there is nothing to map over.
  if (sources.success < sources.total) return void(Assign(turn, task, TaskEvent::kUpstreamFailed));
  asked_for_[no] = true;
  ++asked_;
  turn.plan.wanted.push_back(LengthWanted{info.id, life, no});
}

void ActiveRun::Expand(Turn& turn, const MappingLength& length) {
  if (!asked_for_[length.mapping]) return;
  asked_for_[length.mapping] = false;
  --asked_;
  ExpandMapping(turn, length);
  Propagate(turn);
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
  for (const TaskNo task : dag_->mappings[length.mapping].tasks) {
    if (ends && Ask(task) != RuleVerdict::kRun) continue;
    std::erase(patient_, task);
    if (slots_[task].state != TaskState::kNone || instances_.IsExpanded(task)) continue;
    if (error.empty()) {
      ExpandTask(turn, task, static_cast<std::uint32_t>(length.length), names_of(task));
    } else if (Assign(turn, task, TaskEvent::kFailed)) {
      Change(turn, task).why = error;
    }
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
