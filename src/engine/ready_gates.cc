// Gates: who names them, what waits at them, and what comes back when they open.
#include <fmt/format.h>

#include "engine/ready_queue.h"

namespace pipelined {

// --- which
// --------------------------------------------------------------------------------------------------------------------

Gate& ReadyQueue::GateNamed(GateKind kind, std::string id, const std::string& name) {
  std::unique_ptr<Gate>& gate = gates_[id];
  if (gate == nullptr) gate = std::make_unique<Gate>(kind, std::move(id), name);
  return *gate;
}

std::vector<Demand> ReadyQueue::DemandsOf(const ActiveRun& run, SlotNo slot) {
  const Task& what = run.TaskAt(slot);
  const TaskKeys* keys = run.KeysOf(run.TaskOf(slot));
  std::vector<Demand> demands;
  if (what.max_active_tis_per_dag > 0) {
    demands.push_back(Demand{&DagGate(run.info.dag_id, what.id), what.max_active_tis_per_dag});
  }
  if (what.max_active_tis_per_dagrun > 0) {
    demands.push_back(Demand{&RunGate(run.info.id, what.id), what.max_active_tis_per_dagrun});
  }
  if (what.rate != nullptr && keys != nullptr && !keys->rate.empty()) {
    demands.push_back(Demand{&RateGate(keys->rate), what.rate->starts, what.rate->window});
  }
  if (what.concurrency != nullptr && keys != nullptr && !keys->concurrency.empty()) {
    demands.push_back(Demand{&KeyGate(keys->concurrency), what.concurrency->max});
  }
  return demands;
}

Gate& ReadyQueue::DagGate(const std::string& dag_id, const std::string& task_id) {
  return GateNamed(GateKind::kTisPerDag, fmt::format("d{}/{}", dag_id, task_id), task_id);
}

Gate& ReadyQueue::RunGate(RunId run, const std::string& task_id) {
  return GateNamed(GateKind::kTisPerDagrun, fmt::format("r{}/{}", run.value, task_id), task_id);
}

Gate& ReadyQueue::RateGate(const std::string& key) {
  return GateNamed(GateKind::kRate, "t" + key, key);
}

Gate& ReadyQueue::KeyGate(const std::string& key) {
  return GateNamed(GateKind::kKey, "k" + key, key);
}

// A lane names it.
void ReadyQueue::Use(Gate& gate, const Demand& demand) {
  ++gate.lanes;
  gate.Expect(demand);
  if (gate.idle_until) idle_rates_.erase({*gate.idle_until, &gate});
  gate.idle_until.reset();
}

void ReadyQueue::ForgetIfIdle(Gate& gate) {
  if (gate.lanes > 0 || gate.IsHeld()) return;
  if (gate.alarm) alarms_.erase({*gate.alarm, &gate});
  gate.alarm.reset();
  if (gate.idle_until) idle_rates_.erase({*gate.idle_until, &gate});
  if (const Instant at = gate.ForgottenAt(); at > now_) {
    gate.idle_until = at;
    idle_rates_.emplace(at, &gate);
    return;
  }
  gates_.erase(std::string(gate.id()));
}

void ReadyQueue::ForgetIdleRates() {
  while (!idle_rates_.empty() && idle_rates_.begin()->first <= now_) ForgetIfIdle(*idle_rates_.begin()->second);
}

// --- what is taken
// ------------------------------------------------------------------------------------------------------------

Hold ReadyQueue::HoldOf(PoolState& pool, std::int32_t slots, const std::vector<Demand>& demands, AttemptId attempt) {
  pool.pool.used += slots;
  Hold hold{&pool.pool, slots, {}, false};
  for (const Demand& demand : demands) {
    if (demand.gate->kind() == GateKind::kRate) continue;
    demand.gate->Take(attempt, demand, now_);
    hold.gates.push_back(demand.gate);
    hold.key = hold.key || demand.gate->kind() == GateKind::kKey;
  }
  return hold;
}

Hold ReadyQueue::Occupy(const ActiveRun& run, SlotNo slot, AttemptId attempt) {
  const Task& what = run.TaskAt(slot);
  return HoldOf(StateOf(what.pool), what.pool_slots, DemandsOf(run, slot), attempt);
}

Hold ReadyQueue::Occupy(const Holding& holding, AttemptId attempt) {
  std::vector<Demand> demands;
  if (!holding.task_id.empty()) {
    demands.push_back(Demand{&DagGate(holding.dag_id, holding.task_id)});
    demands.push_back(Demand{&RunGate(holding.run, holding.task_id)});
  }
  if (!holding.key.empty()) demands.push_back(Demand{&KeyGate(holding.key), holding.key_max});
  PoolState unknown;
  Hold hold = HoldOf(holding.pool.empty() ? unknown : StateOf(holding.pool), holding.pool_slots, demands, attempt);
  if (holding.pool.empty()) hold.pool = nullptr;
  return hold;
}

Hold ReadyQueue::Defer(const ActiveRun& run, SlotNo slot) {
  const Task& what = run.TaskAt(slot);
  Pool& pool = PoolNamed(what.pool);
  pool.deferred += what.pool_slots;
  return Hold{&pool, what.pool_slots, {}, false};
}

void ReadyQueue::Release(const Hold& hold, AttemptId attempt) {
  if (hold.pool != nullptr) hold.pool->used -= hold.slots;
  for (Gate* gate : hold.gates) {
    gate->Give(attempt);
    Wake(*gate);
    ForgetIfIdle(*gate);
  }
}

void ReadyQueue::NoteStopping(const Hold& hold, AttemptId attempt) {
  for (Gate* gate : hold.gates) gate->NoteStopping(attempt);
}

void ReadyQueue::RestoreStart(const std::string& rate_key, Instant at, Micros window) {
  Gate& gate = RateGate(rate_key);
  gate.Started(at, window);
  ForgetIfIdle(gate);
}

Micros ReadyQueue::WindowOf(const std::string& rate_key) const {
  const auto found = gates_.find("t" + rate_key);
  return found == gates_.end() ? Micros(0) : found->second->window();
}

// --- what waits
// ---------------------------------------------------------------------------------------------------------------

const Demand* ReadyQueue::Closed(const Lane& lane) {
  for (const Demand& demand : lane.demands) {
    if (!demand.gate->HasRoom(demand, now_)) return &demand;
  }
  return nullptr;
}

void ReadyQueue::Park(Lane& lane, const Demand& demand) {
  StepOut(lane);
  Gate& gate = *demand.gate;
  lane.place = Lane::Place::kParked;
  lane.parked_at = &gate;
  lane.parked_in = &gate.parked[Gate::Door{demand.most, demand.window, lane.pool}];
  lane.parked_in->by_order.emplace(lane.order, &lane);
  for (const Demand& each : lane.demands) each.gate->waiting.emplace(lane.age, &lane);
  if (gate.kind() == GateKind::kRate) SetAlarm(gate, gate.OpensAt(demand));
  WakeAll(lane);  // what it might have taken of its other gates is there for others
}

void ReadyQueue::WakeAll(const Lane& lane) {
  for (const Demand& demand : lane.demands) Wake(*demand.gate);
}

// The best that is parked at each door that is open comes back; what it then finds to be closed, it is parked at again,
// and the next one comes.
void ReadyQueue::Wake(Gate& gate) {
  WakeOldest(gate);
  for (auto door = gate.parked.begin(); door != gate.parked.end();) {
    const auto& [most, window, pool] = door->first;
    const Demand demand{&gate, most, window};
    std::map<Order, Lane*>& lanes = door->second.by_order;
    if (!lanes.empty() && gate.HasRoom(demand, now_)) {
      Lane& best = *lanes.begin()->second;
      StepOut(best);
      StandReady(best);
    }
    if (!lanes.empty() && gate.kind() == GateKind::kRate && !gate.HasRoom(demand, now_))
      SetAlarm(gate, gate.OpensAt(demand));
    door = lanes.empty() ? gate.parked.erase(door) : std::next(door);
  }
}

// It has been passed over too often.
void ReadyQueue::WakeOldest(Gate& gate) {
  if (gate.waiting.empty() || !IsDue(gate.passes) || !IsAged(gate.waiting.begin()->first)) return;
  Lane& lane = *gate.waiting.begin()->second;
  if (!std::exchange(lane.urgent, true) && lane.place == Lane::Place::kReady)
    lane.pool->urgent.emplace(lane.age, &lane);
  if (lane.parked_at != &gate) return;
  for (const Demand& demand : lane.demands) {
    if (demand.gate != &gate || !gate.HasRoom(demand, now_)) continue;
    StepOut(lane);
    StandReady(lane);
    return;
  }
}

// --- time
// ---------------------------------------------------------------------------------------------------------------------

void ReadyQueue::SetAlarm(Gate& gate, Instant at) {
  if (gate.alarm && *gate.alarm <= at) return;
  if (gate.alarm) alarms_.erase({*gate.alarm, &gate});
  gate.alarm = at;
  alarms_.emplace(at, &gate);
}

void ReadyQueue::SetNow(Instant now) {
  const bool back = now < std::exchange(now_, now);
  // A clock that has gone back would leave the alarms in a future that is not the one they were set for.
  std::vector<Gate*> due;
  while (!alarms_.empty() && (back || alarms_.begin()->first <= now)) {
    Gate* gate = alarms_.begin()->second;
    alarms_.erase(alarms_.begin());
    gate->alarm.reset();
    due.push_back(gate);
  }
  for (Gate* gate : due) Wake(*gate);
  ForgetIdleRates();
}

std::optional<Instant> ReadyQueue::NextAlarm() const {
  return alarms_.empty() ? std::nullopt : std::optional(alarms_.begin()->first);
}

}  // namespace pipelined
