// Runs that are asked for at the same time, over a real server.
#include <gmock/gmock.h>

#include <pqxx/pqxx>
#include <thread>

#include "pipelined/base/clock.h"
#include "pipelined/store/migrations.h"
#include "pipelined/store/pg_store.h"
#include "support/postgres_fixture.h"
#include "support/store_samples.h"

namespace pipelined::testing {
namespace {

class PgTriggerTest : public ::testing::Test {
 protected:
  PgTriggerTest() : sql_(PostgresFixture::Shared().url()) {
    options_.url = PostgresFixture::Shared().url();
    options_.schema = PostgresFixture::Shared().NewSchema();
    EXPECT_TRUE(Migrate(options_).ok());
    pqxx::nontransaction(sql_).exec("set search_path to " + options_.schema);
    store_ = MakePgStore(options_, SystemClock());
    catalog_ = MakePgCatalog(options_);
    lease_ = **store_->Acquire("me", std::chrono::hours(1));
    EXPECT_TRUE(store_->Load(lease_).ok());
    EXPECT_TRUE(MakePgPublisher(options_)->Publish(Publication{{SampleDag("d")}, {}, {}, {}}, lease_.epoch).ok());
  }
  static TriggerRequest Asked(const std::string& run_id, const std::string& dag_id = "d") {
    TriggerRequest request;
    request.dag_id = dag_id;
    request.run_id = run_id;
    request.run_after = At(0);
    request.who = "uma";
    request.conf = Value::Map{{"run", run_id}};
    return request;
  }
  std::string Text(const std::string& query) { return pqxx::nontransaction(sql_).exec1(query)[0].c_str(); }

  StoreOptions options_;
  pqxx::connection sql_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Catalog> catalog_;
  Lease lease_;
};

TEST_F(PgTriggerTest, EachOfManyAtTheSameTimeGetsItsOwnRunOrItsOwnError) {
  ASSERT_TRUE(catalog_->Trigger(Asked("taken")).ok());
  std::vector<std::string> answers(60);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < answers.size(); ++i) {
    threads.emplace_back([&, i] {
      const std::string id = i % 6 == 0 ? "taken" : "r" + std::to_string(i);
      const Result<RunRow> run = catalog_->Trigger(Asked(id, i % 6 == 1 ? "nowhere" : "d"));
      answers[i] = run.ok() ? run->info.run_id + " " + run->info.conf.Find("run")->string()
                            : std::to_string(static_cast<int>(run.error().code));
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (std::size_t i = 0; i < answers.size(); ++i) {
    const std::string id = "r" + std::to_string(i);
    const ErrorCode refused = i % 6 == 0 ? ErrorCode::kConflict : ErrorCode::kNotFound;
    EXPECT_EQ(answers[i], i % 6 > 1 ? id + " " + id : std::to_string(static_cast<int>(refused))) << i;
  }
  EXPECT_EQ(Text("select count(*) from dag_run"), "41");
}

TEST_F(PgTriggerTest, TheSchedulerIsToldOfEach) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 20; ++i)
    threads.emplace_back([&, i] { EXPECT_TRUE(catalog_->Trigger(Asked("r" + std::to_string(i))).ok()); });
  for (std::thread& thread : threads) thread.join();
  std::size_t seen = 0;
  for (int look = 0; look < 100 && seen < 20; ++look) {
    const auto inbox = store_->Poll();
    ASSERT_TRUE(inbox.ok());
    seen += inbox->runs.size();
    std::this_thread::yield();
  }
  EXPECT_EQ(seen, 20U);
}

TEST_F(PgTriggerTest, ItsEntryInTheTrailIsStoredWithIt) {
  TriggerRequest request = Asked("r");
  TrailEntry& entry = request.entry.emplace();
  entry.who = "uma";
  entry.operation = "trigger_dag_run";
  entry.path = std::string("/api/v2/dags/d/dagRuns\0", 23);  // what PostgreSQL's texts do not hold is replaced
  entry.outcome.emplace().status = 200;
  entry.outcome->after = Value::Map{{"note", "it's \"quoted\""}};
  ASSERT_TRUE(catalog_->Trigger(request).ok());
  EXPECT_FALSE(catalog_->Trigger(request).ok()) << "it is there";
  const auto trail = catalog_->trail().List({}, 10);
  ASSERT_EQ(trail->size(), 1U);
  EXPECT_EQ(trail->front().kind, TrailKind::kChange);
  EXPECT_EQ(trail->front().dag_id, "d");
  EXPECT_EQ(trail->front().run_id, "r");
  EXPECT_EQ(trail->front().outcome->status, 200);
  EXPECT_EQ(trail->front().outcome->after, entry.outcome->after);
  EXPECT_EQ(Text("select new_state || ' ' || who from event where kind = 'command'"), "trigger_dag_run uma");
}

TEST_F(PgTriggerTest, WithoutAnEntryNothingIsTold) {
  ASSERT_TRUE(catalog_->Trigger(Asked("r")).ok());
  EXPECT_TRUE(catalog_->trail().List({}, 10)->empty());
}

}  // namespace
}  // namespace pipelined::testing
