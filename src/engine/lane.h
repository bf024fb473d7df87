// Where tasks stand in line: a Lane holds those, of all runs, that wait for the same pool behind the same gates, so
// that one look at a gate decides for all of them; a RunLane those of one run in it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/active_run.h"
#include "engine/gate.h"
#include "engine/waiting_order.h"

namespace pipelined {

struct Pool {
  std::string name;
  std::int32_t slots = 0;  // -1: no limit; 0 also for a pool that nobody has made
  std::int32_t used = 0;
  std::int32_t deferred = 0;  // slots of tasks that wait without a process
  bool include_deferred = false;
  bool exists = false;
  std::int32_t Taken() const { return used + (include_deferred ? deferred : 0); }
  bool HasRoom(std::int32_t wanted) const { return slots < 0 || slots - Taken() >= wanted; }
  bool CanEverHold(std::int32_t wanted) const { return slots < 0 || wanted <= slots; }
};

struct RunLane;

struct PoolState {
  Pool pool;
  std::map<Order, Lane*> ready;  // lanes whose gates are open, or were when they were looked at last
  std::map<Age, Lane*> ages;     // the same lanes
  std::map<Age, Lane*> urgent;   // of them: the oldest behind a gate that has passed it over too often
  Lane* plain = nullptr;         // without gates
  std::int32_t passes = 0;       // starts that passed over the one that has waited longest
};

struct Lane {
  std::uint64_t id = 0;
  PoolState* pool = nullptr;
  std::vector<Demand> demands;  // a key's is the last
  OnConflict on_conflict = OnConflict::kQueue;

  std::map<Order, RunLane*> heads;  // the best task of each run that may start one
  std::map<Age, RunLane*> ages;     // and the oldest
  std::int32_t members = 0;         // runs that have been in it

  enum class Place : std::uint8_t { kEmpty, kReady, kParked };
  Place place = Place::kEmpty;
  Gate* parked_at = nullptr;
  Gate::Parked* parked_in = nullptr;  // of that gate
  bool urgent = false;                // its oldest goes first when it can
  // Under which it stands where it stands; valid unless empty.
  Order order;
  Age age;
};

// A task in line. Outlived by its start, skip or clear: then it is passed over when it is met.
struct Waited {
  Instant since;
  SlotNo slot = 0;
  std::int32_t tries = 0;  // when it came: a later wait is another one
};

struct RunLane {
  bool StillWaits(SlotNo slot) const { return run->slot(slot).state == TaskState::kScheduled; }
  bool StillWaits(const Waited& waited) const {
    return StillWaits(waited.slot) && run->slot(waited.slot).try_number == waited.tries;
  }

  Lane* lane = nullptr;
  ActiveRun* run = nullptr;
  std::vector<Order> by_order;   // a heap, the best on top
  std::vector<Waited> by_age;    // as they came …
  std::size_t oldest = 0;        // … from here on
  std::vector<Order> oversized;  // need more slots than the pool has: aside, so that they hold back nobody
  std::vector<Waited> oversized_by_age;
  bool registered = false;  // in lane->heads and lane->ages, under these
  Order head;
  Age age;
};

}  // namespace pipelined
