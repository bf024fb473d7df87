// Pages of runs and task instances: their order, where it is cut, what is counted, and which index they are read by.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include "integration/store/catalog_fixture.h"
#include "store/listing.h"
#include "store/session.h"

namespace pipelined::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Runs r0 to r3 of `d`, due one second after the other, each of two tasks. In r0 and r1 the first has ended, in r2 it
// runs.
class PgListingTest : public CatalogTest {
 protected:
  PgListingTest() {
    for (int i = 0; i < 4; ++i) Trigger(i);
    for (int i = 0; i < 3; ++i) StartFirst(i);
    for (int i = 0; i < 2; ++i) EndFirst(i);
  }
  void Trigger(int number) {
    TriggerRequest request;
    request.dag_id = "d";
    request.run_id = fmt::format("r{}", number);
    request.run_after = At(number);
    runs_.push_back(catalog_->Trigger(request)->info);
  }
  void StartFirst(int number) {
    Plan plan;
    plan.now = At(10 + number);
    plan.runs = {Begin(runs_[static_cast<std::size_t>(number)])};
    plan.tasks = {Start(Id(number), 0, number + 1, At(10 + number))};
    plan.opened = {Open(Id(number), 0, number + 1)};
    Commit(plan);
  }
  void EndFirst(int number) {
    Plan plan;
    plan.now = At(20);
    plan.closed = {Close(Id(number), 0, number + 1, At(20))};
    plan.tasks = {Finish(Id(number), 0, number + 1, At(20))};
    Commit(plan);
  }
  RunId Id(int number) const { return runs_[static_cast<std::size_t>(number)].id; }

  static Page Ordered(const std::string& by, std::int64_t limit = 50, std::int64_t offset = 0) {
    Page page;
    page.order_by = {by};
    page.limit = limit;
    page.offset = offset;
    return page;
  }
  std::vector<std::string> Runs(const Page& page, RunFilter filter = {}) {
    std::vector<std::string> ids;
    const auto listing = catalog_->Runs(filter, page);
    EXPECT_TRUE(listing.ok()) << listing.error().message;
    for (const RunRow& row : listing->rows) ids.push_back(row.info.run_id);
    return ids;
  }
  std::vector<std::string> Tasks(const Page& page, const TaskFilter& filter = {}) {
    std::vector<std::string> ids;
    const auto listing = catalog_->TaskInstances(filter, page);
    EXPECT_TRUE(listing.ok()) << listing.error().message;
    for (const TaskInstanceRow& row : listing->rows) ids.push_back(row.run_id + "." + row.task_id);
    return ids;
  }
  std::int64_t Count(const TaskFilter& filter) { return catalog_->TaskInstances(filter, Ordered("id", 1))->total; }
  TaskFilter InState(const std::string& state) {
    TaskFilter filter;
    filter.states = {state};
    return filter;
  }

  std::vector<RunInfo> runs_;
};

TEST_F(PgListingTest, RunsBothWaysAndFromAnOffset) {
  EXPECT_THAT(Runs(Ordered("run_after")), ElementsAre("r0", "r1", "r2", "r3"));
  EXPECT_THAT(Runs(Ordered("-run_after", 2, 1)), ElementsAre("r2", "r1"));
  EXPECT_THAT(Runs(Ordered("-start_date", 2)), ElementsAre("r2", "r1"));
  EXPECT_THAT(Runs(Ordered("-start_date", 2, 3)), ElementsAre("r3"));  // it has not begun: last in both directions
}

TEST_F(PgListingTest, WhatHasNotBegunComesLastWhereverThePageEnds) {
  EXPECT_THAT(Tasks(Ordered("-start_date", 3)), ElementsAre("r2.t0", "r1.t0", "r0.t0"));
  EXPECT_THAT(Tasks(Ordered("-start_date", 2, 2)), ElementsAre("r0.t0", "r0.t1"));
  EXPECT_THAT(Tasks(Ordered("start_date", 2, 2)), ElementsAre("r2.t0", "r0.t1"));
  EXPECT_EQ(catalog_->TaskInstances({}, Ordered("-start_date", 2))->total, 8);
}

