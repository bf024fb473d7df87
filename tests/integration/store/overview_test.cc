// The log of events, and lists narrowed by everything that the API may ask, over a real server.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include "integration/store/catalog_fixture.h"
#include "pipelined/schema/json.h"

namespace pipelined::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class PgOverviewTest : public CatalogTest {
 protected:
  PgOverviewTest() : CatalogTest({SampleDag("d"), SampleDag("other")}) { Run("r1"); }
  // A run whose first task has ended after 10 s.
  void Run(const std::string& run_id) {
    TriggerRequest request;
    request.dag_id = "d";
    request.run_id = run_id;
    request.run_after = At(0);
    request.who = "uma";
    request.conf = Value(Value::Map{{"region", "EU"}});
    const RunInfo run = catalog_->Trigger(request)->info;
    Plan begin;
    begin.now = At(10);
    begin.runs = {RunChange{run.id, "d", RunState::kQueued, RunState::kRunning, "begun"}};
    begin.tasks = {Start(run.id, 0, 1, At(10))};
    begin.opened = {Open(run.id, 0, 1)};
    Commit(begin);
    Plan end;
    end.now = At(20);
    end.tasks = {Finish(run.id, 0, 1, At(20))};
    end.closed = {Close(run.id, 0, 1, At(20))};
    Commit(end);
  }
  std::vector<std::string> Events(const AuditFilter& filter, const Page& page = {}) {
    const auto listing = catalog_->Audit(filter, page);
    EXPECT_TRUE(listing.ok()) << listing.error().message;
    std::vector<std::string> texts;
    for (const AuditRow& row : listing->rows)
      texts.push_back(fmt::format("{} {} {} {}", row.event, row.dag_id, row.run_id, row.task_id));
    return texts;
  }
  std::int64_t Runs(const RunFilter& filter) { return catalog_->Runs(filter, Page{})->total; }
  std::int64_t Tasks(const TaskFilter& filter) { return catalog_->TaskInstances(filter, Page{})->total; }
};

TEST_F(PgOverviewTest, TheLogTellsWhatHappenedInOrder) {
  EXPECT_THAT(Events({}), ElementsAre("run_running d r1 ", "running d r1 t0", "success d r1 t0"));
  Page latest;
  latest.order_by = {"-when"};
  latest.limit = 1;
  EXPECT_THAT(Events({}, latest), ElementsAre("success d r1 t0"));
}

TEST_F(PgOverviewTest, TheLogIsNarrowedByEachFilter) {
  const auto count = [&](auto change) {
    AuditFilter filter;
    change(filter);
    return Events(filter).size();
  };
  EXPECT_EQ(count([](AuditFilter& f) { f.dag_id = "d"; }), 3U);
  EXPECT_EQ(count([](AuditFilter& f) { f.dag_id = "other"; }), 0U);
  EXPECT_EQ(count([](AuditFilter& f) { f.run_id = "r1"; }), 3U);
  EXPECT_EQ(count([](AuditFilter& f) { f.dag_id = "d", f.run_id = "r1", f.task_id = "t0"; }), 2U);
  EXPECT_EQ(count([](AuditFilter& f) { f.event = "success"; }), 1U);
  EXPECT_EQ(count([](AuditFilter& f) { f.included = {"success", "running"}; }), 2U);
  EXPECT_EQ(count([](AuditFilter& f) { f.excluded = {"success"}; }), 2U);
  EXPECT_EQ(count([](AuditFilter& f) { f.who = "scheduler", f.map_index = -1, f.try_number = 1; }), 2U);
  EXPECT_EQ(count([](AuditFilter& f) { f.after = At(10); }), 1U);
  EXPECT_EQ(count([](AuditFilter& f) { f.before = At(20); }), 2U);
  EXPECT_EQ(count([](AuditFilter& f) { f.what.pattern = "RUN_R"; }), 1U);
  EXPECT_EQ(count([](AuditFilter& f) { f.run.prefix = "x|r", f.dag.prefix = "d", f.task.prefix = "t"; }), 2U);
  EXPECT_EQ(count([](AuditFilter& f) { f.owner.pattern = "sched", f.task.pattern = "T0"; }), 2U);
  const std::int64_t first = catalog_->Audit({}, Page{})->rows.front().id;
  EXPECT_EQ(count([&](AuditFilter& f) { f.id = first; }), 1U);
}

