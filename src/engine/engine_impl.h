// What the engine is made of, shared by the files that hold its parts: engine.cc (events, runs, tasks, the turn),
// engine_commands.cc (what people ask for) and engine_time.cc (timers and schedules).
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <queue>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/active_run.h"
#include "engine/backfills.h"
#include "engine/dag_schedule.h"
#include "engine/ready_queue.h"
#include "engine/turn.h"
#include "pipelined/engine/engine.h"

namespace pipelined {

struct OpenedAttempt {
  ActiveRun* run = nullptr;  // nullptr: its task has moved on, only its slots count
  SlotNo slot = 0;
  Pool* pool = nullptr;
  std::int32_t slots = 0;
};

struct Unwritten {
  RunId run;
  std::uint64_t life = 0;  // ActiveRun::life
  SlotNo slot = 0;
  Instant since{};
};

enum class TimerKind : std::uint8_t { kRetry, kRunTimeout, kSchedule };

struct Timer {
  Instant at;
  TimerKind kind;
  RunId run;
  std::uint64_t life = 0;  // ActiveRun::life
  SlotNo slot = 0;
  std::uint64_t token = 0;  // try number or schedule generation: an older timer is stale
  std::string dag_id;
  friend bool operator<(const Timer& a, const Timer& b) { return a.at > b.at; }  // the earliest on top
};

class Engine::Impl {
 public:
  Impl(EngineLimits limits, LastIds last) : limits_(limits), last_attempt_(last.attempt), backfills_(last.backfill) {}
  Plan Apply(std::vector<Event> events, Instant now);
  std::optional<Instant> NextTimer() const;
  ActiveRun* Find(RunId id) const;
  std::size_t active_runs() const { return runs_.size(); }
  AttemptId last_attempt() const { return last_attempt_; }

 private:
  // events
  void On(Turn& turn, DagUpdated& e);
  void On(Turn& turn, RunRequested& e);
  void On(Turn&, BackfillRestored& e);
  void On(Turn& turn, RunRestored& e);
  void On(Turn& turn, MappingLength& e);
  void On(Turn&, AttemptOrphaned& e);
  void On(Turn& turn, AttemptFinished& e);
  void On(Turn&, PoolChanged& e) { queue_.SetPool(e.name, e.slots); }
  void On(Turn& turn, Command& e);

  // commands
  static void Refuse(CommandDone& done, ErrorCode code, std::string message);
  void Do(Turn& turn, PauseDag& what, const std::string& who, CommandDone& done);
  void Do(Turn& turn, DeleteDag& what, const std::string& who, CommandDone& done);
  void Do(Turn& turn, CancelRun& what, const std::string& who, CommandDone& done);
  void Do(Turn&, WhyTask& what, const std::string&, CommandDone& done);
  void Do(Turn& turn, SetPool& what, const std::string&, CommandDone&);
  void Do(Turn& turn, DeletePool& what, const std::string&, CommandDone& done);
  void Do(Turn& turn, CreateBackfill& what, const std::string& who, CommandDone& done);
  BackfillState* ActiveBackfill(BackfillId id, CommandDone& done);
  void Do(Turn& turn, PauseBackfill& what, const std::string& who, CommandDone& done);
  void Do(Turn& turn, CancelBackfill& what, const std::string& who, CommandDone& done);
  void Do(Turn& turn, ReportEnd& what, const std::string&, CommandDone&) { On(turn, what.end); }

  // runs
  ActiveRun& Enter(RunInfo info, DagPtr dag);
  ActiveRun* FindAlive(RunId id, std::uint64_t life) const;  // nullptr when it left memory, whatever came back since
  DagState& StateOf(const std::string& dag_id);
  void StartQueuedRuns(Turn& turn, DagState& dag);
  void NoteRunning(DagState& dag, const RunInfo& run);
  void MakeBackfillRuns(Turn& turn);
  void StartRun(Turn& turn, DagState& dag, ActiveRun& run);
  void SetRunTimeout(const ActiveRun& run, Instant start);
  bool MoveRun(Turn& turn, ActiveRun& run, RunEvent event, std::string why);
  void AfterChange(Turn& turn, ActiveRun& run);
  static bool MayStartTask(const DagState& dag, const ActiveRun& run);
  void RefreshRuns(Turn& turn, DagState& dag);
  void FinishRun(Turn& turn, ActiveRun& run);
  void EndRun(Turn& turn, ActiveRun& run, TaskEvent running_tasks, const std::string& why);
  void StopTasks(Turn& turn, ActiveRun& run, TaskEvent running_tasks, const std::string& why, ActiveRun::Spare spare);
  void LeaveMemory(Turn& turn, ActiveRun& run, RunEvent outcome, std::string why);
  void LeaveBackfill(DagState& dag, const RunInfo& run, bool ran);
  bool FollowUp(Turn& turn);

  // tasks
  void Occupy(ActiveRun& run, SlotNo slot, AttemptId id);
  void StartWhatFits(Turn& turn);
  void EndTry(Turn& turn, ActiveRun& run, SlotNo slot, const AttemptFinished& end);
  void SetRetryTimer(const ActiveRun& run, SlotNo slot, Instant at);

  // time
  void FireTimers(Turn& turn);
  void RetryDue(Turn& turn, const Timer& timer);
  void RunTimedOut(Turn& turn, const Timer& timer);
  void Reschedule(Turn& turn, DagState& dag);
  void ScheduleDue(Turn& turn, const Timer& timer);
  static DueRun DueNow(const DagState& dag, Instant now);
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
  ReadyQueue queue_;
  std::priority_queue<Timer> timers_;
  std::deque<Unwritten> unwritten_;   // scheduled, row not written yet; the first to wait in front
  Instant rows_written_{};            // when rows of waiting tasks were last written
  std::vector<std::string> created_;  // DAGs with new runs in the last plan
  std::vector<std::string> roomier_;  // DAGs that may begin or make another run
  Backfills backfills_;
  std::uint64_t lives_ = 0;               // of runs that entered memory
  std::vector<BackfillId> perhaps_over_;  // runs of theirs have ended in this turn, or were made in the last one
  std::vector<AttemptId> orphans_;
  std::vector<std::unique_ptr<ActiveRun>> leaving_;  // ended in this turn
};

}  // namespace pipelined
