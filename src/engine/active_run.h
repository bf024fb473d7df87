// One run in memory: the states of its tasks and how they follow from each other. 48 bytes per task, 56 per instance of
// a mapped task.
#pragma once

#include <deque>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "engine/instances.h"
#include "engine/run_before.h"
#include "engine/turn.h"
#include "pipelined/engine/event.h"
#include "pipelined/lifecycle/trigger_rule.h"

namespace pipelined {

// A task (kNotMapped), or one of its instances.
using Instance = std::pair<TaskNo, std::int32_t>;

// Of a task, or of an instance of a mapped one. Once a task is expanded its own slot only counts what its instances
// have above them in common; an instance's counts only what belongs to the same mapping.
struct TaskSlot {
  TaskState state = TaskState::kNone;
  TaskState stored = TaskState::kNone;  // what the database holds
  bool candidate = false;               // already on the list of the pass under way
  bool doubtful = false;                // already on the list of what may have been let run too early
  std::int32_t try_number = 0;
  std::int32_t max_tries = 0;  // the last try that may be retried: retries, counted on from a clear
  std::uint32_t success = 0, failed = 0, skipped = 0, upstream_failed = 0,
                removed = 0;  // direct upstreams in that state
  std::uint32_t more = 0;     // direct upstreams beyond those of the DAG: instances
  std::uint32_t change = 0;   // 1 + its place in the plan under construction; 0: not in it
  AttemptId attempt;
};

class ActiveRun {
 public:
  ActiveRun(RunInfo info, DagPtr dag);

  // Takes over what the store holds. Call Begin() afterwards.
  void Restore(const std::vector<StoredTask>& tasks, const std::vector<StoredLength>& lengths);

  // Until it begins a run has no slots: thousands may be queued. Called by whatever needs them.
  void Materialize();

  // Decides every task that can be decided now. O(tasks); for the start of a run and after a restart.
  void Begin(Turn& turn);

  // Moves one task and everything that follows from it, level by level: all tasks of a level are decided against the
  // states before it, as Airflow does. False when the transition table refuses (the event is stale).
  bool Move(Turn& turn, SlotNo slot, TaskEvent event);
  // The delay of a retry is over: the task is decided again, as what is above it may have been cleared meanwhile.
  bool RetryDue(Turn& turn, SlotNo slot);

  // The length that was asked for with Plan::wanted; not more than the limit.
  void Expand(Turn& turn, const MappingLength& length);
  // It comes too late: the run asks again when it goes on.
  void DropLength(std::uint32_t mapping);

  // A task that decides has succeeded: what it does not go on with is skipped at once, with everything that follows.
  // Tasks that run, or have run, are left alone. Answers the attempts of cleared tasks that are still being stopped:
  // they are nobody's any more.
  std::vector<AttemptId> Conclude(Turn& turn, SlotNo slot, const Decision& decision);

  // The same without what follows; EndUnfinished() must come next.
  bool MoveAlone(Turn& turn, SlotNo slot, TaskEvent event) { return Assign(turn, slot, event); }
  // A task has succeeded by itself, and gave `outputs`: each of its outlets has changed.
  void NoteOutlets(Turn& turn, SlotNo slot, const Value& outputs) const;

  // Ends everything unfinished: running tasks take `running`, waiting ones are skipped. Answers the attempts to stop.
  enum class Spare : std::uint8_t { kNothing, kTeardowns };
  std::vector<AttemptId> EndUnfinished(Turn& turn, TaskEvent running, const Cause& why, Spare spare = Spare::kNothing);

  // What people decide about one task or instance, with nothing that follows from it: Settle() must come next. In the
  // plan it is a change of its own. False when the transition table refuses.
  bool Steer(Turn& turn, SlotNo slot, TaskEvent event, const Cause& why);
  // Steer() to be run again: its tries count on from here. Its old attempt, when it was running, is to be stopped.
  bool Clear(Turn& turn, SlotNo slot, const Cause& why);
  // Whether a branch, or a short circuit, directly above it decided that it is skipped, and its own rule did not. (One
  // that has run before may have skipped itself: that is not told apart, and it is taken to have.)
  bool WasNotFollowed(SlotNo slot) const;
  // Mapped tasks of which instances are cleared together with what they are mapped over: they are expanded again when
  // it is there. Their instances stay until then. Before the clear itself.
  void ExpandAgain(Turn& turn, const std::vector<SlotNo>& cleared);
  // The attempt of a task that was cleared while it ran has ended: it is decided again.
  void EndRestart(Turn& turn, SlotNo slot);
  // Draws the consequences of what was steered. Those of a run that has not begun are drawn when it does.
  void Settle(Turn& turn);
  // The slots that a task stands for: its own, or those of its instances.
  std::vector<SlotNo> SlotsOf(TaskNo task) const;