TEST_F(PgListingTest, TasksByState) {
  EXPECT_THAT(Tasks(Ordered("id"), InState("success")), ElementsAre("r0.t0", "r1.t0"));
  EXPECT_THAT(Tasks(Ordered("id"), InState("running")), ElementsAre("r2.t0"));
  EXPECT_THAT(Tasks(Ordered("id", 2), InState("none")), ElementsAre("r0.t1", "r1.t1"));
  EXPECT_THAT(Tasks(Ordered("id"), InState("no such state")), ElementsAre());
  TaskFilter both = InState("none");
  both.states.push_back("running");
  EXPECT_EQ(Count(both), 6);
  EXPECT_EQ(Count(InState("success")), 2);
}

TEST_F(PgListingTest, TheRowOfAnExpandedTaskIsNotOneOfItsInstances) {
  Sql(fmt::format("insert into task_map (run_id, task_no, length) values ({}, 0, 3)", Id(0).value));
  EXPECT_EQ(Count({}), 10);  // three instances in the place of one
  EXPECT_EQ(Count(InState("success")), 1);
  TaskFilter first;
  first.map_index = 2;
  EXPECT_EQ(Count(first), 1);
}

TEST_F(PgListingTest, ThatThereIsMoreThanIsCountedIsRemembered) {
  Page page = Ordered("id", 1);
  page.most_counted = 3;
  EXPECT_EQ(catalog_->TaskInstances({}, page)->total, 3);
  Sql("delete from dag_run where run_id <> 'r0'");
  EXPECT_EQ(catalog_->TaskInstances({}, page)->total, 3);
  page.most_counted = 4;
  EXPECT_EQ(catalog_->TaskInstances({}, page)->total, 2);  // fewer: exact, and counted anew
  Trigger(9);
  EXPECT_EQ(catalog_->TaskInstances({}, page)->total, 4);
}

TEST_F(PgListingTest, CursorsGoOnWhereThePageEnded) {
  for (const char* order :
       {"id", "-id", "-run_after", "start_date", "-start_date", "state", "-duration", "dag_id", "-end_date"}) {
    const std::vector<std::string> all = Tasks(Ordered(order));
    std::vector<std::string> paged;
    Page page = Ordered(order, 3);
    page.cursor = "";
    for (int pages = 0; pages < 5; ++pages) {
      const auto listing = catalog_->TaskInstances({}, page);
      ASSERT_TRUE(listing.ok()) << order << ": " << listing.error().message;
      for (const TaskInstanceRow& row : listing->rows) paged.push_back(row.run_id + "." + row.task_id);
      page.cursor = listing->next;
      if (listing->next.empty()) break;
    }
    EXPECT_EQ(paged, all) << order;
  }
}

TEST_F(PgListingTest, CursorsOfRuns) {
  Page page = Ordered("-start_date", 2);
  page.cursor = "";
  const auto first = catalog_->Runs({}, page);
  ASSERT_TRUE(first.ok()) << first.error().message;
  EXPECT_EQ(first->rows.back().info.run_id, "r1");
  page.cursor = first->next;
  EXPECT_THAT(Runs(page), ElementsAre("r0", "r3"));
  EXPECT_EQ(catalog_->Runs({}, page)->next, "");
}

TEST_F(PgListingTest, WhatIsNoCursorIsRefused) {
  Page page = Ordered("-run_after", 2);
  for (const char* wrong : {"x", "5b5d", "5b312c325d", "5b2278222c2279225d", "00", "zz"}) {
    page.cursor = wrong;  // "x", [], [1,2], ["x","y"] …
    const auto refused = catalog_->Runs({}, page);
    ASSERT_FALSE(refused.ok()) << wrong;
    EXPECT_EQ(refused.error().code, ErrorCode::kInvalid) << wrong << ": " << refused.error().message;
  }
}

TEST_F(PgListingTest, ACursorOfAnotherOrderIsRefused) {
  Page page = Ordered("run_after", 2);
  page.cursor = "";
  page.cursor = catalog_->Runs({}, page)->next;
  ASSERT_NE(page.cursor, "");
  EXPECT_TRUE(catalog_->Runs({}, page).ok());
  for (const char* order : {"-run_after", "queued_at", "dag_id"}) {
    page.order_by = {order};
    EXPECT_EQ(catalog_->Runs({}, page).error().code, ErrorCode::kInvalid) << order;
  }
}

