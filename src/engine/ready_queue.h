// Which waiting task starts next: the highest priority among those whose pool has room and whose run may start more.
//
// Order, as Airflow's: weight (high first), logical date (early first), run, task. Within a pool the order is strict: a
// task that needs more free slots than there are holds back those behind it, so that it cannot starve.
#pragma once

#include <map>
#include <optional>
#include <queue>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/active_run.h"

namespace pipelined {

struct Pool {
  std::string name;
  std::int32_t slots = 0;  // -1: no limit; 0 also for a pool that nobody has made
  std::int32_t used = 0;
  bool exists = false;
  bool HasRoom(std::int32_t wanted) const { return slots < 0 || slots - used >= wanted; }
  bool CanEverHold(std::int32_t wanted) const { return slots < 0 || wanted <= slots; }
};

class ReadyQueue {
 public:
  struct Next {
    ActiveRun* run;
    SlotNo slot;
  };

  // The pool of that name, made (not existing, no slots) when it is not known.
  Pool& PoolNamed(const std::string& name) { return StateOf(name).pool; }
  void SetPool(const std::string& name, std::int32_t slots);
  void DeletePool(const std::string& name);  // what runs in it goes on, what waits for it waits on

  void Add(ActiveRun& run, SlotNo slot);
  // Call after anything that changes whether `run` may start tasks. `open`: it may (running, not paused, below its
  // limit).
  void Refresh(ActiveRun& run, bool open);
  void Remove(ActiveRun& run);

  // Takes the next task that fits, or nothing. O(log n).
  std::optional<Next> Take();

 private:
  struct Key {
    std::int32_t weight;
    std::int64_t date;
    std::int64_t run;
    SlotNo slot;
    friend bool operator<(const Key& a, const Key& b) {
      if (a.weight != b.weight) return a.weight > b.weight;
      if (a.date != b.date) return a.date < b.date;
      if (a.run != b.run) return a.run < b.run;
      return a.slot < b.slot;
    }
  };
  struct PoolState {
    Pool pool;
    std::map<Key, ActiveRun*> heads;  // the best task of each run that may start one in this pool
  };
  struct Lower {
    bool operator()(const Key& a, const Key& b) const { return b < a; }
  };
  struct Waiting {
    PoolState* pool;
    std::priority_queue<Key, std::vector<Key>, Lower> tasks;
    std::optional<Key> head;  // registered in pool->heads
    std::vector<Key>
        oversized;  // need more slots than the pool has: aside, so that they hold back nobody, until it grows
  };
  struct RunQueue {
    std::vector<Waiting> pools;
    bool open = false;
  };

  PoolState& StateOf(const std::string& name);
  static void Register(ActiveRun& run, Waiting& waiting, bool open);

  std::map<std::string, PoolState> pools_;
  std::unordered_map<ActiveRun*, RunQueue> runs_;
};

}  // namespace pipelined
