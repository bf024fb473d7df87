// A database of its own with the DAG "d", a leader that stores plans, and the catalog that reads what they have made.
#pragma once

#include <gmock/gmock.h>

#include <pqxx/pqxx>

#include "pipelined/base/clock.h"
#include "pipelined/store/migrations.h"
#include "pipelined/store/pg_store.h"
#include "support/postgres_fixture.h"
#include "support/store_samples.h"

namespace pipelined::testing {

class CatalogTest : public ::testing::Test {
 protected:
  explicit CatalogTest(std::vector<PublishedDag> dags = {SampleDag("d")}) : sql_(PostgresFixture::Shared().url()) {
    options_.url = PostgresFixture::Shared().url();
    options_.schema = PostgresFixture::Shared().NewSchema();
    EXPECT_TRUE(Migrate(options_).ok());
    Sql("set search_path to " + options_.schema);
    store_ = MakePgStore(options_, SystemClock());
    catalog_ = MakePgCatalog(options_);
    lease_ = **store_->Acquire("me", std::chrono::hours(1));
    EXPECT_TRUE(store_->Load(lease_).ok());
    EXPECT_TRUE(MakePgPublisher(options_)->Publish(Publication{std::move(dags), {}, {}, {}}, lease_.epoch).ok());
  }
  pqxx::result Sql(const std::string& text) { return pqxx::nontransaction(sql_).exec(text); }
  void Commit(const Plan& plan) {
    const auto committed = store_->Commit(plan, lease_, ExecutorIdentity{"i", "boot"});
    ASSERT_TRUE(committed.ok()) << committed.error().message;
  }

  StoreOptions options_;
  pqxx::connection sql_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Catalog> catalog_;
  Lease lease_;
};

}  // namespace pipelined::testing
