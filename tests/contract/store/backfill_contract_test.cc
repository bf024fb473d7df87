// Backfills, and scheduled runs that overlap.
#include <gtest/gtest.h>

#include "contract/store/store_contract.h"

namespace pipelined::testing {
namespace {

TEST_P(StoreContract, WhatOverlappingSlotsDoIsPublishedAndASkippedOneIsStored) {
  PublishedDag dag = SampleDag("d", 2, "h9");
  auto changed = std::make_shared<Dag>(*dag.dag);
  changed->overlap = Overlap::kSkip;
  dag.dag = changed;
  place_->Publish(dag, lease_.epoch);
  EXPECT_EQ(Loaded().dags[0].head.overlap, Overlap::kSkip);
  Plan plan;
  plan.skipped = {SlotSkipped{"d", DueRun{At(0), {At(0), At(0)}, At(0)}, "the slot was skipped"}};
  EXPECT_TRUE(Commit(plan).ok());
}

BackfillMade FourDates(RunId existing) {
  BackfillMade made;
  made.id = BackfillId{1};
  made.dag_id = "d";
  made.range = BackfillRange{At(0), At(400), Reprocess::kCompleted, false};
  made.max_active_runs = 3;
  made.who = "ann";
  made.conf.Set("region", "eu");
  for (int i = 1; i <= 4; ++i) {
    BackfillSlot slot;
    slot.ordinal = i;
    slot.due = DueRun{At(100 * i), {At(100 * i), At(100 * i)}, At(100 * i)};
    made.slots.push_back(slot);
  }
  made.slots[2].skip = SlotSkip::kAlreadyExists;
  made.slots[3].existing = ExistingRun{existing, At(400), RunState::kSuccess};
  return made;
}

NewRun OfBackfill(const BackfillSlot& slot) {
  NewRun run;
  run.dag_id = "d";
  run.version = VersionId{1};
  run.type = RunType::kBackfill;
  run.run_id = BackfillRunId(slot.due);
  run.due = slot.due;
  run.backfill = BackfillId{1};
  run.ordinal = slot.ordinal;
  run.triggered_by = "backfill";
  return run;
}

TEST_P(StoreContract, ABackfillIsFoundAgainWithWhatIsStillToBeMade) {
  Plan plan;
  plan.made = {FourDates(RunId{9})};
  plan.new_runs = {OfBackfill(plan.made[0].slots[0])};
  const Status stored = Commit(plan);
  ASSERT_TRUE(stored.ok()) << stored.error().message;
  ASSERT_EQ(last_.runs.size(), 1U);
  EXPECT_EQ(last_.runs[0].run.backfill, BackfillId{1});
  EXPECT_EQ(last_.runs[0].run.backfill_ordinal, 1);
  const Snapshot snapshot = Loaded();
  EXPECT_EQ(snapshot.last.backfill, BackfillId{1});
  ASSERT_EQ(snapshot.backfills.size(), 1U);
  const StoredBackfill& backfill = snapshot.backfills[0];
  EXPECT_EQ(backfill.max_active_runs, 3);
  EXPECT_EQ(backfill.conf.Find("region")->string(), "eu");
  ASSERT_EQ(backfill.todo.size(), 2U);
  EXPECT_EQ(backfill.todo[0].due.logical_date, At(200));
  EXPECT_FALSE(backfill.todo[0].existing.has_value());
  EXPECT_EQ(backfill.todo[1].existing->run, RunId{9});
}

TEST_P(StoreContract, ASlotThatSomebodyTookIsSettled) {
  TriggerRequest request;
  request.dag_id = "d";
  request.logical_date = request.run_after = At(100);
  ASSERT_TRUE(place_->Trigger(request).ok());
  Plan plan;
  plan.made = {FourDates(RunId{9})};
  plan.new_runs = {OfBackfill(plan.made[0].slots[0])};
  ASSERT_TRUE(Commit(plan).ok());
  EXPECT_TRUE(last_.runs.empty());
  EXPECT_EQ(Loaded().backfills[0].todo.size(), 2U);
}

TEST_P(StoreContract, ASlotWhoseRunIdIsTakenIsSettled) {
  TriggerRequest request;
  request.dag_id = "d";
  request.run_after = At(7);
  request.run_id = BackfillRunId(DueRun{At(100), {At(100), At(100)}, At(100)});
  ASSERT_TRUE(place_->Trigger(request).ok());
  Plan plan;
  plan.made = {FourDates(RunId{9})};
  plan.new_runs = {OfBackfill(plan.made[0].slots[0])};
  ASSERT_TRUE(Commit(plan).ok());
  EXPECT_TRUE(last_.runs.empty());
  EXPECT_EQ(Loaded().backfills[0].todo.size(), 2U);
}

TEST_P(StoreContract, ACompletedBackfillIsNotLoaded) {
  Plan plan;
  plan.made = {FourDates(RunId{9})};
  ASSERT_TRUE(Commit(plan).ok());
  Plan paused;
  paused.backfills = {BackfillChange{BackfillId{1}, "d", true, false, false, "paused"}};
  ASSERT_TRUE(Commit(paused).ok());
  EXPECT_TRUE(Loaded().backfills[0].paused);
  Plan over;
  over.backfills = {BackfillChange{BackfillId{1}, "d", std::nullopt, true, true, "cancelled"}};
  ASSERT_TRUE(Commit(over).ok());
  EXPECT_TRUE(Loaded().backfills.empty());
  EXPECT_EQ(Loaded().last.backfill, BackfillId{1});
}

}  // namespace
}  // namespace pipelined::testing
