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

// From the scheduler's thread. References must outlive the object.
class SensorHost {
 public:
  // `prober`: nullptr: nobody asks; what would need one cannot be answered.
  SensorHost(const Clock& clock, Prober* prober);
  ~SensorHost();
  SensorHost(const SensorHost&) = delete;
  SensorHost& operator=(const SensorHost&) = delete;

  // A look is due at once: its first one, or (after a restart) one for what nobody saw meanwhile.
  void Add(WaitingSensor sensor);
  void Remove(AttemptId attempt);  // unknown ones too
  void Clear();
  std::size_t size() const { return waiting_.size(); }

  // A run of that DAG, or a task of one, has changed: those that look at it look now. Costs nothing when there is none.
  bool LooksAtRuns() const { return !by_dag_.empty(); }
  void NoteChange(const std::string& dag_id);

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
  struct Entry {
    WaitingSensor what;
    Poke poke;              // the next look; the one under way while `asked`
    Instant due{};          // its key in due_
    bool asked = false;     // … and not answered yet
    bool last = false;      // no look follows
    std::string said = {};  // by the last look
    const SensorSpec& spec() const { return *what.dag->tasks[what.task].sensor; }
  };
  using Ends = std::vector<AttemptFinished>;

  void SetDue(Entry& entry, Instant at);
  void Due(Entry& entry, Instant now, std::vector<AttemptId>& of_runs, Ends& ends);
  void TakeAnswers(Instant now, Ends& ends);
  Status LookAtRuns(Store& store, const std::vector<AttemptId>& attempts, Instant now, Ends& ends);
  void Take(Entry& entry, Sighting sighting, Instant now, Ends& ends);
  void GoOn(Entry& entry, Instant now, std::optional<Instant> look_at);
  void End(Entry& entry, TryOutcome outcome, Instant now, std::string message, Value outputs, Ends& ends);
  void TimeOut(Entry& entry, Instant now, Ends& ends);
  Entry* Find(AttemptId attempt);
  void Watch(int fd) const;

  Prober* const prober_;
  FileWatch files_;
  const int poll_;  // epoll over files_ and prober_
  std::unordered_map<AttemptId, Entry> waiting_;
  std::set<std::pair<Instant, AttemptId>> due_;
  std::unordered_map<std::string, std::unordered_set<AttemptId>> by_dag_;  // that look at its runs
};

}  // namespace pipelined
