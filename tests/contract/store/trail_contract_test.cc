// What every AuditTrail must do.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pipelined/store/migrations.h"
#include "pipelined/store/pg_store.h"
#include "support/memory_trail.h"
#include "support/postgres_fixture.h"

namespace pipelined::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class TrailContract : public ::testing::TestWithParam<bool> {
 protected:
  TrailContract() {
    if (!GetParam()) return;
    StoreOptions options;
    options.url = PostgresFixture::Shared().url();
    options.schema = PostgresFixture::Shared().NewSchema();
    const auto migrated = Migrate(options);
    EXPECT_TRUE(migrated.ok()) << migrated.error().message;
    catalog_ = MakePgCatalog(options);
  }
  AuditTrail& trail() { return catalog_ ? catalog_->trail() : memory_; }

  static TrailEntry Change(const std::string& who, const std::string& entity = "etl") {
    TrailEntry entry;
    entry.who = who;
    entry.via = "token";
    entry.address = "10.1.2.3";
    entry.request_id = "req";
    entry.agent = "curl";
    entry.operation = "patch_pool";
    entry.method = "PATCH";
    entry.path = "/api/v2/pools/etl";
    entry.dag_id = "d";
    entry.entity = entity;
    return entry;
  }
  static TrailOutcome Ended(int status) {
    TrailOutcome outcome;
    outcome.status = status;
    return outcome;
  }
  std::int64_t Begin(const TrailEntry& entry) {
    const Result<std::int64_t> id = trail().Begin(entry);
    EXPECT_TRUE(id.ok()) << id.error().message;
    return id.ok() ? *id : 0;
  }
  std::vector<TrailEntry> List(const TrailFilter& filter = {}, std::int64_t most = 100) {
    auto found = trail().List(filter, most);
    EXPECT_TRUE(found.ok()) << found.error().message;
    return found.ok() ? *std::move(found) : std::vector<TrailEntry>{};
  }
  std::vector<std::string> Who(const TrailFilter& filter, std::int64_t most = 100) {
    std::vector<std::string> names;
    for (const TrailEntry& entry : List(filter, most)) names.push_back(entry.who);
    return names;
  }

 private:
  MemoryTrail memory_;
  std::unique_ptr<Catalog> catalog_;
};

TEST_P(TrailContract, AChangeAndItsEndAreOneEntry) {
  TrailEntry entry = Change("ann");
  entry.run_id = "r";
  entry.task_id = "t";
  entry.map_index = 3;
  const std::int64_t id = Begin(entry);
  TrailOutcome outcome = Ended(200);
  outcome.reason = "because";
  outcome.before = Value(Value::Map{{"slots", 1}});
  outcome.after = Value(Value::Map{{"slots", 2}});
  ASSERT_TRUE(trail().End(id, entry, outcome).ok());
  const std::vector<TrailEntry> all = List();
  ASSERT_EQ(all.size(), 1U);
  const TrailEntry& read = all[0];
  EXPECT_EQ(read.id, id);
  EXPECT_GT(read.at.time_since_epoch().count(), 0);
  EXPECT_EQ(read.kind, TrailKind::kChange);
  EXPECT_EQ(read.who, "ann");
  EXPECT_EQ(read.via, "token");
  EXPECT_EQ(read.address, "10.1.2.3");
  EXPECT_EQ(read.request_id, "req");
  EXPECT_EQ(read.agent, "curl");
  EXPECT_EQ(read.operation, "patch_pool");
  EXPECT_EQ(read.method, "PATCH");
  EXPECT_EQ(read.path, "/api/v2/pools/etl");
  EXPECT_EQ(read.dag_id, "d");
  EXPECT_EQ(read.run_id, "r");
  EXPECT_EQ(read.task_id, "t");
  EXPECT_EQ(read.map_index, 3);
  EXPECT_EQ(read.entity, "etl");
  EXPECT_EQ(read.times, 1);
  ASSERT_TRUE(read.outcome.has_value());
  EXPECT_EQ(read.outcome->status, 200);
  EXPECT_EQ(read.outcome->reason, "because");
  EXPECT_EQ(read.outcome->before, outcome.before);
  EXPECT_EQ(read.outcome->after, outcome.after);
}

TEST_P(TrailContract, AChangeWithoutAnEndIsThere) {
  Begin(Change("ann"));
  ASSERT_EQ(List().size(), 1U);
  EXPECT_FALSE(List()[0].outcome.has_value());
}