TEST_F(PgListingTest, PagesOfAListShareTheirTexts) {
  options_.catalog_connections = 1;
  catalog_ = MakePgCatalog(options_);
  Page page = Ordered("run_after");
  for (page.limit = 1; page.limit < 40; ++page.limit) {
    for (page.offset = 0; page.offset < 8; ++page.offset) {
      const auto listing = catalog_->Runs({}, page);
      ASSERT_TRUE(listing.ok()) << listing.error().message;
      ASSERT_EQ(listing->rows.size(), static_cast<std::size_t>(std::min(page.limit, std::max(0L, 4 - page.offset))));
    }
  }
  page.offset = std::numeric_limits<std::int64_t>::max();
  EXPECT_TRUE(catalog_->Runs({}, page)->rows.empty());
  // Their own connection tells: it has the texts of a page and of its count.
  Session session(options_, "test");
  for (page.offset = 0; page.offset < 200; ++page.offset) {
    ListingSql sql;
    ASSERT_TRUE(sql.Order(page, {{"run_after", "r.run_after"}}, "r.id").ok());
    session.RunListing(sql.Cut("select r.id from dag_run r", page), sql.PageParameters(page));
  }
  pqxx::nontransaction work(session.raw());
  EXPECT_LE(work.exec("select count(*) from pg_prepared_statements where name like 'listing%'")[0][0].as<int>(), 3);
}

TEST_F(PgListingTest, TheTextsThatAreAskedForStayKept) {
  Session session(options_, "test");
  for (int n = 1; n <= 300; ++n) {
    session.RunListing("select 0", {});
    session.RunListing(fmt::format("select {}", n), {});
  }
  pqxx::nontransaction work(session.raw());
  EXPECT_EQ(work.exec("select name from pg_prepared_statements where statement = 'select 0'")[0][0].c_str(),
            std::string("listing_1"))
      << "it was prepared once";
}

TEST_F(PgListingTest, PoolsAreFoundByTheBeginningOfTheirNames) {
  Sql("insert into pool (name, slots) values ('etl', 1), ('etl2', 1), ('xetl', 1)");
  std::vector<std::string> names;
  const auto listing = catalog_->Pools(TextSearch{"", "etl"}, Page{});
  for (const PoolRow& row : listing->rows) names.push_back(row.name);
  EXPECT_THAT(names, ElementsAre("etl", "etl2"));
}

TEST_F(PgListingTest, ManyTextsOfStatementsAreNotKept) {
  Session session(options_, "test");
  for (int n = 1; n <= 300; ++n) ASSERT_EQ(session.RunListing(fmt::format("select {}", n), {})[0][0].as<int>(), n);
  pqxx::nontransaction work(session.raw());
  const int kept = work.exec("select count(*) from pg_prepared_statements")[0][0].as<int>();
  EXPECT_GT(kept, 0);
  EXPECT_LE(kept, 100);
}

TEST_F(PgListingTest, TheDagsOfATagAreReadByAnIndex) {
  Sql("set enable_seqscan to off");
  std::string plan;
  for (const pqxx::row& row : Sql("explain select dag_id from dag where tags @> array['finance']"))
    plan += row[0].c_str();
  EXPECT_THAT(plan, HasSubstr("dag_tags"));
}

TEST_F(PgListingTest, TheLatestAreReadByAnIndex) {
  Sql("set enable_seqscan to off; set enable_sort to off");
  const auto plan = [&](const std::string& select) {
    std::string text;
    for (const pqxx::row& row : Sql("explain " + select)) text += row[0].c_str();
    return text;
  };
  EXPECT_THAT(plan("select id from dag_run order by run_after desc, id limit 5"), HasSubstr("dag_run_due"));
  EXPECT_THAT(plan("select id from dag_run where dag_id = 'd' order by run_after desc, id limit 5"),
              HasSubstr("dag_run_due_of_dag"));
  EXPECT_THAT(plan("select id from dag_run where dag_id = 'd' order by id limit 5"), HasSubstr("dag_run_by_dag"));
  EXPECT_THAT(plan("select run_id from task_instance where start_date is not null order by start_date desc limit 5"),
              HasSubstr("task_instance_start"));
  ASSERT_TRUE(Downgrade(options_, 14).ok());
  EXPECT_TRUE(
      Sql("select to_regclass('dag_run_due') is null and to_regclass('task_instance_start') is null")[0][0].as<bool>());
  EXPECT_TRUE(Migrate(options_).ok());
}

}  // namespace
}  // namespace pipelined::testing
