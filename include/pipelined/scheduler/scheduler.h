// The scheduler: the one loop that takes in what happened, lets the engine decide, stores the plan in one transaction
// and only then carries it out. Also leadership and recovery: while another scheduler leads it stands by, and whenever
// a commit fails it forgets what it knew and starts again from the store.
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "pipelined/base/rollout.h"
#include "pipelined/base/clock.h"
#include "pipelined/engine/engine.h"
#include "pipelined/ports/executor.h"
#include "pipelined/ports/store.h"
#include "pipelined/scheduler/dag_cache.h"
#include "pipelined/scheduler/launch.h"
#include "pipelined/timetable/zone.h"

namespace pipelined {

class Expansions;
class Prober;
class PutOff;
class SensorHost;
class Standby;

struct SchedulerOptions {
  std::string holder;  // this process, in the lease: unique
  EngineLimits limits;
  Micros lease_ttl = std::chrono::seconds(10);
  Micros standby_interval =
      std::chrono::seconds(1);  // how often a standby asks for the lease, and a reconnect is tried
  LaunchOptions launch;
  Prober* prober = nullptr;  // for sensors that ask others; must outlive the scheduler; nullptr: those are not answered
  Rollout notifications = {"notifications"};  // DAGs whose news make notifications
  // Called in the scheduler's thread when it begins to lead (with the epoch) and when it stops leading.
  std::function<void(std::int64_t epoch)> on_lead;
  std::function<void()> on_step_down;
  // Called once, when another scheduler is found to lead.
  std::function<void()> on_standby;
  // Each plan after it was stored; for progress output. May be empty.
  std::function<void(const Plan&)> on_plan;
  // How long each turn took that had something to store, and how much of it the store. May be empty.
  std::function<void(Micros turn, Micros store)> on_turn;
};

// Turns a stored version back into a DAG.
using ParseVersion = std::function<Result<DagPtr>(const DagSource&)>;

class Scheduler {
 public:
  Scheduler(SchedulerOptions options, Store& store, Executor& executor, const ZoneSource& zones, ParseVersion parse,
            const Clock& clock);
  ~Scheduler();

  // Runs until Stop(); returns kUnavailable only when it could not even begin. Tasks in flight go on afterwards, under
  // their supervisors.
  Status Run();

  // One step of Run() without the sleep: asks for leadership, or takes one turn. For simulation.
  void Step();
  bool leading() const { return leading_; }
  // When Step() has something to do without any event.
  std::optional<Instant> NextTimer() const;

  // From any thread or signal handler. With `stop_tasks` the attempts of this executor are ended first.
  void Stop(bool stop_tasks = false);

  // A DAG that was loaded or changed; `dag`, when given, is its current version, which then need not be read again.
  struct PostedDag {
    StoredDag stored;
    DagPtr dag;
  };
  // From the loader's thread.
  void Post(std::vector<PostedDag> dags);

 private:
  struct Wakeups;

