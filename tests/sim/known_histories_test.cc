// Histories that the model checker has found, as it printed them: each broke a promise once.
#include <gtest/gtest.h>

#include "sim/checker/world.h"

namespace pipelined::sim {
namespace {

// The try that failed was not stored when the next one was due in the same turn: the history had a gap.
TEST(KnownHistory, ARetryWithoutDelayWhileItsDagIsPaused) {
  History history;
  Task* task = nullptr;
  DagSpec& d1 = history.AddDag("d1");
  task = &d1.Add("t0");
  task->retry.retries = 1;
  task->retry.delay = Seconds(0);
  history.steps = {
      Do(StepKind::kTrigger, "d1"),
      Turn(0),
      Do(StepKind::kPause, "d1"),
      End(1, "t0", AttemptOutcome::kFailed, 1),
      Turn(0),
  };
  EXPECT_EQ(FaultOf(history), "");
}

// A slot had made a run although there was no room; after the restart the one that waited began beside the one that
// ran.
TEST(KnownHistory, ARestartWithARunThatWaitsBehindALaterOne) {
  History history;
  history.parallelism = 1;
  DagSpec& d1 = history.AddDag("d1");
  d1.Add("t0");
  d1.Add("t3");
  d1.dag.max_active_runs = 1;
  d1.dag.schedule = Hourly();
  history.steps = {
      Do(StepKind::kTrigger, "d1"),
      Turn(0),
      End(1, "t0", AttemptOutcome::kSucceeded),
      Turn(0),
      Do(StepKind::kDoubt),
      Turn(200),
      Turn(200),
      Do(StepKind::kTrigger, "d1"),
      Turn(0),
      End(1, "t3", AttemptOutcome::kSucceeded),
      Turn(0),
      Do(StepKind::kCrash),
  };
  EXPECT_EQ(FaultOf(history), "");
}

// The room for a scheduled run was asked for when its slot was worked out, and not when it was due.
TEST(KnownHistory, ASlotThatIsDueWhileARunByHandTakesTheRoom) {
  History history;
  DagSpec& d1 = history.AddDag("d1");
  d1.Add("t0");
  d1.dag.max_active_runs = 1;
  d1.dag.schedule = Hourly();
  history.steps = {
      Do(StepKind::kTrigger, "d1"),
      Turn(200),
      Turn(200),
  };
  EXPECT_EQ(FaultOf(history), "");
}

// Of tasks that are mapped together over nothing, all were skipped as soon as the rule of one allowed it.
TEST(KnownHistory, MappedTogetherOverNothingBelowATaskThatFails) {
  History history;
  DagSpec& d2 = history.AddDag("d2");
  d2.Add("t0");
  d2.Add("t1", {"t0"});
  d2.Add("t2");
  d2.mapped.push_back(MappedSpec{{"t2", "t1"}, 0, true});
  history.steps = {
      Do(StepKind::kTrigger, "d2"),
      Turn(0),
      Turn(0),
      End(1, "t0", AttemptOutcome::kFailed, 1),
  };
  EXPECT_EQ(FaultOf(history), "");
}

// The second command of the turn met the ended run as it was stored before the first: the plan was refused, again and
// again.
TEST(KnownHistory, AnEndedRunIsMarkedAndClearedInOneTurn) {
  History history;
  DagSpec& d1 = history.AddDag("d1");
  d1.Add("t2");
  history.steps = {
      Do(StepKind::kTrigger, "d1"),
      Turn(0),
      End(1, "t2", AttemptOutcome::kFailed, 99),
      Turn(0),
      Steer(StepKind::kMarkFailed, 1, "", 0),
      Steer(StepKind::kClear, 1, "t2", 0),
  };
  EXPECT_EQ(FaultOf(history), "");
}

// A task that had been let run and waited for a slot was not asked again.
TEST(KnownHistory, ATaskIsMarkedAboveOneThatWaitsForASlot) {
  History history;
  Task* task = nullptr;
  DagSpec& d1 = history.AddDag("d1");
  d1.Add("t1");
  task = &d1.Add("t4", {"t1"});
  task->pool = "small";
  history.steps = {
      Do(StepKind::kTrigger, "d1"),
      Turn(0),
      Steer(StepKind::kMarkFailed, 1, "t1", 0),
  };
  EXPECT_EQ(FaultOf(history), "");
}

// Its retry began all the same.
TEST(KnownHistory, ATaskIsClearedAboveOneThatWaitsForItsRetry) {
  History history;
  Task* task = nullptr;
  DagSpec& d1 = history.AddDag("d1");
  d1.Add("t0");
  task = &d1.Add("t2", {"t0"});
  task->retry.retries = 2;
  history.steps = {
      Do(StepKind::kTrigger, "d1"),
      Turn(0),
      End(1, "t0", AttemptOutcome::kSucceeded),
      Turn(0),
      End(1, "t2", AttemptOutcome::kFailed, 1),
      Turn(0),
      Steer(StepKind::kClear, 1, "t0", 0),
      Turn(0),
      Turn(30),
      End(1, "t0", AttemptOutcome::kFailed, 1),
  };
  EXPECT_EQ(FaultOf(history), "");
}

// Its tasks that waited for a slot were left as they were.
TEST(KnownHistory, ABackfillIsCancelledWithARunThatWasSetToQueued) {
  History history;
  history.parallelism = 2;
  DagSpec& d1 = history.AddDag("d1");
  d1.Add("t0");
  d1.Add("t1");
  d1.Add("t2");
  d1.dag.schedule = Hourly();
  history.steps = {
      Do(StepKind::kTrigger, "d1"),          Do(StepKind::kBackfill, "d1", 2), Turn(0), Turn(1),
      Steer(StepKind::kRunQueued, 2, "", 0), Do(StepKind::kCancelBackfill, 1),
  };
  EXPECT_EQ(FaultOf(history), "");
}

// The second run was asked for in the turn in which the first one ended, was told that it had not, and waited for ever.
TEST(KnownHistory, TheRunBeforeEndsInTheTurnThatTheNextOneComesTo) {
  History history;
  Task* task = nullptr;
  DagSpec& d1 = history.AddDag("d1");
  task = &d1.Add("t0");
  task->depends_on_past = true;
  history.steps = {
      Do(StepKind::kTrigger, "d1", -2),
      Turn(0),
      Do(StepKind::kTrigger, "d1", 1),
  };
  EXPECT_EQ(FaultOf(history), "");
}

// … and one that ended and was cleared in one turn forgot the run before it.
TEST(KnownHistory, RunsOfABackfillAreMarkedAndClearedInOneTurn) {
  History history;
  Task* task = nullptr;
  DagSpec& d1 = history.AddDag("d1");
  task = &d1.Add("t0");
  task->depends_on_past = true;
  d1.dag.schedule = Hourly();
  history.steps = {
      Do(StepKind::kBackfillAgain, "d1", 2),
      Turn(0),
      Steer(StepKind::kMarkSkipped, 2, "", 0),
      Steer(StepKind::kClear, 1, "t0", 32),
  };
  EXPECT_EQ(FaultOf(history), "");
}

// It waited for a slot, and was not asked again.
TEST(KnownHistory, ARunWithAnEarlierDateComesBeforeATaskHasItsSlot) {
  History history;
  history.pools["small"] = 1;
  Task* task = nullptr;
  DagSpec& d1 = history.AddDag("d1");
  task = &d1.Add("t0");
  task->pool = "small";
  task->pool_slots = 3;
  task->depends_on_past = true;
  d1.dag.schedule = Hourly();
  history.steps = {
      Do(StepKind::kTrigger, "d1", -1),
      Do(StepKind::kBackfillAgain, "d1", 2),
      Turn(0),
  };
  EXPECT_EQ(FaultOf(history), "");
}

TEST(KnownHistory, ARunWithAnEarlierDateComesBeforeAnEmptyTaskIsLetGo) {
  History history;
  Task* task = nullptr;
  DagSpec& d1 = history.AddDag("d1");
  task = &d1.Add("t3");
  task->action = Action{ActionKind::kEmpty, {}};
  task->depends_on_past = true;
  d1.mapped.push_back(MappedSpec{{"t3"}, 1, true});
  history.steps = {
      Do(StepKind::kPause, "d1"), Do(StepKind::kTrigger, "d1", -1), Turn(0), Do(StepKind::kTrigger, "d1", -3), Turn(0),
  };
  EXPECT_EQ(FaultOf(history), "");
}

// The engine went on with a deadline that the store held for met.
TEST(KnownHistory, ARunWithADeadlineEndsAndIsClearedInOneTurn) {
  History history;
  DagSpec& d1 = history.AddDag("d1");
  d1.Add("t0");
  d1.dag.deadlines.push_back(Deadline{DeadlineReference::kQueuedAt, Seconds(120)});
  history.steps = {
      Do(StepKind::kTrigger, "d1"),        Turn(200),
      Do(StepKind::kDoubt, "", 1),         Steer(StepKind::kRunSuccess, 1, "", 0),
      Steer(StepKind::kClear, 1, "t0", 0), Turn(0),
  };
  EXPECT_EQ(FaultOf(history), "");
}

TEST(KnownHistory, AMissedDeadlineIsKnownAfterARestart) {
  History history;
  DagSpec& d1 = history.AddDag("d1");
  d1.Add("t0");
  d1.dag.deadlines.push_back(Deadline{DeadlineReference::kQueuedAt, Seconds(30)});
  history.steps = {
      Do(StepKind::kTrigger, "d1"),
      Turn(0),
      End(1, "t0", AttemptOutcome::kSucceeded),
      Do(StepKind::kCrash),
      Steer(StepKind::kClear, 1, "t0", 0),
      Turn(0),
      Turn(0),
      Do(StepKind::kCrash),
  };
  EXPECT_EQ(FaultOf(history), "");
}

// What was held by the past before it had instances was decided as a whole when the past let go.
TEST(KnownHistory, AMappedTaskIsExpandedWhileThePastHoldsIt) {
  History history;
  Task* task = nullptr;
  DagSpec& d1 = history.AddDag("d1");
  task = &d1.Add("t1");
  task->action = Action{ActionKind::kEmpty, {}};
  task = &d1.Add("t2", {"t1"});
  task->depends_on_past = true;
  d1.Add("t4");
  d1.mapped.push_back(MappedSpec{{"t4", "t2"}, 1, true, ""});
  d1.dag.schedule = Hourly();
  history.steps = {
      Do(StepKind::kBackfillAgain, "d1", 3),
      Turn(0),
      Turn(0),
      Steer(StepKind::kMarkSkipped, 2, "", 0),
  };
  EXPECT_EQ(FaultOf(history), "");
}

// All instances asked for the run that was still being stopped; only the last was heard.
TEST(KnownHistory, SeveralInstancesAskForOneRun) {
  History history;
  Task* task = nullptr;
  DagSpec& d1 = history.AddDag("d1");
  task = &d1.Add("t2");
  task->action = Action{ActionKind::kSubDag, {}};
  task->trigger = ToSpec({"d2", true, true, "asked_for", true, false});
  d1.mapped.push_back(MappedSpec{{"t2"}, 3, false});
  DagSpec& d2 = history.AddDag("d2");
  d2.Add("t0");
  d2.dag.schedule = Hourly();
  history.steps = {
      Turn(200), Turn(200), Do(StepKind::kTrigger, "d1", -2),  Turn(0),
      Turn(0),   Turn(0),   Steer(StepKind::kClear, 2, "", 0), Turn(0),
  };
  EXPECT_EQ(FaultOf(history), "");
}

// Its instances never met those that had ended before it had any.
TEST(KnownHistory, ATaskIsClearedAfterTheOthersOfItsMappingWereExpanded) {
  History history;
  DagSpec& d1 = history.AddDag("d1");
  d1.Add("t0");
  d1.Add("t1", {"t0"});
  d1.mapped.push_back(MappedSpec{{"t1", "t0"}, 3, true});
  history.steps = {
      Do(StepKind::kTrigger, "d1"),        Steer(StepKind::kMarkFailed, 1, "", 0),
      Steer(StepKind::kClear, 1, "t0", 0), Turn(0),
      Steer(StepKind::kClear, 1, "t1", 0),
  };
  EXPECT_EQ(FaultOf(history), "");
}

// Its tries were counted anew, but not in the store.
TEST(KnownHistory, ATaskIsClearedThatWaitsAgain) {
  History history;
  Task* task = nullptr;
  DagSpec& d1 = history.AddDag("d1");
  task = &d1.Add("t0");
  task->action = Action{ActionKind::kTriggerDag, {}};
  task->trigger = ToSpec({"d2", false, true, "", false, false});
  task = &d1.Add("t1", {"t0"});
  task->trigger_rule = TriggerRule::kOneFailed;
  task->retry.retries = 2;
  task->action = Action{ActionKind::kTriggerDag, {}};
  task->trigger = ToSpec({"d2", false, true, "", false, false});
  history.steps = {
      Do(StepKind::kTrigger, "d1"),
      Turn(0),
      Turn(0),
      Turn(0),
      Turn(30),
      Do(StepKind::kPause, "d1"),
      Steer(StepKind::kClear, 1, "t0", 0),
      Turn(0),
      Steer(StepKind::kClear, 1, "", 0),
  };
  EXPECT_EQ(FaultOf(history), "");
}

// Its row is still stored when the clear comes, in the same turn.
TEST(KnownHistory, ARunDeletedInThisTurnIsNotCleared) {
  History history;
  DagSpec& d1 = history.AddDag("d1");
  d1.Add("t1").depends_on_past = true;
  d1.dag.is_paused_upon_creation = true;
  d1.dag.schedule = Hourly();
  history.steps = {
      Do(StepKind::kBackfillAgain, "d1", 2), Turn(0), Do(StepKind::kDeleteRun, 2), Do(StepKind::kDeleteRun, 1),
      Steer(StepKind::kClear, 2, "", 0),
  };
  EXPECT_EQ(FaultOf(history), "");
}

// The cleared run would wait for the deleted one, as which it knew the run before.
TEST(KnownHistory, ARunIsNotClearedInTheTurnThatDeletesTheOneBefore) {
  History history;
  DagSpec& d1 = history.AddDag("d1");
  d1.Add("t1").depends_on_past = true;
  d1.dag.is_paused_upon_creation = true;
  d1.dag.schedule = Hourly();
  history.steps = {
      Do(StepKind::kTrigger, "d1"),     Do(StepKind::kBackfillAgain, "d1", 2), Turn(0),
      Do(StepKind::kCancelBackfill, 1), Do(StepKind::kDeleteRun, 2),           Steer(StepKind::kClear, 3, "", 0),
  };
  EXPECT_EQ(FaultOf(history), "");
}

// What it is mapped over gives nothing any more: the instances end as their own rules allow, one after the other.
TEST(KnownHistory, InstancesThatCannotBeExpandedAgainEndEachByItsRule) {
  History history;
  Task* task = nullptr;
  DagSpec& d1 = history.AddDag("d1");
  d1.Add("t0");
  d1.Add("t1", {"t0"});
  d1.Add("t2", {"t0"});
  task = &d1.Add("t3", {"t2", "t0"});
  task->trigger_rule = TriggerRule::kNoneSkipped;
  d1.mapped.push_back(MappedSpec{{"t3", "t2"}, 0, false, "t0"});
  d1.mapped.push_back(MappedSpec{{"t0"}, 2, true, ""});
  history.steps = {
      Do(StepKind::kTrigger, "d1"),
      Turn(0),
      Turn(0),
      End(1, "t0", AttemptOutcome::kSucceeded, 0, 1),
      End(1, "t0", AttemptOutcome::kSucceeded, 0, 0),
      Turn(0),
      Steer(StepKind::kClear, 1, "", 0),
      Steer(StepKind::kMarkSuccess, 1, "t1", 1),
  };
  EXPECT_EQ(FaultOf(history), "");
}

// It was decided by what became of the task above it as a whole, before that was cleared and expanded in one turn.
TEST(KnownHistory, WhatFollowedAMarkStaysWhenThatIsCleared) {
  History history;
  DagSpec& d1 = history.AddDag("d1");
  d1.Add("t0");
  d1.Add("t3");
  d1.Add("t5", {"t3"});
  d1.mapped.push_back(MappedSpec{{"t2", "t3"}, 3, false, ""});
  d1.dag.is_paused_upon_creation = true;
  history.steps = {
      Do(StepKind::kTrigger, "d1"),        Steer(StepKind::kMarkFailed, 1, "t3", 0),
      Do(StepKind::kUnpause, "d1"),        Steer(StepKind::kMarkSkipped, 1, "t3", 0),
      Steer(StepKind::kClear, 1, "t3", 0),
  };
  EXPECT_EQ(FaultOf(history), "");
}

TEST(KnownHistory, WhatFollowedADecisionStaysWhenThatIsCleared) {
  History history;
  Task* task = nullptr;
  DagSpec& d2 = history.AddDag("d2");
  task = &d2.Add("t0");
  task->action = Action{ActionKind::kShortCircuit, {"false"}};
  task->ignore_downstream_trigger_rules = false;
  d2.Add("t1");
  d2.Add("t2", {"t0"});
  d2.Add("t4", {"t2"});
  d2.mapped.push_back(MappedSpec{{"t1", "t2"}, 2, true, ""});
  d2.dag.schedule = Hourly();
  history.steps = {
      Do(StepKind::kBackfill, "d2", 3),
      Turn(0),
      Do(StepKind::kCrash),
      Steer(StepKind::kClear, 3, "t2", 17),
  };
  EXPECT_EQ(FaultOf(history), "");
}

}  // namespace
}  // namespace pipelined::sim
