// A schema of its own with the DAG "d" in it, a catalog over it and a store that leads.
#pragma once

#include <gmock/gmock.h>

#include <memory>
#include <pqxx/pqxx>
#include <string>

#include "pipelined/base/clock.h"
#include "pipelined/store/migrations.h"
#include "pipelined/store/pg_store.h"
#include "support/postgres_fixture.h"
#include "support/store_samples.h"

namespace pipelined::testing {

class PgDagTest : public ::testing::Test {
 protected:
  PgDagTest() : sql_(PostgresFixture::Shared().url()) {
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
    return request;
  }
  std::int64_t Count(const std::string& table) {
    return pqxx::nontransaction(sql_).exec1("select count(*) from " + table)[0].as<std::int64_t>();
  }

  StoreOptions options_;
  pqxx::connection sql_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Catalog> catalog_;
  Lease lease_;
};

}  // namespace pipelined::testing
