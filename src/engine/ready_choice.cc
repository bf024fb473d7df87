// Which one is next, and the list of all that wait.
#include <algorithm>

#include "engine/ready_queue.h"

namespace pipelined {

// What has waited too long goes before everything else, the oldest first.
bool ReadyQueue::Choice::Before(const Choice& other) const {
  if (aged != other.aged) return aged;
  return aged ? from->age < other.from->age : from->head < other.from->head;
}

// The head of a pool. What is in its way is cleared away: tasks that no longer wait, lanes whose gates are closed.
ReadyQueue::Choice ReadyQueue::ChoiceOf(PoolState& state) {
  while (!state.ready.empty()) {
    Choice choice{&state, nullptr, 0, false, nullptr};
    const bool due = aging_.every > 0 && IsDue(state.passes) && IsAged(state.ages.begin()->first);
    choice.aged = due || !state.urgent.empty();
    Lane& lane = !state.urgent.empty() ? *state.urgent.begin()->second
                 : due                 ? *state.ages.begin()->second
                                       : *state.ready.begin()->second;
    choice.from = choice.aged ? lane.ages.begin()->second : lane.heads.begin()->second;
    choice.slot = choice.aged ? choice.from->age.slot : choice.from->head.slot;
    const ActiveRun& run = *choice.from->run;
    if (run.slot(choice.slot).state != TaskState::kScheduled) {
      Update(*choice.from);
      continue;
    }
    if (const Demand* closed = Closed(lane)) {
      if (IsConflict(lane.on_conflict, *closed)) {
        choice.conflict = closed->gate;
        return choice;
      }
      Park(lane, *closed);
      continue;
    }
    return state.pool.HasRoom(run.TaskAt(choice.slot).pool_slots) ? choice : Choice();
  }
  return Choice();
}

bool ReadyQueue::IsConflict(OnConflict on_conflict, const Demand& closed) {
  if (closed.gate->kind() != GateKind::kKey || on_conflict == OnConflict::kQueue) return false;
  return on_conflict == OnConflict::kSkip || !closed.gate->EnoughAreStopping(closed);
}

Gate* ReadyQueue::Conflict(const ActiveRun& run, SlotNo slot) {
  const Task& what = run.TaskAt(slot);
  if (what.concurrency == nullptr || what.concurrency->on_conflict == OnConflict::kQueue) return nullptr;
  for (const Demand& demand : DemandsOf(run, slot)) {
    if (demand.gate->kind() != GateKind::kKey || demand.gate->HasRoom(demand, now_)) continue;
    return IsConflict(what.concurrency->on_conflict, demand) ? demand.gate : nullptr;
  }
  return nullptr;
}

std::optional<ReadyQueue::Next> ReadyQueue::Take() {
  Choice best;
  for (auto& [name, state] : pools_) {
    const Choice choice = ChoiceOf(state);
    if (choice.conflict != nullptr) return Next{choice.from->run, choice.slot, choice.conflict, choice.from};
    if (choice.from != nullptr && (best.from == nullptr || choice.Before(best))) best = choice;
  }
  if (best.from == nullptr) return std::nullopt;
  return Next{best.from->run, best.slot, nullptr, best.from};
}

Hold ReadyQueue::Took(const Next& next, AttemptId attempt) {
  RunLane& from = *next.from;
  Lane& lane = *from.lane;
  CountPasses(next);
  const bool was_oldest = lane.age.run == next.run->info.id.value && lane.age.slot == next.slot;
  if (lane.urgent && was_oldest) {
    lane.urgent = false;
    if (lane.place == Lane::Place::kReady) lane.pool->urgent.erase(lane.age);
  }
  for (const Demand& demand : lane.demands) {
    if (demand.gate->kind() == GateKind::kRate) demand.gate->Take(attempt, demand, now_);
  }
  Hold hold = HoldOf(*lane.pool, next.run->TaskAt(next.slot).pool_slots, lane.demands, attempt);
  Update(from);
  WakeAll(lane);
  return hold;
}

void ReadyQueue::CountPasses(const Next& next) {
  if (aging_.every <= 0) return;
  const auto count = [&](const std::map<Age, Lane*>& ages, std::int32_t& passes) {
    const Age& oldest = ages.begin()->first;
    if (oldest.run == next.run->info.id.value && oldest.slot == next.slot) {
      passes = 0;
    } else if (IsAged(oldest)) {
      ++passes;
    }
  };
  for (auto& [name, state] : pools_) {
    if (state.ages.empty()) continue;
    if (&state == next.from->lane->pool) {
      count(state.ages, state.passes);
      continue;
    }
    // Another pool's task went first although there was room for this one's.
    const RunLane& oldest = *state.ages.begin()->second->ages.begin()->second;
    if (IsAged(oldest.age) && state.pool.HasRoom(oldest.run->TaskAt(oldest.age.slot).pool_slots)) ++state.passes;
  }
  for (const Demand& demand : next.from->lane->demands) count(demand.gate->waiting, demand.gate->passes);
}

// --- for people
// ---------------------------------------------------------------------------------------------------------------

template <class Visit>
void ReadyQueue::ForEachInLine(const std::string& pool, Visit visit) const {
  for (const auto& [run, queue] : runs_) {
    for (const auto& [id, lane] : queue.lanes) {
      if (!pool.empty() && lane->lane->pool->pool.name != pool) continue;
      const auto see = [&, run = run, lane = lane.get()](const Waited& waited) {
        if (lane->StillWaits(waited)) visit(InLine{run, waited.slot, OrderOf(*run, waited.slot), waited.since, 0});
      };
      std::for_each(lane->by_age.begin() + static_cast<std::ptrdiff_t>(lane->oldest), lane->by_age.end(), see);
      std::for_each(lane->oversized_by_age.begin(), lane->oversized_by_age.end(), see);
    }
  }
}

ReadyQueue::Listing ReadyQueue::List(const Filter& filter) const {
  std::vector<InLine> all;
  ForEachInLine(filter.pool, [&](const InLine& one) { all.push_back(one); });
  const auto key = [](const InLine& one) { return std::tie(one.order, one.since); };
  std::sort(all.begin(), all.end(), [&](const InLine& a, const InLine& b) { return key(a) < key(b); });
  // One that was cleared while it waited stands there twice.
  const auto same = [](const InLine& a, const InLine& b) { return a.order == b.order; };
  all.erase(std::unique(all.begin(), all.end(), same), all.end());
  Listing listing;
  std::map<std::string_view, std::int64_t> positions;
  for (InLine& one : all) {
    const bool wanted = filter.dag_id.empty() || one.run->info.dag_id == filter.dag_id;
    if (wanted) ++listing.total;
    if (listing.tasks.size() >= filter.limit) continue;
    one.position = ++positions[one.run->TaskAt(one.slot).pool];
    if (wanted) listing.tasks.push_back(one);
  }
  return listing;
}

std::optional<InLine> ReadyQueue::Find(const ActiveRun& run, SlotNo slot) const {
  std::optional<InLine> found;
  const Order order = OrderOf(run, slot);
  std::int64_t before = 0;
  ForEachInLine(run.TaskAt(slot).pool, [&](const InLine& one) {
    if (one.order < order) ++before;
    if (one.order == order && !found) found = one;
  });
  if (found) found->position = before + 1;
  return found;
}

}  // namespace pipelined
