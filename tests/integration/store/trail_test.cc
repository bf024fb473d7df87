// That the audit trail of the database is append-only, and how old months of it go.
#include <gmock/gmock.h>

#include <pqxx/pqxx>

#include "pipelined/store/clean.h"
#include "pipelined/store/migrations.h"
#include "pipelined/store/pg_store.h"
#include "support/postgres_fixture.h"

namespace pipelined::testing {
namespace {

using ::testing::HasSubstr;

class PgTrailTest : public ::testing::Test {
 protected:
  PgTrailTest() : sql_(PostgresFixture::Shared().url()) {
    options_.url = PostgresFixture::Shared().url();
    options_.schema = PostgresFixture::Shared().NewSchema();
    EXPECT_TRUE(Migrate(options_).ok());
    Sql("set search_path to " + options_.schema);
    catalog_ = MakePgCatalog(options_);
  }
  pqxx::result Sql(const std::string& text) { return pqxx::nontransaction(sql_).exec(text); }
  // What the database says to a statement; empty: it did it.
  std::string Refusal(const std::string& text) {
    try {
      Sql(text);
      return "";
    } catch (const pqxx::sql_error& error) {
      return error.what();
    }
  }
  std::int64_t Rows() { return Sql("select count(*) from audit")[0][0].as<std::int64_t>(); }
  TrailEntry Entry() {
    TrailEntry entry;
    entry.who = "ann";
    entry.operation = "patch_variable";
    entry.entity = "region";
    return entry;
  }

  StoreOptions options_;
  pqxx::connection sql_;
  std::unique_ptr<Catalog> catalog_;
};

TEST_F(PgTrailTest, NothingCanBeChangedOrRemovedNotEvenByItsOwner) {
  ASSERT_TRUE(catalog_->trail().Begin(Entry()).ok());
  Sql("insert into audit (at, kind, status) values ('2000-01-01', 'denied', 403)");  // in the default partition
  const std::string month = Sql("select tableoid::regclass from audit where who = 'ann'")[0][0].c_str();
  for (const std::string& table : {std::string("audit"), month, std::string("audit_default")}) {
    EXPECT_THAT(Refusal("update " + table + " set who = 'eve'"), HasSubstr("append-only")) << table;
    EXPECT_THAT(Refusal("delete from " + table), HasSubstr("append-only")) << table;
    EXPECT_THAT(Refusal("truncate " + table), HasSubstr("append-only")) << table;
  }
  EXPECT_THAT(Refusal("set session_replication_role = replica; delete from audit"), HasSubstr("append-only"));
  EXPECT_EQ(Rows(), 2);
}

TEST_F(PgTrailTest, PartitionsThatAreMadeLaterAreGuardedToo) {
  Sql("drop table " +
      std::string(Sql("select 'audit_' || to_char(now() at time zone 'UTC', 'YYYY_MM')")[0][0].c_str()));
  Sql("select ensure_audit_partitions(), ensure_audit_partitions()");
  ASSERT_TRUE(catalog_->trail().Begin(Entry()).ok());
  const std::string month = Sql("select tableoid::regclass from audit")[0][0].c_str();
  EXPECT_NE(month, "audit_default");
  EXPECT_THAT(Refusal("truncate " + month), HasSubstr("append-only"));
}

TEST_F(PgTrailTest, OldMonthsGoOnWishAndLeaveAnEntry) {
  Sql("create table audit_2020_01 partition of audit for values from ('2020-01-01 00:00Z') to ('2020-02-01 00:00Z')");
  Sql("insert into audit (at, kind, status) values ('2020-01-05', 'denied', 403), ('2020-01-06', 'denied', 401)");
  const Instant before = *ParseInstant("2021-01-01T00:00:00Z");
  EXPECT_EQ(CleanOld(options_, before)->audit_months, 0);
  EXPECT_EQ(Rows(), 2);
  EXPECT_EQ(CountOldAudit(options_, before)->audit_months, 1);
  EXPECT_EQ(Rows(), 2);
  EXPECT_EQ(CleanOldAudit(options_, before, "root (uid 0)")->audit_months, 1);
  const auto left = catalog_->trail().List({}, 10);
  ASSERT_TRUE(left.ok());
  ASSERT_EQ(left->size(), 1U);
  EXPECT_EQ(left->front().kind, TrailKind::kCleaned);
  EXPECT_EQ(left->front().who, "root (uid 0)");
  EXPECT_EQ(left->front().outcome->before.Find("entries")->integer(), 2);
  EXPECT_EQ(CleanOldAudit(options_, before, "root (uid 0)")->audit_months, 0);
  EXPECT_EQ(Rows(), 1);
}

TEST_F(PgTrailTest, WhatOnlyItKnowsIsInTheLogOfEventsToo) {
  const auto id = catalog_->trail().Begin(Entry());
  ASSERT_TRUE(id.ok());
  TrailOutcome outcome;
  outcome.status = 200;
  outcome.in_history = true;
  ASSERT_TRUE(catalog_->trail().End(*id, Entry(), outcome).ok());
  const auto log = catalog_->Audit(AuditFilter{}, Page{});
  ASSERT_TRUE(log.ok()) << log.error().message;
  ASSERT_EQ(log->rows.size(), 1U);
  EXPECT_EQ(log->rows[0].event, "patch_variable");
  EXPECT_EQ(log->rows[0].who, "ann");
  EXPECT_THAT(log->rows[0].why, HasSubstr("region"));
}

TEST_F(PgTrailTest, TheEndOfTheListIsReadByItsIndex) {
  Sql("set enable_seqscan = off");
  std::string plan;
  for (const auto& row : Sql("explain select * from audit e where e.kind <> 'outcome' order by e.id desc limit 10"))
    plan += row[0].c_str() + std::string("\n");
  EXPECT_THAT(plan, HasSubstr("audit_2"));
  EXPECT_THAT(plan, ::testing::Not(HasSubstr("Sort  ")));
  EXPECT_THAT(plan, HasSubstr("Index Scan Backward"));
}

}  // namespace
}  // namespace pipelined::testing
