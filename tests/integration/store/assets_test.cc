// Who names an asset, what happened to it, and what of that a caller sees, over a real server.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <pqxx/pqxx>

#include "pipelined/schema/json.h"
#include "pipelined/store/clean.h"
#include "pipelined/store/migrations.h"
#include "pipelined/store/pg_store.h"
#include "support/postgres_fixture.h"
#include "support/store_samples.h"

namespace pipelined::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Task t0 writes and t1 reads what is given.
PublishedDag DagOf(const std::string& id, std::vector<std::string> outlets, std::vector<std::string> inlets = {},
                   std::vector<std::string> schedule = {}, const std::string& hash = "h1") {
  PublishedDag published = SampleDag(id, 2, hash);
  auto dag = std::make_shared<Dag>(*published.dag);
  dag->tasks[0].outlets = std::move(outlets);
  dag->tasks[1].inlets = std::move(inlets);
  if (!schedule.empty()) {
    dag->schedule = Schedule();
    dag->schedule.kind = ScheduleKind::kAssets;
    dag->schedule.assets = std::move(schedule);
  }
  published.dag = dag;
  return published;
}

class PgAssetsTest : public ::testing::Test {
 protected:
  PgAssetsTest() : sql_(PostgresFixture::Shared().url()) {
    options_.url = PostgresFixture::Shared().url();
    options_.schema = PostgresFixture::Shared().NewSchema();
    EXPECT_TRUE(Migrate(options_).ok());
    Sql("set search_path to " + options_.schema);
    store_ = MakePgStore(options_, SystemClock());
    catalog_ = MakePgCatalog(options_);
    publisher_ = MakePgPublisher(options_);
    lease_ = **store_->Acquire("me", std::chrono::hours(1));
    EXPECT_TRUE(store_->Load(lease_).ok());
  }
  pqxx::result Sql(const std::string& text) { return pqxx::nontransaction(sql_).exec(text); }
  void Publish(std::vector<PublishedDag> dags, std::vector<KnownFile> removed = {}) {
    const auto done = publisher_->Publish(Publication{std::move(dags), {}, std::move(removed), {}}, lease_.epoch);
    ASSERT_TRUE(done.ok()) << done.error().message;
  }
  // "s3://x: writes a.t0 reads b.t1 starts c"
  std::vector<std::string> List(const AssetFilter& filter = {}, const Page& page = {}) {
    const auto listing = catalog_->assets().List(filter, page);
    EXPECT_TRUE(listing.ok()) << listing.error().message;
    std::vector<std::string> lines;
    for (const AssetRow& asset : listing->rows) {
      lines.push_back(asset.uri + ":");
      const auto add = [&](const char* verb, const std::vector<AssetUse>& uses) {
        for (const AssetUse& use : uses)
          lines.back() += fmt::format(" {} {}{}", verb, use.dag_id, use.task_id.empty() ? "" : "." + use.task_id);
      };
      add("writes", asset.outlets);
      add("reads", asset.inlets);
      add("starts", asset.schedules);
    }
    return lines;
  }
  std::vector<std::string> Names(const AssetFilter& filter, const Page& page = {}) {
    std::vector<std::string> names;
    for (const std::string& line : List(filter, page)) names.push_back(line.substr(0, line.find(": ")));
    return names;
  }
  std::int64_t IdOf(const std::string& uri) {
    return Sql("select id from asset where uri = " + sql_.quote(uri))[0][0].as<std::int64_t>();
  }
  // A turn in which t0 of a run of that DAG has written these, at that second.
  void Write(const std::string& dag_id, std::int64_t second, const std::vector<std::string>& uris) {
    Plan plan;
    plan.now = At(second);
    for (const std::string& uri : uris)
      plan.asset_events.push_back(AssetEvent{uri, Value(), dag_id, fmt::format("r{}", second), "t0"});
    const auto committed = store_->Commit(plan, lease_, ExecutorIdentity{"i", "boot"});
    ASSERT_TRUE(committed.ok()) << committed.error().message;
  }
  // "s3://x a/r10"
  std::vector<std::string> Events(const AssetEventFilter& filter = {}, const Page& page = {}) {
    const auto listing = catalog_->assets().Events(filter, page);
    EXPECT_TRUE(listing.ok()) << listing.error().message;
    std::vector<std::string> lines;
    for (const AssetEventRow& event : listing->rows)
      lines.push_back(event.uri + " " + (event.dag_id.empty() ? "by request" : event.dag_id + "/" + event.run_id));
    return lines;
  }
  static Page Of(std::vector<std::string> dag_ids) {
    Page page;
    page.dag_ids = std::move(dag_ids);
    return page;
  }
  static Page Ordered(const std::string& by) {
    Page page;
    page.order_by = {by};
    return page;
  }