TEST_F(PgOverviewTest, AnUnknownOrderIsRefused) {
  Page page;
  page.order_by = {"nope"};
  EXPECT_EQ(catalog_->Audit({}, page).error().code, ErrorCode::kInvalid);
}

TEST_F(PgOverviewTest, CountingStopsWhereItIsTold) {
  Page page;
  page.limit = 1;
  page.most_counted = 2;
  EXPECT_EQ(catalog_->Audit({}, page)->total, 2);
}

TEST_F(PgOverviewTest, RunsAreNarrowedByEachFilter) {
  const auto count = [&](auto change) {
    RunFilter filter;
    change(filter);
    return Runs(filter);
  };
  EXPECT_EQ(count([](RunFilter& f) { f.dag_ids = {"d", "x"}; }), 1);
  EXPECT_EQ(count([](RunFilter& f) { f.dag_ids = {"x"}; }), 0);
  EXPECT_EQ(count([](RunFilter& f) { f.conf_contains = "eu"; }), 1);
  EXPECT_EQ(count([](RunFilter& f) { f.versions = {1}; }), 1);
  EXPECT_EQ(count([](RunFilter& f) { f.versions = {2}; }), 0);
  EXPECT_EQ(count([](RunFilter& f) { f.user.pattern = "UM", f.run.prefix = "r", f.dag.prefix = "d"; }), 1);
  EXPECT_EQ(count([](RunFilter& f) { f.run.prefix = "R"; }), 0);  // letter for letter
  EXPECT_EQ(count([](RunFilter& f) { f.updated_at.gte = At(10); }), 1);
  EXPECT_EQ(count([](RunFilter& f) { f.end_date.lte = At(100); }), 0);
  Sql("update dag_run set state = 'success', end_date = start_date + interval '5 s'");
  EXPECT_EQ(count([](RunFilter& f) { f.duration = {Micros(5'000'000), Micros(5'000'000)}; }), 1);
  EXPECT_EQ(count([](RunFilter& f) { f.duration.gte = Micros(5'000'001); }), 0);
}

TEST_F(PgOverviewTest, InstancesAreNarrowedByEachFilter) {
  const auto count = [&](auto change) {
    TaskFilter filter;
    change(filter);
    return Tasks(filter);
  };
  EXPECT_EQ(count([](TaskFilter& f) { f.dag_ids = {"d"}, f.run_ids = {"r1"}, f.task_ids = {"t0"}; }), 1);
  EXPECT_EQ(count([](TaskFilter& f) { f.try_numbers = {0}; }), 1);
  EXPECT_EQ(count([](TaskFilter& f) { f.try_numbers = {1}, f.versions = {1}; }), 1);
  EXPECT_EQ(count([](TaskFilter& f) { f.duration = {Micros(10'000'000), Micros(10'000'000)}; }), 1);
  EXPECT_EQ(count([](TaskFilter& f) { f.start_date.gte = At(10), f.end_date.lte = At(20); }), 1);
  EXPECT_EQ(count([](TaskFilter& f) { f.updated_at.gte = At(21); }), 0);
  EXPECT_EQ(count([](TaskFilter& f) { f.name.pattern = "T", f.run.prefix = "r", f.dag.pattern = "d"; }), 2);
  EXPECT_EQ(count([](TaskFilter& f) { f.pools = {"none such"}; }), 0);
  EXPECT_EQ(count([](TaskFilter& f) { f.nothing = true; }), 0);
  EXPECT_EQ(count([](TaskFilter& f) { f.rendered_map_index.pattern = "-1"; }), 2);
}

