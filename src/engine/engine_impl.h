// What the engine is made of, shared by the files that hold its parts: engine.cc (events, runs, tasks, the turn),
// engine_commands.cc (what people ask for), engine_steer.cc (clear and mark), engine_limits.cc (starts and what they
// hold), engine_time.cc (timers and schedules), and notices.cc (who is to be told).
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <queue>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/active_run.h"
#include "engine/backfills.h"
#include "engine/dag_schedule.h"
#include "engine/past_chain.h"
#include "engine/ready_queue.h"
#include "engine/turn.h"
#include "engine/why.h"
#include "pipelined/engine/engine.h"

namespace pipelined {

struct OpenedAttempt {
  ActiveRun* run = nullptr;  // nullptr: its task has moved on, only what it holds counts
  SlotNo slot = 0;
  Hold hold;
  RunId of{};  // whose it is, also when that has moved on
  Instance instance{};
  RunId child{};          // the run that it has made
  bool parked = false;    // it waits: it has no process, and takes nothing of any limit any more
  std::int32_t asks = 0;  // for one that is there already
  Instant opened{};       // after a restart: when it was taken up again
};

// A task that does not wait for its concurrency key, and whose turn has come in this turn.
struct Newcomer {
  RunId run;
  std::uint64_t life = 0;  // ActiveRun::life
  SlotNo slot = 0;
};

// A run that a command concerns, and which of its tasks.
struct SteeredRun {
  ActiveRun* run = nullptr;
  std::unique_ptr<ActiveRun> owned;  // made from what is stored: it has ended, and is not in memory
  std::optional<PastRun> past;       // the run before it
  const RunRestored* stored = nullptr;
  std::vector<SlotNo> slots;
  bool rebased = false;  // it is to go on with the version that `owned` has
};

struct Unwritten {
  RunId run;
  std::uint64_t life = 0;  // ActiveRun::life
  SlotNo slot = 0;
  Instant since{};
};

enum class TimerKind : std::uint8_t { kRetry, kRunTimeout, kSchedule, kDeadline, kParkedTimeout };

struct Timer {
  Instant at;
  TimerKind kind;
  RunId run;
  std::uint64_t life = 0;  // ActiveRun::life
  SlotNo slot = 0;
  std::uint64_t token =
      0;  // try number, number of the deadline, schedule generation or attempt: an older timer is stale
  std::string dag_id;
  friend bool operator<(const Timer& a, const Timer& b) { return a.at > b.at; }  // the earliest on top
};

class Engine::Impl {
 public:
  Impl(EngineLimits limits, LastIds last)
      : limits_(limits), last_attempt_(last.attempt), queue_(limits.aging), backfills_(last.backfill) {}
  Plan Apply(std::vector<Event> events, Instant now);
  std::optional<Instant> NextTimer() const;
  ActiveRun* Find(RunId id) const;
  std::optional<AttemptOpened> FindAttempt(AttemptId id) const;
  std::optional<AttemptId> ParkedOf(RunId id, const std::string& task_id, std::int32_t map_index) const;
  std::size_t active_runs() const { return runs_.size(); }
  AttemptId last_attempt() const { return last_attempt_; }
  std::size_t shared_limits() const { return queue_.gates(); }

 private:
  // events
  void On(Turn& turn, DagUpdated& e);
  void On(Turn& turn, RunRequested& e);
  void On(Turn&, BackfillRestored& e);
  void On(Turn& turn, RunRestored& e);
  void On(Turn& turn, MappingLength& e);
  void On(Turn&, AttemptOrphaned& e);
  void StoppedAtLast(Turn& turn, const OpenedAttempt& attempt);
  void On(Turn& turn, AttemptFinished& e);
  void On(Turn& turn, RunAsked& e);
  void On(Turn& turn, SensorAsked& e);
  void On(Turn&, PoolChanged& e) { queue_.SetPool(e.name, e.slots, e.include_deferred); }
  void On(Turn&, RateStarted& e) { queue_.RestoreStart(e.key, e.at, e.window); }
  void On(Turn& turn, Command& e);

  // commands
  static void Refuse(CommandDone& done, ErrorCode code, std::string message);
  void Do(Turn& turn, PauseDag& what, const std::string& who, CommandDone& done);
  void EndQueued(Turn& turn, ActiveRun& run, const Cause& why);
  void Do(Turn& turn, DeleteDag& what, const std::string& who, CommandDone& done);
  void Do(Turn& turn, CancelRun& what, const std::string& who, CommandDone& done);
  void Do(Turn&, WhyTask& what, const std::string&, CommandDone& done);
  void Do(Turn&, ListQueue& what, const std::string&, CommandDone& done);
  WhyContext ContextOf(const ActiveRun& run);
  std::string NameOf(AttemptId attempt) const;
  void Do(Turn& turn, SetPool& what, const std::string& who, CommandDone&);
  void Do(Turn& turn, DeletePool& what, const std::string& who, CommandDone& done);
  void Do(Turn& turn, CreateBackfill& what, const std::string& who, CommandDone& done);
  BackfillState* ActiveBackfill(BackfillId id, CommandDone& done);
  void Do(Turn& turn, PauseBackfill& what, const std::string& who, CommandDone& done);
  void Do(Turn& turn, CancelBackfill& what, const std::string& who, CommandDone& done);
  void Do(Turn& turn, ReportEnd& what, const std::string&, CommandDone&);