  void Wait();
  void ArmTimer();
  Status Lead();
  void StepDown(const std::string& why);
  void Recover(const Error& error);
  void Turn();
  Plan Apply(std::vector<Event> events);
  Status TakePosted(std::vector<Event>& events);
  Status TakeEnds(std::vector<Event>& events);
  Status TakeInbox(std::vector<Event>& events);
  Status TakeCommands(std::vector<Event>& events);
  // kUnavailable: the version could not be read now. One that can never be read is passed over.
  Status Enter(const RestoredRun& stored, std::vector<Event>& events);
  Status ReadFacts(CreateBackfill& backfill);
  Result<std::optional<PastRun>> ReadPast(const RunInfo& run, const Dag& dag);
  Result<RunRequested> Requested(const RestoredRun& stored, DagPtr dag);
  Status ReadRecent(DagHead& head);
  Status ReadSteeringFacts(Command& command);
  Result<SteeringFactsPtr> ReadRuns(const RunChoice& choice, bool latest);
  void CarryOut(const Plan& plan);
  std::vector<AttemptOpened> NotStopped(const Plan& plan);
  void StartAttempts(const std::vector<AttemptOpened>& opened);
  // It never starts, or later: see Postpone().
  void NotStarted(const AttemptOpened& attempt, const Error& why);
  template <class What>
  void Postpone(const What& what, const Error& why);
  Status ReadFor(LaunchRequest& request);
  // A task makes a run, or is a sensor: asks the engine for it. kUnavailable: not now.
  Status Ask(const LaunchRequest& request, const AttemptOpened& attempt);
  void AskAgain(const Plan& plan, const Committed& committed);
  // Sensors: what has been seen, and what begins to wait.
  Status TakeSightings(std::vector<Event>& events);
  void CarryOutWaits(const Plan& plan);
  void RestoreWaits(const RestoredRun& stored, const DagPtr& dag);
  // Of an end: can what it says be taken, and does its task go on for another iteration?
  Status Judge(AttemptFinished& end);
  AttemptFinished Undone(AttemptId attempt, TryOutcome outcome, std::string message) const;
  void ExpandWanted(const std::vector<LengthWanted>& wanted);
  Status Expand(const LengthWanted& wanted, MappingLength& answer);
  Status ReadExpansion(LaunchRequest& request);
  Status RestoreRuns(const Snapshot& snapshot, std::vector<Event>& events);
  Status Reattach(const Snapshot& snapshot);
  Status KeepLease();
  void StopTasks();
  Result<DagPtr> VersionOf(VersionId version);
  DagHead HeadOf(const StoredDag& dag);
  void TakeZones(std::vector<Event>& events);
  void RetryUnscheduled(std::vector<Event>& events);
  void Remember(const StoredDag& dag);

  SchedulerOptions options_;
  Store& store_;
  Executor& executor_;
  const ZoneSource& zones_;
  ParseVersion parse_;
  const Clock& clock_;

  std::unique_ptr<Wakeups> wakeups_;
  std::unique_ptr<Standby> standby_;
  std::atomic<bool> stopping_{false};
  std::atomic<bool> stop_tasks_{false};

  bool leading_ = false;
  bool stood_by_ = false;
  Lease lease_;
  Micros renewed_{0};
  Micros turned_{0};             // when the last turn began
  Micros polled_{0};             // when the store was last asked for what others wrote
  std::optional<Micros> asked_;  // when the lease was last asked for
  std::string complaint_;        // why it could not be had, as last logged
  Engine engine_{EngineLimits{}};
  std::vector<Event> inbox_;                               // for the next turn
  std::deque<Command> commands_;                           // asked for, and not yet given to the engine
  std::vector<AttemptId> ended_;                           // reported in this turn, to be forgotten when it is stored
  std::unordered_set<AttemptId> in_flight_;                // started here and not ended
  std::vector<AttemptOpened> unstarted_;                   // found by Reattach: committed, never started
  std::unordered_map<AttemptId, AttemptOpened> run_asks_;  // for a run, which is not stored yet
  bool met_ = false;      // the engine has taken in what was loaded when this scheduler began to lead
  bool notified_ = true;  // somebody may have written something
  DagCache versions_;
  std::unique_ptr<Expansions> expansions_;
  std::unique_ptr<PutOff> put_off_;  // until what it needs can be read
  std::unique_ptr<SensorHost> sensors_;
  // DAGs whose schedule stands on files that may change: a time zone, a calendar.
  std::unordered_map<std::string, StoredDag> on_files_;
  std::unordered_set<std::string> unscheduled_;  // of them: their timetable could not be made yet
  std::uint64_t zones_seen_ = 0;                 // which changes of those files were looked at
  Micros zones_looked_{0};                       // … and when

  std::mutex posted_mutex_;
  std::vector<PostedDag> posted_;  // guarded by posted_mutex_
};

}  // namespace pipelined
