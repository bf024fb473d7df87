// The sensors that wait: asks when they are due, and says how their attempts end.
//
// What waits costs nothing: a turn looks at what is due, what has been answered and what has changed. It forgets
// everything at the end of the scheduler's leadership; the next leader gives it what is stored.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "pipelined/base/clock.h"
#include "pipelined/lifecycle/poke.h"
#include "pipelined/ports/prober.h"
#include "pipelined/ports/store.h"
#include "pipelined/scheduler/launch.h"
#include "scheduler/sensors/file_watch.h"

namespace pipelined {

// A parked attempt, as it is stored.
struct WaitingSensor {
  AttemptId attempt;
  DagPtr dag;
  TaskNo task = 0;
  Value job;        // see AskSensor()
  Instant since{};  // when the attempt was opened
};

// A run as sensors name it: by its id, or by its date.
struct RunName {
  std::string dag_id, run_id;
  std::optional<Instant> logical_date;
};

// How long sensors have waited, and when they look again, is counted in monotonic time, however the wall clock is set;
// that of `time` and `delta` is the wall clock's. A restart knows the instant only at which each began.
//
// From the scheduler's thread. References must outlive the object.
class SensorHost {
 public:
  // `prober`: nullptr: nobody asks; what would need one cannot be answered. `connection`: for what it asks, looked up
  // anew each time.
  SensorHost(const Clock& clock, Prober* prober, LookUpConnection connection = nullptr);
  ~SensorHost();
  SensorHost(const SensorHost&) = delete;
  SensorHost& operator=(const SensorHost&) = delete;

  // A look is due at once: its first one, or (after a restart) one for what nobody saw meanwhile.
  void Add(WaitingSensor sensor);
  void Remove(AttemptId attempt);  // unknown ones too
  void Clear();
  std::size_t size() const { return waiting_.size(); }

  // The run has changed, or a task of it has ended: those that look at it look now. Costs nothing when there is none.
  bool LooksAtRuns() const { return !by_run_.empty(); }
  bool LooksAtTasks() const { return !by_task_.empty(); }
  void NoteRun(const RunName& run);
  void NoteTask(const RunName& run, const std::string& task_id);
  // An event of that asset was stored.
  void NoteEvent(const std::string& uri);

  // Takes in what was answered, asks what is due, and answers which attempts end, each once. kUnavailable: the store
  // is away.
  Result<std::vector<AttemptFinished>> Step(Store& store, Instant now);
  // Throws away what was answered: while standing by.
  void Drain();

  // When Step() has something to do without being woken; nothing: never.
  std::optional<Instant> NextDue() const;
  int PollFd() const { return poll_; }  // readable when Step() may have something

  // For people: what it waits for, since when, and when it looks next. Empty: it does not wait.
  std::string Explain(AttemptId attempt) const;

 private:
  using Lists = std::unordered_map<std::string, std::unordered_set<AttemptId>>;
  struct Entry {
    WaitingSensor what;
    Poke poke;              // the next look; the one under way while `asked`
    Instant due{};          // its key in due_
    bool asked = false;     // … and not answered yet
    bool last = false;      // no look follows
    std::string said = {};  // by the last look
    Micros moved{0};        // how far the wall clock was set since it began to wait
    const SensorSpec& spec() const { return *what.dag->tasks[what.task].sensor; }
    Instant since() const { return what.since + moved; }
  };
  using Ends = std::vector<AttemptFinished>;

  void SetDue(Entry& entry, Instant at);
  void FollowClock(Instant now);
  void Move(Entry& entry, Micros by);
  // Whose answers the store has: asked all at once.
  struct ForStore {
    std::vector<AttemptId> runs, assets;
  };
  void Due(Entry& entry, Instant now, ForStore& for_store, Ends& ends);
  void AskProber(Entry& entry, Instant now, Ends& ends);
  void TakeAnswers(Instant now, Ends& ends);
  Status LookAtAssets(Store& store, const std::vector<AttemptId>& attempts, Instant now, Ends& ends);
  Status LookAtRuns(Store& store, const std::vector<AttemptId>& attempts, Instant now, Ends& ends);
  void Take(Entry& entry, Sighting sighting, Instant now, Ends& ends);
  void GoOn(Entry& entry, Instant now, std::optional<Instant> look_at);
  void End(Entry& entry, TryOutcome outcome, Instant now, std::string message, Value outputs, Ends& ends);
  void TimeOut(Entry& entry, Instant now, Ends& ends);
  Entry* Find(AttemptId attempt);
  void LookNow(const Lists& lists, const std::string& name);
  void Watch(int fd) const;

  const Clock& clock_;
  std::optional<Instant> epoch_;  // what the wall clock said when the monotonic one began
  Prober* const prober_;
  const LookUpConnection connection_;
  FileWatch files_;
  const int poll_;  // epoll over files_ and prober_
  std::unordered_map<AttemptId, Entry> waiting_;
  std::set<std::pair<Instant, AttemptId>> due_;
  Lists by_run_;    // that look at it: KeyOf()
  Lists by_task_;   // of those, that look at it
  Lists by_asset_;  // that wait for its events
};

}  // namespace pipelined