  // clear and mark
  void Do(Turn& turn, ClearTasks& what, const std::string& who, CommandDone& done);
  void Do(Turn& turn, MarkTasks& what, const std::string& who, CommandDone& done);
  void Do(Turn& turn, MarkRun& what, const std::string& who, CommandDone& done);
  void Do(Turn& turn, SetNote& what, const std::string& who, CommandDone&);
  void Do(Turn& turn, DeleteRun& what, const std::string& who, CommandDone& done);
  void Do(Turn& turn, EditOutput& what, const std::string&, CommandDone&);
  SteeredRun LookAt(const RunRestored& stored) const;
  std::vector<SteeredRun> LookAt(const SteeringFactsPtr& facts, CommandDone& done) const;
  bool Rebase(SteeredRun& steered, const SteeringFacts& facts, CommandDone& done) const;
  void Clear(Turn& turn, ActiveRun& run, const std::vector<SlotNo>& slots, const Cause& why);
  void Mark(Turn& turn, ActiveRun& run, SlotNo slot, TaskState state, const Cause& why);
  bool SetTasks(Turn& turn, ActiveRun& run, TaskState state, const Cause& why);
  void SettleRun(Turn& turn, SteeredRun& steered, bool requeue, const Cause& why);
  ActiveRun& TakeIn(SteeredRun& steered);
  void GoOn(Turn& turn, SteeredRun& steered, const Cause& why);
  void KeepForTurn(SteeredRun& steered);
  void Requeue(Turn& turn, ActiveRun& run, const Cause& why);

  // runs
  void Queue(DagState& dag, const RunInfo& run);
  void TakeUp(Turn& turn, ActiveRun& run, const std::vector<StoredTask>& tasks,
              const std::vector<StoredLength>& lengths);
  void StopRunning(DagState& dag, const RunInfo& run);
  ActiveRun& Enter(RunInfo info, DagPtr dag, const std::optional<PastRun>& past);
  ActiveRun& Enter(RunId id, std::unique_ptr<ActiveRun> entering, const std::optional<PastRun>& past);
  ActiveRun* FindOrLeaving(RunId id) const;                  // also one that has ended in this turn
  ActiveRun* FindAlive(RunId id, std::uint64_t life) const;  // nullptr when it left memory, whatever came back since
  DagState& StateOf(const std::string& dag_id);
  void StartQueuedRuns(Turn& turn, DagState& dag);
  void NoteRunning(DagState& dag, const RunInfo& run);
  void MakeBackfillRuns(Turn& turn);
  void StartRun(Turn& turn, DagState& dag, ActiveRun& run);
  void SetRunTimeout(const ActiveRun& run, Instant start);
  bool MoveRun(Turn& turn, ActiveRun& run, RunEvent event, Cause why);
  // `since`: when the tasks whose turn has come began to wait; nothing: now.
  void AfterChange(Turn& turn, ActiveRun& run, std::optional<Instant> since = std::nullopt);
  static bool MayStartTask(const DagState& dag, const ActiveRun& run);
  void RefreshRuns(Turn& turn, DagState& dag);
  void FinishRun(Turn& turn, ActiveRun& run);
  void EndRun(Turn& turn, ActiveRun& run, TaskEvent running_tasks, const Cause& why);
  void StopTasks(Turn& turn, ActiveRun& run, TaskEvent running_tasks, const Cause& why, ActiveRun::Spare spare);
  void LeaveMemory(Turn& turn, ActiveRun& run, RunEvent outcome, Cause why);
  void LeaveBackfill(DagState& dag, const RunInfo& run);
  bool FollowUp(Turn& turn);
  bool MustFollowUp() const;
  void LookAgain(Turn& turn);

  // limits
  void Occupy(ActiveRun& run, SlotNo slot, AttemptId id);
  void Opened(ActiveRun& run, SlotNo slot, AttemptId id, Hold hold);
  void Abandon(Turn& turn, AttemptId id);
  void StartWhatFits(Turn& turn);
  void Start(Turn& turn, const ReadyQueue::Next& next);
  void NoteKeys(Turn& turn, const ActiveRun& run, const AttemptOpened& opened) const;
  void ResolveConflicts(Turn& turn);
  void GiveWay(Turn& turn, ActiveRun& run, SlotNo slot, Gate& key);

  // tasks
  void FailForGood(Turn& turn, ActiveRun& run, SlotNo no, Instant end, const std::string& why);
  void EndTry(Turn& turn, ActiveRun& run, SlotNo slot, const AttemptFinished& end);
  bool Repeats(Turn& turn, ActiveRun& run, SlotNo slot, const AttemptFinished& end);
  void TryAgain(Turn& turn, ActiveRun& run, SlotNo slot, Instant at, std::string why);
  void SetRetryTimer(const ActiveRun& run, SlotNo slot, Instant at);

