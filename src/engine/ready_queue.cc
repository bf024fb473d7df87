#include "engine/ready_queue.h"

#include <algorithm>
#include <utility>

namespace pipelined {

ReadyQueue::PoolState& ReadyQueue::StateOf(const std::string& name) {
  PoolState& state = pools_[name];
  if (state.pool.name.empty()) state.pool.name = name;
  return state;
}

void ReadyQueue::SetPool(const std::string& name, std::int32_t slots) {
  Pool& pool = PoolNamed(name);
  pool.slots = slots;
  pool.exists = true;
  for (auto& [run, queue] : runs_) {
    for (Waiting& waiting : queue.pools) {
      if (&waiting.pool->pool != &pool) continue;
      for (const Key& key : std::exchange(waiting.oversized, {})) waiting.tasks.push(key);
      Register(*run, waiting, queue.open);
    }
  }
}

void ReadyQueue::DeletePool(const std::string& name) {
  SetPool(name, 0);
  PoolNamed(name).exists = false;
}

void ReadyQueue::Add(ActiveRun& run, SlotNo slot) {
  const TaskNo task = run.TaskOf(slot);
  const Task& what = run.dag().tasks[task];
  RunQueue& queue = runs_[&run];
  PoolState* pool = &StateOf(what.pool);
  auto waiting = std::find_if(queue.pools.begin(), queue.pools.end(), [&](const Waiting& w) { return w.pool == pool; });
  if (waiting == queue.pools.end()) {
    queue.pools.push_back(Waiting{pool, {}, std::nullopt, {}});
    waiting = queue.pools.end() - 1;
  }
  const Instant date = run.info.logical_date.value_or(run.info.run_after);
  waiting->tasks.push(Key{run.dag().weights[task], date.time_since_epoch().count(), run.info.id.value, slot});
  Register(run, *waiting, queue.open);
}

void ReadyQueue::Refresh(ActiveRun& run, bool open) {
  RunQueue& queue = runs_[&run];
  queue.open = open;
  for (Waiting& waiting : queue.pools) Register(run, waiting, open);
}

void ReadyQueue::Remove(ActiveRun& run) {
  const auto queue = runs_.find(&run);
  if (queue == runs_.end()) return;
  for (Waiting& waiting : queue->second.pools) Register(run, waiting, false);
  runs_.erase(queue);
}

// Brings the run's entry in the pool up to date: its best task that still waits, or none.
void ReadyQueue::Register(ActiveRun& run, Waiting& waiting, bool open) {
  while (!waiting.tasks.empty()) {
    const Key top = waiting.tasks.top();
    const bool waits = run.slot(top.slot).state == TaskState::kScheduled;
    const bool fits = waiting.pool->pool.CanEverHold(run.TaskAt(top.slot).pool_slots);
    if (waits && fits) break;
    if (waits) waiting.oversized.push_back(top);
    waiting.tasks.pop();
  }
  std::optional<Key> best;
  if (open && !waiting.tasks.empty()) best = waiting.tasks.top();
  if (waiting.head) waiting.pool->heads.erase(*waiting.head);
  if (best) waiting.pool->heads.emplace(*best, &run);
  waiting.head = best;
}

std::optional<ReadyQueue::Next> ReadyQueue::Take() {
  PoolState* best = nullptr;
  const std::pair<const Key, ActiveRun*>* choice = nullptr;
  for (auto& [name, state] : pools_) {
    if (state.heads.empty()) continue;
    const auto& head = *state.heads.begin();
    if (!state.pool.HasRoom(head.second->TaskAt(head.first.slot).pool_slots)) continue;
    if (choice == nullptr || head.first < choice->first) {
      choice = &head;
      best = &state;
    }
  }
  if (choice == nullptr) return std::nullopt;
  ActiveRun& run = *choice->second;
  const Next next{&run, choice->first.slot};
  for (Waiting& waiting : runs_[&run].pools) {
    if (waiting.pool != best) continue;
    best->heads.erase(*waiting.head);
    waiting.head.reset();
    waiting.tasks.pop();
  }
  return next;
}

}  // namespace pipelined