  // What may not start yet, because an old attempt of it is still being stopped.
  // Answers to what was asked for, and the ends of what was being stopped, came or come to a run that has ended.
  void Forget();
  void Hold(Instance instance) { held_.insert(instance); }
  void Release(Turn& turn, Instance instance);
  bool HeldTaskWaits() const;
  bool IsHeld(SlotNo slot) const { return !held_.empty() && held_.contains(InstanceOf(slot)); }
  Instance InstanceOf(SlotNo slot) const { return {TaskOf(slot), MapIndexOf(slot)}; }

  // While held (its DAG is paused) empty tasks wait as all others do.
  void HoldEmptyTasks(bool hold) { hold_empty_ = hold; }
  void ReleaseEmptyTasks(Turn& turn);

  // --- tasks that depend on the past
  // Whether the run before does not let the task, or the instance, run yet; if so, it is held until LookAgain().
  bool IsHeldBack(SlotNo slot);
  // Asked right before its start, as a run with an earlier date may have come, or the run before may have been cleared,
  // since it was let run. False: it waits again.
  bool MayStillStart(Turn& turn, SlotNo slot);
  // Tasks that are held may be let go on, with all of their instances.
  void LookAgain(Turn& turn, const std::vector<TaskNo>& tasks);
  bool IsHeldByPast(SlotNo slot) const { return held_by_past_.contains({TaskOf(slot), slot}); }
  bool HoldsForPast(TaskNo task) const;  // the task or some instance of it
  std::vector<TaskNo> held_by_past() const;
  // While somebody asks, tasks that have succeeded or were skipped are kept for TakeEnded().
  void CollectEnded(bool collect) { collect_ended_ = collect; }
  std::vector<TaskNo> TakeEnded();

  // The change of a task in this turn's plan, made when there is none yet.
  TaskChange& Change(Turn& turn, SlotNo slot);
  // The plan is complete: its states are what the store will hold.
  void Stored(const TaskChange& change);

  // Tasks that became scheduled since the last call and wait for a slot.
  std::vector<SlotNo> TakeScheduled();

  // Nothing runs, waits for a slot, for a retry, for its number of instances, for the run before or for an attempt that
  // is being stopped.
  bool IsOver() const {
    return active_ == 0 && asked_ == 0 && held_empty_.empty() && held_by_past_.empty() && !HeldTaskWaits();
  }
  // Valid when over. Unfinished tasks then can never start: a deadlock, which fails.
  RunEvent Outcome() const;
  bool IsDeadlocked() const { return unfinished_ > 0; }

  UpstreamCounts CountsOf(SlotNo slot) const;
  const TaskSlot& slot(SlotNo slot) const { return slots_[slot]; }
  TaskSlot& slot(SlotNo slot) { return slots_[slot]; }
  TaskNo TaskOf(SlotNo slot) const { return instances_.TaskOf(slot); }
  std::int32_t MapIndexOf(SlotNo slot) const { return instances_.MapIndexOf(slot); }
  const Task& TaskAt(SlotNo slot) const { return dag_->tasks[TaskOf(slot)]; }
  // The slot of a task (kNotMapped) or of an instance of it; nothing when there is no such instance.
  std::optional<SlotNo> Find(TaskNo task, std::int32_t map_index) const;
  const Instances& instances() const { return instances_; }
  std::size_t size() const { return slots_.size(); }  // 0: nothing is decided yet
  const Dag& dag() const { return *dag_; }
  // nullptr: it shares no limit by a key, or none that can be told.
  const TaskKeys* KeysOf(TaskNo task) const;
  const DagPtr& dag_ptr() const { return dag_; }

  RunInfo info;
  std::uint64_t life = 0;          // a run that was set back is another one to the timers of before
  std::int32_t running_tasks = 0;  // attempts under way, for max_active_tasks
  std::vector<TaskKeys> keys;      // by task
  std::vector<StoredDeadline> deadlines;
  std::unique_ptr<RunBefore> before;  // nullptr: nothing of the past is waited for