  // tasks that make runs
  static const TriggerSpec& SpecOf(const OpenedAttempt& attempt);
  bool MayTakeOver(Turn& turn, OpenedAttempt& attempt, const RunAsked& e);
  void AdoptChild(const RunInfo& child);
  void NoteEnd(const RunInfo& child);
  void SettleParents(Turn& turn);
  void DropChild(Turn& turn, AttemptId id, const OpenedAttempt& attempt, const Cause& why);
  std::string ExplainChild(const OpenedAttempt& attempt) const;

  // what waits without a process (parked.cc)
  static AttemptFinished EndOf(AttemptId attempt, TryOutcome outcome, Instant now, std::string message = {});
  void FinishAttempt(Turn& turn, AttemptFinished end);
  static bool IsToStop(const OpenedAttempt& attempt);
  void Park(Turn& turn, OpenedAttempt& attempt, AttemptId id, Instant since);
  void SetParkedTimer(const OpenedAttempt& attempt, AttemptId id, Instant since);
  void RestoreParked(Turn& turn, ActiveRun& run, SlotNo slot, const StoredTask& task);
  bool StopParked(Turn& turn, AttemptId id, const Cause& why);
  void ParkedTimedOut(Turn& turn, const Timer& timer);
  std::optional<Value> ExplainParked(const ActiveRun& run, SlotNo slot, const std::string& told) const;

  // time
  void FireTimers(Turn& turn);
  void RetryDue(Turn& turn, const Timer& timer);
  void RunTimedOut(Turn& turn, const Timer& timer);
  void Reschedule(Turn& turn, DagState& dag);
  void ScheduleDue(Turn& turn, const Timer& timer);
  static DueRun DueNow(const DagState& dag, Instant now);
  // the rules for runs as a whole (run_rules.cc)
  void SetDeadlines(Turn& turn, ActiveRun& run, const std::vector<StoredDeadline>& stored,
                    const std::vector<std::optional<Micros>>& averages);
  static void EndDeadline(Turn& turn, ActiveRun& run, StoredDeadline& deadline, DeadlineState state);
  void DeadlineDue(Turn& turn, const Timer& timer);
  static void CloseDeadlines(Turn& turn, ActiveRun& run);
  void PauseAfterFailures(Turn& turn, DagState& dag);
  void HoldPaused(Turn& turn);
  bool MakeRoomForSlot(Turn& turn, DagState& dag, const DueRun& due);
  void SkipSlot(Turn& turn, DagState& dag, const DueRun& due);
  void CancelForSlot(Turn& turn, DagState& dag, const DueRun& due);

  // who is to be told (notices.cc)
  static void TellOfRun(Turn& turn, const ActiveRun& run, const RunChange& change, bool marked);
  static void TellOfRetry(Turn& turn, const ActiveRun& run, SlotNo slot, const AttemptFinished& end);
  static void TellOfDeadline(Turn& turn, const ActiveRun& run, const StoredDeadline& deadline);
  void TellOfTasks(Turn& turn) const;

  void ForgetNewRuns();
  void CompleteBackfills(Turn& turn);

  // the end of a turn
  Instant RowsDue() const;
  bool StillUnwritten(const Unwritten& waiting) const;
  void WriteScheduledRows(Turn& turn);
  void CloseTurn(Turn& turn);

  EngineLimits limits_;
  AttemptId last_attempt_;
  std::int32_t running_ = 0;
  std::unordered_map<std::string, DagState> dags_;
  std::unordered_map<RunId, std::unique_ptr<ActiveRun>> runs_;
  std::unordered_map<AttemptId, OpenedAttempt> attempts_;
  std::unordered_map<RunId, std::set<Instance>>
      stopping_;  // tasks that moved on while an attempt of theirs is still open
  ReadyQueue queue_;
  std::priority_queue<Timer> timers_;
  std::deque<Unwritten> unwritten_;   // scheduled, row not written yet; the first to wait in front
  Instant rows_written_{};            // when rows of waiting tasks were last written
  std::vector<std::string> created_;  // DAGs with new runs in the last plan
  std::vector<std::string> roomier_;  // DAGs that may begin or make another run
  Backfills backfills_;
  PastChain past_;
  std::vector<std::string> just_paused_;  // DAGs, by their failures
  std::uint64_t lives_ = 0;               // of runs that entered memory
  std::vector<BackfillId> perhaps_over_;  // runs of theirs have ended in this turn, or were made in the last one
  bool tells_of_tasks_ = false;           // some run that has been in memory wants to
  std::vector<Newcomer> newcomers_;
  std::vector<AttemptId> orphans_;
  std::vector<std::pair<AttemptId, StoredChild>> settled_;  // their runs have ended, or need not be waited for
  std::vector<std::pair<RunId, Cause>> doomed_;             // sub-runs whose task has ended, and why
  // Runs to be set back once nothing of them is being stopped, and who asked: several may.
  std::unordered_map<RunId, std::vector<RunAsked>> asked_later_;
  std::vector<std::unique_ptr<ActiveRun>> leaving_;  // ended in this turn
};

}  // namespace pipelined