TEST_P(TrailContract, TheEndMayNameWhatCameOfIt) {
  const TrailEntry entry = Change("ann", "");
  const std::int64_t id = Begin(entry);
  TrailOutcome outcome = Ended(200);
  outcome.run_id = "made";
  outcome.entity = "7";
  ASSERT_TRUE(trail().End(id, entry, outcome).ok());
  EXPECT_EQ(List()[0].run_id, "made");
  EXPECT_EQ(List()[0].entity, "7");
  TrailFilter filter;
  filter.run_id = "made";
  filter.entity = "7";
  EXPECT_THAT(Who(filter), ElementsAre("ann"));
}

TEST_P(TrailContract, WhatIsOverAlreadyIsAddedWhole) {
  TrailEntry denied = Change("eve");
  denied.kind = TrailKind::kDenied;
  denied.outcome = Ended(403);
  denied.times = 12;
  ASSERT_TRUE(trail().Add({denied}).ok());
  ASSERT_TRUE(trail().Add({}).ok());
  const std::vector<TrailEntry> all = List();
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].kind, TrailKind::kDenied);
  EXPECT_EQ(all[0].outcome->status, 403);
  EXPECT_EQ(all[0].times, 12);
}

TEST_P(TrailContract, TheNewestComeFirstAndPagesGoOnWhereTheLastEnded) {
  for (const char* who : {"a", "b", "c"}) Begin(Change(who));
  EXPECT_THAT(Who({}), ElementsAre("c", "b", "a"));
  EXPECT_THAT(Who({}, 2), ElementsAre("c", "b"));
  TrailFilter next;
  next.before_id = List({}, 2).back().id;
  EXPECT_THAT(Who(next), ElementsAre("a"));
  TrailFilter later;
  later.after_id = List({}, 100).back().id;
  later.oldest_first = true;
  EXPECT_THAT(Who(later), ElementsAre("b", "c"));
}

TEST_P(TrailContract, EachFilterNarrows) {
  const std::int64_t id = Begin(Change("ann"));
  ASSERT_TRUE(trail().End(id, Change("ann"), Ended(200)).ok());
  TrailEntry denied = Change("eve", "other");
  denied.kind = TrailKind::kDenied;
  denied.operation = "get_config";
  denied.dag_id = "e";
  denied.address = "10.9.9.9";
  denied.request_id = "another";
  denied.outcome = Ended(403);
  ASSERT_TRUE(trail().Add({denied}).ok());
  const auto who = [&](auto change) {
    TrailFilter filter;
    change(filter);
    return Who(filter);
  };
  EXPECT_THAT(who([](TrailFilter& f) { f.who = "ann"; }), ElementsAre("ann"));
  EXPECT_THAT(who([](TrailFilter& f) { f.operation = "get_config"; }), ElementsAre("eve"));
  EXPECT_THAT(who([](TrailFilter& f) { f.dag_id = "d"; }), ElementsAre("ann"));
  EXPECT_THAT(who([](TrailFilter& f) { f.entity = "other"; }), ElementsAre("eve"));
  EXPECT_THAT(who([](TrailFilter& f) { f.address = "10.1.2.3"; }), ElementsAre("ann"));
  EXPECT_THAT(who([](TrailFilter& f) { f.request_id = "another"; }), ElementsAre("eve"));
  EXPECT_THAT(who([](TrailFilter& f) { f.kind = TrailKind::kChange; }), ElementsAre("ann"));
  EXPECT_THAT(who([](TrailFilter& f) { f.status = 403; }), ElementsAre("eve"));
  EXPECT_THAT(who([](TrailFilter& f) { f.refused = true; }), ElementsAre("eve"));
  const Instant first = List().back().at;
  EXPECT_THAT(who([&](TrailFilter& f) { f.until = first; }), IsEmpty());
  EXPECT_THAT(who([&](TrailFilter& f) { f.since = first; }), ElementsAre("eve", "ann"));
}

TEST_P(TrailContract, WhatIsNoTextIsStoredAllTheSame) {
  TrailEntry entry = Change(std::string("a\0b", 3), "'; drop table audit; --");
  entry.agent = "\xff\xfe";
  const std::int64_t id = Begin(entry);
  TrailOutcome outcome = Ended(200);
  outcome.after = Value(Value::Map{{"k", std::string("\0\xff", 2)}});
  ASSERT_TRUE(trail().End(id, entry, outcome).ok());
  EXPECT_EQ(List()[0].entity, "'; drop table audit; --");
}

INSTANTIATE_TEST_SUITE_P(Trails, TrailContract, ::testing::Values(false, true),
                         [](const auto& which) { return which.param ? "Pg" : "Memory"; });

}  // namespace
}  // namespace pipelined::testing
