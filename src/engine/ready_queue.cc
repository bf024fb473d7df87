// Standing in line: pools, lanes, and what the tasks of a run are in them. Choosing is in ready_choice.cc, gates in
// ready_gates.cc.
#include "engine/ready_queue.h"

#include <algorithm>
#include <utility>

namespace pipelined {
namespace {

bool IsOversized(const RunLane& lane, SlotNo slot) {
  return !lane.lane->pool->pool.CanEverHold(lane.run->TaskAt(slot).pool_slots);
}

struct Worse {
  bool operator()(const Order& a, const Order& b) const { return b < a; }
};

// Brings to both fronts what really waits there.
void DropStale(RunLane& lane) {
  while (!lane.by_order.empty()) {
    const Order top = lane.by_order.front();
    const bool waits = lane.StillWaits(top.slot);
    if (waits && !IsOversized(lane, top.slot)) break;
    if (waits) lane.oversized.push_back(top);
    std::pop_heap(lane.by_order.begin(), lane.by_order.end(), Worse());
    lane.by_order.pop_back();
  }
  for (; lane.oldest < lane.by_age.size(); ++lane.oldest) {
    const Waited& front = lane.by_age[lane.oldest];
    const bool waits = lane.StillWaits(front);
    if (waits && !IsOversized(lane, front.slot)) break;
    if (waits) lane.oversized_by_age.push_back(front);
  }
  if (lane.oldest * 2 > lane.by_age.size()) {
    lane.by_age.erase(lane.by_age.begin(), lane.by_age.begin() + static_cast<std::ptrdiff_t>(lane.oldest));
    lane.oldest = 0;
  }
}

void Push(RunLane& lane, const Order& order) {
  lane.by_order.push_back(order);
  std::push_heap(lane.by_order.begin(), lane.by_order.end(), Worse());
}

template <class Key, class Item>
void Rekey(std::map<Key, Item>& map, const Key& from, const Key& to) {
  if (from == to) return;
  auto node = map.extract(from);
  node.key() = to;
  map.insert(std::move(node));
}

}  // namespace

// --- pools
// --------------------------------------------------------------------------------------------------------------------

PoolState& ReadyQueue::StateOf(const std::string& name) {
  PoolState& state = pools_[name];
  if (state.pool.name.empty()) state.pool.name = name;
  return state;
}

void ReadyQueue::SetPool(const std::string& name, std::int32_t slots, std::optional<bool> include_deferred) {
  PoolState& state = StateOf(name);
  state.pool.slots = slots;
  state.pool.include_deferred = include_deferred.value_or(state.pool.include_deferred);
  state.pool.exists = true;
  for (auto& [run, queue] : runs_) {
    for (auto& [id, lane] : queue.lanes) {
      if (lane->lane->pool != &state) continue;
      for (const Order& order : std::exchange(lane->oversized, {})) Push(*lane, order);
      const std::vector<Waited> aside = std::exchange(lane->oversized_by_age, {});
      lane->by_age.insert(lane->by_age.end(), aside.begin(), aside.end());
      std::stable_sort(lane->by_age.begin() + static_cast<std::ptrdiff_t>(lane->oldest), lane->by_age.end(),
                       [](const Waited& a, const Waited& b) { return a.since < b.since; });
      Update(*lane, queue.open);
    }
  }
}

void ReadyQueue::DeletePool(const std::string& name) {
  SetPool(name, 0, false);
  PoolNamed(name).exists = false;
}

// --- runs
// ---------------------------------------------------------------------------------------------------------------------

void ReadyQueue::Add(ActiveRun& run, SlotNo slot, Instant since) {
  RunQueue& queue = runs_[&run];
  RunLane& lane = LaneOf(run, queue, slot);
  Push(lane, OrderOf(run, slot));
  lane.by_age.push_back(Waited{since, slot, run.slot(slot).try_number});
  Update(lane, queue.open);
}

Order ReadyQueue::OrderOf(const ActiveRun& run, SlotNo slot) {
  const Instant date = run.info.logical_date.value_or(run.info.run_after);
  return Order{run.dag().weights[run.TaskOf(slot)], slot, date.time_since_epoch().count(), run.info.id.value};
}

void ReadyQueue::Refresh(ActiveRun& run, bool open) {
  RunQueue& queue = runs_[&run];
  if (queue.open == open) return;
  queue.open = open;
  for (auto& [id, lane] : queue.lanes) Update(*lane, open);
}

void ReadyQueue::Remove(ActiveRun& run) {
  const auto queue = runs_.find(&run);
  if (queue == runs_.end()) return;
  for (auto& [id, lane] : queue->second.lanes) {
    Update(*lane, false);
    Leave(*lane->lane);
  }
  runs_.erase(queue);
}

// --- lanes
// --------------------------------------------------------------------------------------------------------------------

RunLane& ReadyQueue::LaneOf(ActiveRun& run, RunQueue& queue, SlotNo slot) {
  const Task& what = run.TaskAt(slot);
  LaneKey key{&StateOf(what.pool), OnConflict::kQueue, DemandsOf(run, slot)};
  if (what.concurrency != nullptr) key.on_conflict = what.concurrency->on_conflict;
  Lane& lane = FindLane(std::move(key));
  std::unique_ptr<RunLane>& place = queue.lanes[lane.id];
  if (place == nullptr) {
    ++lane.members;
    place = std::make_unique<RunLane>();
    place->lane = &lane;
    place->run = &run;
  }
  return *place;
}

Lane& ReadyQueue::FindLane(LaneKey key) {
  if (key.demands.empty() && key.pool->plain != nullptr) return *key.pool->plain;
  std::unique_ptr<Lane>& lane = lanes_[key];
  if (lane != nullptr) return *lane;
  lane = std::make_unique<Lane>();
  lane->id = ++last_lane_;
  lane->pool = key.pool;
  lane->on_conflict = key.on_conflict;
  if (key.demands.empty()) key.pool->plain = lane.get();
  for (const Demand& demand : key.demands) Use(*demand.gate, demand);
  lane->demands = std::move(key.demands);
  return *lane;
}

// One of its runs is gone for good.
void ReadyQueue::Leave(Lane& lane) {
  if (--lane.members > 0 || lane.demands.empty()) return;
  const std::vector<Demand> demands = lane.demands;
  lanes_.erase(LaneKey{lane.pool, lane.on_conflict, lane.demands});
  for (const Demand& demand : demands) {
    --demand.gate->lanes;
    ForgetIfIdle(*demand.gate);
  }
}

// Brings the run's entries in its lane up to date: its best and its oldest task that still wait, or none.
void ReadyQueue::Update(RunLane& lane, bool open) {
  DropStale(lane);
  Lane& all = *lane.lane;
  if (!open || lane.by_order.empty()) {
    if (!std::exchange(lane.registered, false)) return;
    all.heads.erase(lane.head);
    all.ages.erase(lane.age);
    return Settle(all);
  }
  const Order head = lane.by_order.front();
  const Waited& oldest = lane.by_age[lane.oldest];
  const Age age{oldest.since, head.run, oldest.slot};
  if (std::exchange(lane.registered, true)) {
    Rekey(all.heads, lane.head, head);
    Rekey(all.ages, lane.age, age);
  } else {
    all.heads.emplace(head, &lane);
    all.ages.emplace(age, &lane);
  }
  lane.head = head;
  lane.age = age;
  Settle(all);
}

// The same for the lane in its pool, or at the gate where it is parked. One that got better is looked at anew.
void ReadyQueue::Settle(Lane& lane) {
  if (lane.heads.empty()) {
    if (lane.place == Lane::Place::kEmpty) return;
    StepOut(lane);
    lane.urgent = false;
    return WakeAll(lane);  // it takes nothing of its gates: others may
  }
  const Order order = lane.heads.begin()->first;
  const Age age = lane.ages.begin()->first;
  if (lane.place == Lane::Place::kEmpty || (lane.place == Lane::Place::kParked && order < lane.order)) {
    StepOut(lane);
    lane.order = order;
    lane.age = age;
    return StandReady(lane);
  }
  for (const Demand& demand : lane.demands) Rekey(demand.gate->waiting, lane.age, age);
  if (lane.place == Lane::Place::kParked) {
    Rekey(lane.parked_in->by_order, lane.order, order);
  } else {
    Rekey(lane.pool->ready, lane.order, order);
    Rekey(lane.pool->ages, lane.age, age);
    if (lane.urgent) Rekey(lane.pool->urgent, lane.age, age);
  }
  lane.order = order;
  lane.age = age;
}

void ReadyQueue::StandReady(Lane& lane) {
  lane.place = Lane::Place::kReady;
  lane.pool->ready.emplace(lane.order, &lane);
  lane.pool->ages.emplace(lane.age, &lane);
  if (lane.urgent) lane.pool->urgent.emplace(lane.age, &lane);
  for (const Demand& demand : lane.demands) demand.gate->waiting.emplace(lane.age, &lane);
}

void ReadyQueue::StepOut(Lane& lane) {
  if (lane.place == Lane::Place::kEmpty) return;
  if (lane.place == Lane::Place::kReady) {
    lane.pool->ready.erase(lane.order);
    lane.pool->ages.erase(lane.age);
    if (lane.urgent) lane.pool->urgent.erase(lane.age);
  } else {
    lane.parked_in->by_order.erase(lane.order);
    lane.parked_at = nullptr;
    lane.parked_in = nullptr;
  }
  for (const Demand& demand : lane.demands) demand.gate->waiting.erase(lane.age);
  lane.place = Lane::Place::kEmpty;
}

}  // namespace pipelined
