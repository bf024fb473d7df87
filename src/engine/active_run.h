// One run in memory: the states of its tasks and how they follow from each other. 48 bytes per task.
#pragma once

#include <deque>
#include <set>
#include <string>
#include <vector>

#include "engine/turn.h"
#include "pipelined/engine/event.h"
#include "pipelined/lifecycle/trigger_rule.h"

namespace pipelined {

struct TaskSlot {
  TaskState state = TaskState::kNone;
  TaskState stored = TaskState::kNone;  // what the database holds
  bool candidate = false;               // already on the list of the pass under way
  std::int32_t try_number = 0;
  std::int32_t max_tries = 0;  // the last try that may be retried: retries, counted on from a clear
  std::uint32_t success = 0, failed = 0, skipped = 0, upstream_failed = 0,
                removed = 0;  // direct upstreams in that state
  std::uint32_t change = 0;   // 1 + its place in the plan under construction; 0: not in it
  AttemptId attempt;
};

class ActiveRun {
 public:
  ActiveRun(RunInfo info, DagPtr dag);

  // Takes over what the store holds. Call Begin() afterwards.
  void Restore(const std::vector<StoredTask>& tasks);

  // Until it begins a run has no slots: thousands may be queued. Called by whatever needs them.
  void Materialize();

  // Decides every task that can be decided now. O(tasks); for the start of a run and after a restart.
  void Begin(Turn& turn);

  // Moves one task and everything that follows from it, level by level: all tasks of a level are decided against the
  // states before it, as Airflow does. False when the transition table refuses (the event is stale).
  bool Move(Turn& turn, TaskNo task, TaskEvent event);

  // A task that decides has succeeded: what it does not go on with is skipped at once, with everything that follows.
  // Tasks that run, or have run, are left alone.
  void Conclude(Turn& turn, TaskNo task, const Decision& decision);

  // The same without what follows; EndUnfinished() must come next.
  bool MoveAlone(Turn& turn, TaskNo task, TaskEvent event) { return Assign(turn, task, event); }

  // Ends everything unfinished: running tasks take `running`, waiting ones are skipped. Answers the attempts to stop.
  enum class Spare : std::uint8_t { kNothing, kTeardowns };
  std::vector<AttemptId> EndUnfinished(Turn& turn, TaskEvent running, const std::string& why,
                                       Spare spare = Spare::kNothing);

  // What people decide about one task, with nothing that follows from it: Settle() must come next. In the plan it is a
  // change of its own. False when the transition table refuses.
  bool Steer(Turn& turn, TaskNo task, TaskEvent event, const std::string& why);
  // Steer() to be run again: its tries count on from here. Its old attempt, when it was running, is to be stopped.
  bool Clear(Turn& turn, TaskNo task, const std::string& why);
  // Whether a branch, or a short circuit, directly above it decided that it is skipped, and its own rule did not. (One
  // that has run before may have skipped itself: that is not told apart, and it is taken to have.)
  bool WasNotFollowed(TaskNo task) const;
  // The attempt of a task that was cleared while it ran has ended: it is decided again.
  void EndRestart(Turn& turn, TaskNo task);
  // Draws the consequences of what was steered. Those of a run that has not begun are drawn when it does.
  void Settle(Turn& turn);

  // A task that may not start yet, because an old attempt of it is still being stopped.
  void Hold(TaskNo task) { held_.insert(task); }
  void Release(Turn& turn, TaskNo task);
  bool HeldTaskWaits() const;
  bool IsHeld(TaskNo task) const { return !held_.empty() && held_.contains(task); }

  // While held (its DAG is paused) empty tasks wait as all others do.
  void HoldEmptyTasks(bool hold) { hold_empty_ = hold; }
  void ReleaseEmptyTasks(Turn& turn);

  // The change of a task in this turn's plan, made when there is none yet.
  TaskChange& Change(Turn& turn, TaskNo task);
  // The plan is complete: its states are what the store will hold.
  void Stored(TaskNo task);

  // Tasks that became scheduled since the last call and wait for a slot.
  std::vector<TaskNo> TakeScheduled();

  // Nothing runs, waits for a slot or for a retry.
  bool IsOver() const { return active_ == 0 && held_empty_.empty() && !HeldTaskWaits(); }
  // Valid when over. Unfinished tasks then can never start: a deadlock, which fails.
  RunEvent Outcome() const;
  bool IsDeadlocked() const { return unfinished_ > 0; }

  UpstreamCounts CountsOf(TaskNo task) const;
  const TaskSlot& slot(TaskNo task) const { return slots_[task]; }
  TaskSlot& slot(TaskNo task) { return slots_[task]; }
  std::size_t size() const { return slots_.size(); }
  const Dag& dag() const { return *dag_; }
  const DagPtr& dag_ptr() const { return dag_; }

  RunInfo info;
  std::uint64_t life = 0;          // a run that was set back is another one to the timers of before
  std::int32_t running_tasks = 0;  // attempts under way, for max_active_tasks

 private:
  bool Assign(Turn& turn, TaskNo task, TaskEvent event);
  void Seal(Turn& turn, TaskNo task);
  void Decide(Turn& turn, TaskNo task);
  void Propagate(Turn& turn);
  void CountForDownstreams(TaskNo task, std::uint32_t by = 1);  // by ~0: takes its finished state back
  void Recount(TaskNo task, TaskState from, TaskState to);
  void FinishEmpty(Turn& turn, TaskNo task);
  void Assign(Turn& turn, TaskNo task, RuleVerdict verdict);
  void Suggest(TaskNo task);  // to be decided in the next pass
  // What setups that are not direct upstreams of the task say; kRun: nothing stands in its way.
  RuleVerdict AskSetups(TaskNo task) const;
  RuleVerdict AskRule(TaskNo task) const;
  bool ScopeIsDone(TaskNo teardown) const;
  std::vector<TaskNo> NotFollowed(TaskNo branch, const std::vector<TaskNo>& follow) const;
  std::vector<TaskNo> Below(TaskNo task, bool all) const;  // without teardowns
  std::vector<bool> Descendants(std::vector<TaskNo> from) const;
  bool IsSpared(TaskNo task, Spare spare) const { return spare == Spare::kTeardowns && dag_->tasks[task].teardown; }

  DagPtr dag_;
  std::vector<TaskSlot> slots_;
  std::vector<TaskNo> frontier_;    // finished, their downstreams not told yet
  std::vector<TaskNo> candidates_;  // to be decided in this pass
  std::vector<TaskNo> scheduled_;
  std::deque<TaskNo> held_empty_;
  std::set<TaskNo> held_;
  bool hold_empty_ = false;
  std::uint32_t unfinished_ = 0;
  std::uint32_t active_ = 0;         // scheduled, queued, running, up_for_retry
  std::uint32_t failed_leaves_ = 0;  // only leaves decide the outcome
};

}  // namespace pipelined
