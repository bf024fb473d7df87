// Which run in memory comes before which, for the DAGs with tasks that wait for the run before. When a task of a run
// ends, only what waits for it in the next runs is looked at again; nothing is polled. One thread, the engine's.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "engine/active_run.h"
#include "pipelined/engine/past.h"

namespace pipelined {

class PastChain {
 public:
  // Tasks of a run that waited for the past, and may go on.
  struct Woken {
    RunId run;
    std::uint64_t life = 0;  // ActiveRun::life
    std::vector<TaskNo> tasks;
  };
  using Find = std::function<ActiveRun*(RunId)>;

  // `run` has entered memory. `past`: the run before it, when it looks back and there is one. Also becomes the run
  // before of those in memory that it comes in front of.
  void Enter(ActiveRun& run, const std::optional<PastRun>& past, const Find& find);
  // `run` leaves memory: its states are what the next runs go on knowing of it.
  void Leave(ActiveRun& run);
  // `run`, which has ended and is not in memory, was changed.
  void Changed(ActiveRun& run);
  // Whether a run in memory may have to wait for this one.
  bool IsWaitedFor(RunId run) const;
  // Tasks of `run` may have ended since the last call. O(what has ended).
  void Note(ActiveRun& run);

  std::optional<Woken> Take();
  bool empty() const { return woken_.empty(); }

 private:
  using Place = std::pair<Instant, RunId>;  // logical date
  void Follow(ActiveRun& later, ActiveRun* before);
  void Unfollow(ActiveRun& later);
  void ComesBefore(ActiveRun& run);
  void Wake(const ActiveRun& later, std::vector<TaskNo> tasks);

  std::unordered_map<std::string, std::map<Place, ActiveRun*>> looking_back_;  // by DAG
  std::unordered_map<RunId, std::vector<ActiveRun*>> followers_;               // of a run, in memory or not
  std::deque<Woken> woken_;
};

}  // namespace pipelined