  StoreOptions options_;
  pqxx::connection sql_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Catalog> catalog_;
  std::unique_ptr<DagPublisher> publisher_;
  Lease lease_;
};

TEST_F(PgAssetsTest, AreThoseThatTasksAndSchedulesName) {
  Publish({DagOf("a", {"s3://x", "s3://y"}), DagOf("b", {}, {"s3://x"}), DagOf("c", {"s3://x"}, {}, {"s3://x", "z"})});
  EXPECT_THAT(List(),
              ElementsAre("s3://x: writes a.t0 writes c.t0 reads b.t1 starts c", "s3://y: writes a.t0", "z: starts c"));
}

TEST_F(PgAssetsTest, AnEditedFileNamesOthersAndKeepsWhatStays) {
  Publish({DagOf("a", {"s3://x", "s3://y"}), DagOf("b", {"s3://y"})});
  Sql("update asset_reference set created_at = '2026-01-01Z'");
  const std::int64_t y = IdOf("s3://y");
  Publish({DagOf("a", {"s3://y", "s3://z"}, {}, {}, "h2")});
  EXPECT_THAT(List(), ElementsAre("s3://y: writes a.t0 writes b.t0", "s3://z: writes a.t0"));
  EXPECT_EQ(IdOf("s3://y"), y);
  EXPECT_EQ(catalog_->assets().List({}, {})->rows[0].outlets[0].since, At(0));
  Publish({DagOf("a", {}, {}, {}, "h3")});
  EXPECT_THAT(List(), ElementsAre("s3://y: writes b.t0"));
}

TEST_F(PgAssetsTest, WhatNoFileNamesIsListedOnRequest) {
  Publish({DagOf("a", {"s3://x"}), DagOf("b", {"s3://y"})}, {});
  Publish({}, {KnownFile{"/dags", "a.yaml", "", {}}});
  EXPECT_THAT(List(), ElementsAre("s3://y: writes b.t0"));
  AssetFilter all;
  all.only_active = false;
  EXPECT_THAT(List(all), ElementsAre("s3://x:", "s3://y: writes b.t0"));
  Publish({DagOf("a", {"s3://x"})});
  EXPECT_THAT(List(), ElementsAre("s3://x: writes a.t0", "s3://y: writes b.t0")) << "the file is back";
}

TEST_F(PgAssetsTest, AreFoundByNameAndByDag) {
  Publish({DagOf("a", {"s3://Lake/raw"}), DagOf("b", {"s3://lake/clean"}, {"s3://Lake/raw"}), DagOf("c", {"db"})});
  AssetFilter filter;
  filter.name.pattern = "LAKE";
  EXPECT_THAT(Names(filter), ElementsAre("s3://Lake/raw", "s3://lake/clean"));
  filter.uri.prefix = "s3://lake";
  EXPECT_THAT(Names(filter), ElementsAre("s3://lake/clean"));
  AssetFilter of_a;
  of_a.dag_ids = {"a", "c"};
  EXPECT_THAT(Names(of_a, Ordered("-uri")), ElementsAre("s3://Lake/raw", "db"));
  EXPECT_EQ(catalog_->assets().List({}, Ordered("size")).error().code, ErrorCode::kInvalid);
}