TEST_F(PgOverviewTest, VersionsTagsCountsAndWarnings) {
  EXPECT_EQ(catalog_->Versions("d", std::nullopt, Page{})->total, 1);
  EXPECT_EQ(catalog_->Versions("~", 1, Page{})->total, 2);
  Sql("update dag set tags = case dag_id when 'd' then '{b,a}'::text[] else '{}' end");
  EXPECT_THAT(catalog_->Tags({}, Page{})->rows, ElementsAre("a", "b"));
  EXPECT_THAT(catalog_->Tags({"B", ""}, Page{})->rows, ElementsAre("b"));
  const auto stats = catalog_->Stats({});
  ASSERT_EQ(stats->size(), 2U);
  EXPECT_EQ(stats->front().running, 1);
  EXPECT_EQ(catalog_->Stats({"other"})->front().running, 0);
  EXPECT_THAT(catalog_->Warnings("", Page{})->rows, IsEmpty());
  Sql("update dag_version_task set pool = 'gone' where task_no = 0");
  EXPECT_EQ(catalog_->Warnings("d", Page{})->rows.front().message, "Dag 'd' references non-existent pools: gone");
}

TEST_F(PgOverviewTest, ADeletedRunLeavesNothingButItsEventsAmongThoseOfItsDag) {
  const RunId run = catalog_->Run("d", "r1")->info.id;
  Plan plan;
  plan.now = At(30);
  plan.outputs = {OutputChange{run, "t1", kNotMapped, "k", Value(5)}};
  Commit(plan);
  EXPECT_EQ(ToJson(*catalog_->Outputs(run, "t1", kNotMapped)), R"({"k":5})");
  plan.outputs = {OutputChange{run, "t1", kNotMapped, "k", std::nullopt}};
  plan.deleted = {RunDeleted{run, "d", "run r1 deleted by ann", "ann"}};
  Commit(plan);  // it runs: only its output goes
  EXPECT_EQ(ToJson(*catalog_->Outputs(run, "t1", kNotMapped)), "{}");
  EXPECT_TRUE(catalog_->Run("d", "r1").ok());
  plan.outputs.clear();
  plan.runs = {RunChange{run, "d", RunState::kRunning, RunState::kSuccess, ""}};
  Commit(plan);
  EXPECT_EQ(catalog_->Run("d", "r1").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(Sql("select (select count(*) from task_instance) + (select count(*) from attempt)")[0][0].as<int>(), 0);
  AuditFilter filter;
  filter.dag_id = "d";
  EXPECT_THAT(Events(filter),
              ElementsAre("run_running d  ", "running d  ", "success d  ", "run_success d  ", "dag_run_deleted d  "));
  Page of_other;
  of_other.dag_ids = std::vector<std::string>{"other"};
  EXPECT_THAT(Events({}, of_other), IsEmpty()) << "who may not read the DAG";
  EXPECT_EQ(catalog_->DagHistory("d", Page{})->total, 1) << "what happened to the DAG as a whole";
}

TEST_F(PgOverviewTest, FavoritesAreKeptByUser) {
  EXPECT_TRUE(*catalog_->SetFavorite("uma", "d", true));
  EXPECT_FALSE(*catalog_->SetFavorite("uma", "d", true));
  EXPECT_THAT(*catalog_->Favorites("uma"), ElementsAre("d"));
  EXPECT_THAT(*catalog_->Favorites("ann"), IsEmpty());
  EXPECT_TRUE(*catalog_->SetFavorite("uma", "d", false));
  EXPECT_FALSE(*catalog_->SetFavorite("uma", "d", false));
}

TEST_F(PgOverviewTest, ThePlaceOfTheLogIsFoundByItsNumber) {
  Sql("set enable_seqscan to off");
  std::string plan;
  for (const pqxx::row& row : Sql("explain select id from event order by id desc limit 5")) plan += row[0].c_str();
  EXPECT_THAT(plan, ::testing::HasSubstr("Index"));
  ASSERT_TRUE(Downgrade(options_, 12).ok());
  EXPECT_EQ(Sql("select to_regclass('event_by_id') is null and to_regclass('dag_run_state') is null")[0][0].as<bool>(),
            true);
  EXPECT_TRUE(Migrate(options_).ok());
}

}  // namespace
}  // namespace pipelined::testing