 private:
  // states (active_run.cc)
  bool Assign(Turn& turn, SlotNo slot, TaskEvent event);
  void Seal(Turn& turn, SlotNo slot);
  void Recount(SlotNo slot, TaskState from, TaskState to);
  void Propagate(Turn& turn);
  static constexpr auto kMinusOne = ~std::uint32_t{0};
  static void Tally(TaskSlot& below, TaskState state, std::uint32_t by);
  void CountForDownstreams(SlotNo slot, std::uint32_t by = 1);  // by kMinusOne: takes its finished state back
  void Tell(SlotNo below, bool taken_back);
  void Doubt(SlotNo slot);
  void Suggest(SlotNo slot);  // to be decided in the next pass
  // What waits for a slot and is not allowed any more, because a state above it was taken back, is decided again.
  void TakeBack(Turn& turn);
  void Decide(Turn& turn, SlotNo slot);
  void Follow(Turn& turn, SlotNo slot, RuleVerdict verdict);
  void FinishEmpty(Turn& turn, SlotNo slot);
  bool IsSpared(SlotNo slot, Spare spare) const { return spare == Spare::kTeardowns && TaskAt(slot).teardown; }

  // rules (active_run_rules.cc)
  RuleVerdict Ask(SlotNo slot) const;  // what rule and setups say; kWait: not decided yet
  // What setups that are not direct upstreams of the task say; kRun: nothing stands in its way.
  RuleVerdict AskSetups(SlotNo slot) const;
  RuleVerdict AskRule(SlotNo slot) const;
  bool ScopeIsDone(SlotNo teardown) const;
  void CountAbove(UpstreamCounts& counts, SlotNo slot, TaskNo above) const;

  // branches and short circuits (active_run_rules.cc)
  std::vector<TaskNo> NotFollowed(TaskNo branch, const std::vector<TaskNo>& follow) const;
  std::vector<TaskNo> Below(TaskNo task, bool all) const;  // without teardowns
  std::vector<bool> Descendants(std::vector<TaskNo> from) const;
  void SkipFor(Turn& turn, SlotNo decided, TaskNo below);
  void SkipUnlessActive(Turn& turn, SlotNo slot);

  // mapping (active_run_mapping.cc)
  void ExpandLiterals(Turn& turn);
  void AskLength(Turn& turn, SlotNo slot);
  bool SourcesSucceeded(TaskNo task) const;
  bool IsRestarting(std::uint32_t mapping) const;
  void ExpandMapping(Turn& turn, const MappingLength& length);
  void GiveInstances(Turn& turn, const std::vector<TaskNo>& tasks, const MappingLength& length);
  std::uint32_t LengthBefore(TaskNo task) const;
  void Place(Turn& turn, TaskNo task, std::uint32_t length);
  void Adjust(Turn& turn, TaskNo task, std::uint32_t had, std::uint32_t length);
  void ExpandLikeOthers(Turn& turn, TaskNo task);
  void CountByInstance(TaskNo task);
  bool MayEnd(TaskNo task) const;
  bool MayEnd(TaskNo task, SlotNo slot) const;
  bool AnyInstanceWaits(std::uint32_t mapping) const;
  void EndWithout(Turn& turn, TaskNo task, TaskEvent event, const std::string& why);
  void StoreStale(Turn& turn, TaskNo task) const;
  bool IsStale(TaskNo task) const;
  void Grow(TaskNo task, std::uint32_t more);
  void RestoreTask(const StoredTask& stored, SlotNo slot);
  void DecideInstances(Turn& turn, TaskNo task);

  DagPtr dag_;
  std::vector<TaskSlot> slots_;
  Instances instances_;
  std::vector<bool> asked_for_;       // per mapping: its length is asked for
  std::vector<bool> stale_;           // per mapping: it is to be expanded again
  std::vector<StoredTask> unplaced_;  // of instances that there are not yet: their tries
  std::vector<TaskNo> patient_;       // mapped tasks whose rule allows them before what they are mapped over is there
  std::vector<SlotNo> frontier_;      // finished, their downstreams not told yet
  std::vector<SlotNo> candidates_;    // to be decided in this pass
  std::vector<SlotNo> doubtful_;      // scheduled, and perhaps not allowed any more
  std::vector<SlotNo> scheduled_;
  std::deque<SlotNo> held_empty_;
  std::set<Instance> held_;
  std::vector<AttemptId> overtaken_;  // of Conclude()
  bool hold_empty_ = false;
  std::set<std::pair<TaskNo, SlotNo>> held_by_past_;
  std::vector<TaskNo> ended_;
  bool collect_ended_ = false;
  std::uint32_t unfinished_ = 0;
  std::uint32_t active_ = 0;         // scheduled, queued, running, deferred, restarting, up_for_retry
  std::uint32_t asked_ = 0;          // mappings whose length is asked for
  std::uint32_t failed_leaves_ = 0;  // only leaves decide the outcome
};

}  // namespace pipelined
