// Which waiting task starts next: the highest priority among those whose pool has room, whose gates are open and whose
// run may start more.
//
// Within a pool the order is strict: a task that needs more free slots than there are holds back those behind it, so
// that it cannot starve. A task behind a closed gate holds back nobody. So that nobody waits for ever behind tasks of
// higher priority, a task that has waited for AgingRule::after is the next one of its pool, or behind its gate, when
// AgingRule::every - 1 starts have passed it over and nothing there has waited longer.
//
// Lanes (lane.h) are looked at one by one: the head of a pool that meets a closed gate is parked there, and comes back,
// the best first, when that gate opens. So a choice costs O(pools + log n), whatever waits behind closed gates.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "engine/lane.h"
#include "pipelined/engine/engine.h"

namespace pipelined {

// What a running attempt takes.
struct Hold {
  Pool* pool = nullptr;
  std::int32_t slots = 0;
  std::vector<Gate*> gates;  // of these one place each
  bool key = false;          // one of them is a concurrency key
};

// A task in line, for people.
struct InLine {
  const ActiveRun* run = nullptr;
  SlotNo slot = 0;
  Order order;
  Instant since;
  std::int64_t position = 0;  // in its pool, from 1
};

class ReadyQueue {
 public:
  explicit ReadyQueue(AgingRule aging) : aging_(aging) {}

  // Time goes on: gates of rates open. First in each turn.
  void SetNow(Instant now);
  Instant now() const { return now_; }
  // When it must be called although nothing happens.
  std::optional<Instant> NextAlarm() const;

  // The pool of that name, made (not existing, no slots) when it is not known.
  Pool& PoolNamed(const std::string& name) { return StateOf(name).pool; }
  // `include_deferred`: nothing: as it is.
  void SetPool(const std::string& name, std::int32_t slots, std::optional<bool> include_deferred);
  void DeletePool(const std::string& name);  // what runs in it goes on, what waits for it waits on

  void Add(ActiveRun& run, SlotNo slot, Instant since);
  // Call after anything that changes whether `run` may start tasks. `open`: it may (running, not paused, below its
  // limit).
  void Refresh(ActiveRun& run, bool open);
  void Remove(ActiveRun& run);

  struct Next {
    ActiveRun* run;
    SlotNo slot;
    Gate* conflict = nullptr;  // its key, when that has no place left and the task does not wait for one
    RunLane* from = nullptr;
  };
  // The next task that fits, or that must be told that it does not; nothing: none. O(pools + log n).
  std::optional<Next> Take();
  // It was started: its state says so by now.
  Hold Took(const Next& next, AttemptId attempt);

  // A task of a restored run runs.
  Hold Occupy(const ActiveRun& run, SlotNo slot, AttemptId attempt);
  // Likewise of a run that is not in memory.
  Hold Occupy(const Holding& holding, AttemptId attempt);
  void Release(const Hold& hold, AttemptId attempt);
  // A task goes on without a process: it gives everything back, and from now on counts where deferred tasks do.
  Hold Defer(const ActiveRun& run, SlotNo slot);
  static void EndDeferred(const Hold& hold) { hold.pool->deferred -= hold.slots; }
  void NoteStopping(const Hold& hold, AttemptId attempt);
  void RestoreStart(const std::string& rate_key, Instant at, Micros window);
  Micros WindowOf(const std::string& rate_key) const;  // for how long its starts count; 0: nobody asks

  // The key that a task waits at now, when it does not wait for a place: see Next::conflict.
  Gate* Conflict(const ActiveRun& run, SlotNo slot);

  // What limits a task beyond its pool.
  std::vector<Demand> DemandsOf(const ActiveRun& run, SlotNo slot);
  // Everything that waits for a slot, in the order of the queue, as far as it is asked for. O(n).
  struct Filter {
    std::string pool, dag_id;  // empty: all
    std::size_t limit = 100;
  };
  struct Listing {
    std::vector<InLine> tasks;
    std::int64_t total = 0;
  };
  Listing List(const Filter& filter) const;
  std::optional<InLine> Find(const ActiveRun& run, SlotNo slot) const;  // its place; O(n)

  std::size_t gates() const { return gates_.size(); }

 private:
  struct RunQueue {
    std::map<std::uint64_t, std::unique_ptr<RunLane>> lanes;  // by Lane::id
    bool open = false;
  };
  struct Choice {
    PoolState* pool = nullptr;
    RunLane* from = nullptr;
    SlotNo slot = 0;
    bool aged = false;
    Gate* conflict = nullptr;
    bool Before(const Choice& other) const;
  };
  struct LaneKey {
    PoolState* pool;
    OnConflict on_conflict;
    std::vector<Demand> demands;
    friend auto operator<=>(const LaneKey&, const LaneKey&) = default;
  };

  // lanes
  PoolState& StateOf(const std::string& name);
  RunLane& LaneOf(ActiveRun& run, RunQueue& queue, SlotNo slot);
  Lane& FindLane(LaneKey key);
  void Leave(Lane& lane);
  void Update(RunLane& lane) { Update(lane, runs_.at(lane.run).open); }
  void Update(RunLane& lane, bool open);
  void Settle(Lane& lane);
  void StandReady(Lane& lane);
  void StepOut(Lane& lane);

  // gates
  Gate& GateNamed(GateKind kind, std::string id, const std::string& name);
  Gate& DagGate(const std::string& dag_id, const std::string& task_id);
  Gate& RunGate(RunId run, const std::string& task_id);
  Gate& RateGate(const std::string& key);
  Gate& KeyGate(const std::string& key);
  void Use(Gate& gate, const Demand& demand);
  void ForgetIfIdle(Gate& gate);
  void ForgetIdleRates();
  void Wake(Gate& gate);
  void WakeOldest(Gate& gate);
  void WakeAll(const Lane& lane);
  void SetAlarm(Gate& gate, Instant at);
  const Demand* Closed(const Lane& lane);
  void Park(Lane& lane, const Demand& demand);

  // choosing
  bool IsAged(const Age& age) const { return aging_.every > 0 && age.since + aging_.after <= now_; }
  bool IsDue(std::int32_t passes) const { return passes + 1 >= aging_.every; }
  Choice ChoiceOf(PoolState& pool);
  void CountPasses(const Next& next);
  static bool IsConflict(OnConflict on_conflict, const Demand& closed);
  Hold HoldOf(PoolState& pool, std::int32_t slots, const std::vector<Demand>& demands, AttemptId attempt);
  static Order OrderOf(const ActiveRun& run, SlotNo slot);
  template <class Visit>
  void ForEachInLine(const std::string& pool, Visit visit) const;

  AgingRule aging_;
  Instant now_{};
  std::map<std::string, PoolState> pools_;
  std::map<LaneKey, std::unique_ptr<Lane>> lanes_;
  std::unordered_map<ActiveRun*, RunQueue> runs_;
  std::unordered_map<std::string, std::unique_ptr<Gate>> gates_;
  std::uint64_t last_lane_ = 0;
  std::set<std::pair<Instant, Gate*>> alarms_;      // Gate::alarm
  std::set<std::pair<Instant, Gate*>> idle_rates_;  // Gate::idle_until
};

}  // namespace pipelined