TEST_F(PgAssetsTest, EventsAreFoundByWhatMadeThemAndWhen) {
  Publish({DagOf("a", {"s3://x", "s3://y"}), DagOf("b", {"s3://y"})});
  Write("a", 10, {"s3://x", "s3://y"});
  Write("b", 20, {"s3://y"});
  EXPECT_THAT(Events(), ElementsAre("s3://x a/r10", "s3://y a/r10", "s3://y b/r20"));
  EXPECT_THAT(Events({}, Ordered("-timestamp")), ElementsAre("s3://y b/r20", "s3://x a/r10", "s3://y a/r10"));
  AssetEventFilter filter;
  filter.asset_id = IdOf("s3://y");
  EXPECT_THAT(Events(filter), ElementsAre("s3://y a/r10", "s3://y b/r20"));
  filter.at.gte = At(11);
  EXPECT_THAT(Events(filter), ElementsAre("s3://y b/r20"));
  AssetEventFilter made;
  made.dag_id = "a";
  made.run_id = "r10";
  made.task_id = "t0";
  made.map_index = kNotMapped;
  EXPECT_THAT(Events(made), ElementsAre("s3://x a/r10", "s3://y a/r10"));
  made.map_index = 0;
  EXPECT_THAT(Events(made), IsEmpty());
  AssetEventFilter named;
  named.name.pattern = "x";
  EXPECT_THAT(Events(named), ElementsAre("s3://x a/r10"));
}

TEST_F(PgAssetsTest, TheLatestEventIsShownWithTheAsset) {
  Publish({DagOf("a", {"s3://x"})});
  EXPECT_FALSE(catalog_->assets().List({}, {})->rows[0].latest.has_value());
  Write("a", 20, {"s3://x"});
  Write("a", 10, {"s3://x"});
  ASSERT_TRUE(catalog_->assets().List({}, {})->rows[0].latest.has_value());
  EXPECT_EQ(catalog_->assets().List({}, {})->rows[0].latest->at, At(20));
}

TEST_F(PgAssetsTest, ARequestMakesAnEventWithoutATask) {
  Publish({DagOf("a", {"s3://x"})});
  const auto made = catalog_->assets().Add(NewAssetEvent{IdOf("s3://x"), Value(Value::Map{{"k", 1}}), "2026-01"});
  ASSERT_TRUE(made.ok()) << made.error().message;
  EXPECT_EQ(ToJson(made->extra), R"({"k":1})");
  EXPECT_EQ(made->partition_key, "2026-01");
  EXPECT_THAT(Events(), ElementsAre("s3://x by request"));
  EXPECT_EQ(catalog_->assets().Add(NewAssetEvent{99, Value(Value::Map{}), {}}).error().code, ErrorCode::kNotFound);
}

TEST_F(PgAssetsTest, ACallerSeesWhatBelongsToHisDags) {
  Publish({DagOf("mine", {"s3://x"}, {"s3://y"}), DagOf("theirs", {"s3://x", "s3://y", "s3://z"})});
  Write("mine", 10, {"s3://x"});
  Write("theirs", 20, {"s3://x", "s3://y", "s3://z"});
  for (const char* uri : {"s3://y", "s3://z"})
    ASSERT_TRUE(catalog_->assets().Add({IdOf(uri), Value(Value::Map{}), {}}).ok());
  EXPECT_THAT(List({}, Of({"mine"})), ElementsAre("s3://x: writes mine.t0", "s3://y: reads mine.t1"));
  EXPECT_THAT(Events({}, Of({"mine"})), ElementsAre("s3://x mine/r10", "s3://y by request"));
  EXPECT_EQ(catalog_->assets().List({}, Of({"mine"}))->rows[0].latest->at, At(10));
  EXPECT_EQ(catalog_->assets().List({}, Of({"mine"}))->total, 2);
  EXPECT_EQ(catalog_->assets().Events({}, Of({"mine"}))->total, 2);
  AssetFilter theirs;
  theirs.id = IdOf("s3://z");
  theirs.only_active = false;
  EXPECT_THAT(List(theirs, Of({"mine"})), IsEmpty());
  EXPECT_THAT(List({}, Of({})), IsEmpty());
}

TEST_F(PgAssetsTest, OldEventsAreCleanedAndTheAssetsStay) {
  Publish({DagOf("a", {"s3://x"})});
  Write("a", 10, {"s3://x"});
  Write("a", 20, {"s3://x"});
  EXPECT_EQ(CountOld(options_, At(20))->asset_events, 1);
  EXPECT_EQ(CleanOld(options_, At(20))->asset_events, 1);
  EXPECT_THAT(Events(), ElementsAre("s3://x a/r20"));
  EXPECT_EQ(CleanOld(options_, At(20))->asset_events, 0);
  EXPECT_THAT(List(), ElementsAre("s3://x: writes a.t0"));
}

}  // namespace
}  // namespace pipelined::testing
