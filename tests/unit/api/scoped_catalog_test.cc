// What a caller with a grant for one DAG gets through his catalog.
#include "api/access/scoped_catalog.h"

#include <gmock/gmock.h>

#include "unit/api/fake_catalog.h"

namespace pipelined::api {
namespace {

class ScopedCatalogTest : public ::testing::Test {
 protected:
  ScopedCatalogTest() {
    for (const char* dag_id : {"mine", "theirs"}) {
      all_.AddDag(dag_id);
      all_.AddRun(dag_id, "r", RunState::kQueued);
      BackfillRow backfill;
      backfill.id = BackfillId{static_cast<std::int64_t>(all_.backfills.size()) + 1};
      backfill.dag_id = dag_id;
      all_.backfills.push_back(backfill);
    }
    all_.leader = [](const Command&) { return CommandDone{}; };
  }

  ErrorCode Refused(decltype(Command::what) what) {
    const Result<CommandDone> done = mine_->Execute(Command{{}, "ann", std::move(what)}, Micros(0));
    return done.ok() ? ErrorCode::kBug : done.error().code;
  }
  bool Done(decltype(Command::what) what) {
    return mine_->Execute(Command{{}, "ann", std::move(what)}, Micros(0)).ok();
  }

  testing::FakeCatalog all_;
  std::shared_ptr<Catalog> mine_ = Scoped(all_, access::DagScope::Of({"mine"}));
};

TEST_F(ScopedCatalogTest, WhoMaySeeAllGetsTheCatalogItself) {
  EXPECT_EQ(Scoped(all_, access::DagScope::All()).get(), &all_);
}

TEST_F(ScopedCatalogTest, WhatIsNamedIsRefusedWhetherItExistsOrNot) {
  EXPECT_TRUE(mine_->Dag("mine").ok());
  EXPECT_EQ(mine_->Dag("theirs").error().code, ErrorCode::kNotAllowed);
  EXPECT_EQ(mine_->Dag("nobodys").error().code, ErrorCode::kNotAllowed);
  EXPECT_EQ(mine_->Run("theirs", "r").error().code, ErrorCode::kNotAllowed);
  EXPECT_EQ(mine_->Run("~", "r").error().code, ErrorCode::kNotAllowed);
  TriggerRequest request;
  request.dag_id = "theirs";
  EXPECT_EQ(mine_->Trigger(request).error().code, ErrorCode::kNotAllowed);
  EXPECT_TRUE(all_.triggers.empty());
}

TEST_F(ScopedCatalogTest, ListsHoldAndCountWhatIsTheCallers) {
  const auto dags = mine_->Dags(DagFilter{}, Page{});
  ASSERT_EQ(dags->rows.size(), 1U);
  EXPECT_EQ(dags->rows[0].dag_id, "mine");
  EXPECT_EQ(dags->total, 1);
  RunFilter theirs;
  theirs.dag_id = "theirs";
  EXPECT_EQ(mine_->Runs(theirs, Page{})->total, 0);
  EXPECT_EQ(Scoped(all_, access::DagScope::None())->Dags(DagFilter{}, Page{})->total, 0);
}

TEST_F(ScopedCatalogTest, CommandsAreJudgedByTheDagThatTheyConcern) {
  EXPECT_TRUE(Done(PauseDag{"mine", true}));
  EXPECT_EQ(Refused(PauseDag{"theirs", true}), ErrorCode::kNotAllowed);
  EXPECT_EQ(Refused(DeleteDag{"theirs"}), ErrorCode::kNotAllowed);
  ClearTasks clear;
  clear.runs.dag_id = "theirs";
  EXPECT_EQ(Refused(clear), ErrorCode::kNotAllowed);
  EXPECT_EQ(Refused(SetPool{"p", 1}), ErrorCode::kNotAllowed) << "a pool is not of a DAG";
}

TEST_F(ScopedCatalogTest, ABackfillIsOfItsDagWhateverItsNumber) {
  EXPECT_TRUE(mine_->Backfill(BackfillId{1}).ok());
  EXPECT_EQ(mine_->Backfill(BackfillId{2}).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(mine_->ProgressOf(BackfillId{2}, 1).error().code, ErrorCode::kNotFound);
  EXPECT_TRUE(Done(CancelBackfill{BackfillId{1}}));
  EXPECT_EQ(Refused(CancelBackfill{BackfillId{2}}), ErrorCode::kNotFound);
}

TEST_F(ScopedCatalogTest, LinksToOtherDagsAreLeftOut) {
  RunLinks links;
  links.parent = RunLink{"theirs", "r", "t", RunState::kRunning, true};
  links.made = {RunLink{"mine", "a", "t", RunState::kRunning, true},
                RunLink{"theirs", "b", "t", RunState::kQueued, true}};
  all_.links["r"] = links;
  RunInfo run;
  run.run_id = "r";
  const Result<RunLinks> seen = mine_->Links(run);
  EXPECT_FALSE(seen->parent.has_value());
  ASSERT_EQ(seen->made.size(), 1U);
  EXPECT_EQ(seen->made[0].run_id, "a");
}

TEST_F(ScopedCatalogTest, AssetsAreThoseThatTheCallersDagsName) {
  all_.memory_assets.Of("s3://shared").outlets = {AssetUse{"theirs", "t", {}}, AssetUse{"mine", "t", {}}};
  all_.memory_assets.Of("s3://theirs").inlets = {AssetUse{"theirs", "t", {}}};
  const auto seen = mine_->assets().List(AssetFilter{}, Page{});
  ASSERT_EQ(seen->rows.size(), 1U);
  EXPECT_EQ(seen->rows[0].uri, "s3://shared");
  EXPECT_TRUE(mine_->assets().Events(AssetEventFilter{}, Page{}).ok());
  EXPECT_EQ(all_.memory_assets.page_asked.dag_ids, std::vector<std::string>{"mine"});
  EXPECT_EQ(mine_->assets().Add(NewAssetEvent{1, Value(), {}}).error().code, ErrorCode::kNotAllowed);
  EXPECT_TRUE(all_.memory_assets.events.empty());
}

TEST_F(ScopedCatalogTest, OfTheQueueOnlyTheCallersTasksAreShown) {
  all_.leader = [](const Command&) {
    CommandDone done;
    const auto task = [](const char* dag_id) { return Value(Value::Map{{"dag_id", dag_id}}); };
    done.result = Value::Map{{"tasks", Value::List{task("theirs"), task("mine"), task("mine")}}, {"total_entries", 3}};
    return done;
  };
  ListQueue list;
  list.limit = 1;
  const Result<CommandDone> done = mine_->Execute(Command{{}, "ann", list}, Micros(0));
  EXPECT_EQ(done->result.Find("tasks")->list().size(), 1U);
  EXPECT_EQ(done->result.Find("total_entries")->integer(), 2);
}

}  // namespace
}  // namespace pipelined::api
