// Cleaning and retention on the real database: what goes, what stays, where it is kept, and who is kept waiting.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <map>
#include <pqxx/pqxx>
#include <set>
#include <thread>

#include "pipelined/base/clock.h"
#include "pipelined/store/clean.h"
#include "pipelined/store/migrations.h"
#include "pipelined/store/pg_store.h"
#include "pipelined/store/run_logs.h"
#include "support/postgres_fixture.h"
#include "support/store_samples.h"

namespace pipelined::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class RetentionTest : public ::testing::Test {
 protected:
  RetentionTest() : sql_(PostgresFixture::Shared().url()) {
    options_.url = PostgresFixture::Shared().url();
    options_.schema = PostgresFixture::Shared().NewSchema();
    EXPECT_TRUE(Migrate(options_).ok());
    Sql("set search_path to " + options_.schema);
    store_ = MakePgStore(options_, SystemClock());
    catalog_ = MakePgCatalog(options_);
    publisher_ = MakePgPublisher(options_);
    lease_ = **store_->Acquire("me", std::chrono::hours(1));
    EXPECT_TRUE(store_->Load(lease_).ok());
    EXPECT_TRUE(publisher_->Publish(Publication{{SampleDag("d"), SampleDag("e")}, {}, {}, {}}, lease_.epoch).ok());
    runs_ = MakePgRunLogs(options_);
  }
  pqxx::result Sql(const std::string& text) { return pqxx::nontransaction(sql_).exec(text); }
  std::int64_t Count(const std::string& of) { return Sql("select count(*) from " + of)[0][0].as<std::int64_t>(); }

  void Trigger(const std::string& dag, const std::string& run) {
    TriggerRequest request;
    request.dag_id = dag;
    request.run_id = run;
    request.run_after = At(0);
    EXPECT_TRUE(catalog_->Trigger(request).ok());
  }
  // Has ended at the second, with a task, a try and an output.
  void Ended(const std::string& dag, const std::string& run, std::int64_t at) {
    Trigger(dag, run);
    const std::string end = fmt::format("to_timestamp({})", ToMicros(At(at)) / 1'000'000);
    const std::string id =
        Sql(fmt::format("update dag_run set state = 'success', start_date = {0}, end_date = {0} where "
                        "dag_id = '{1}' and run_id = '{2}' returning id",
                        end, dag, run))[0][0]
            .c_str();
    const std::string attempt = std::to_string(++attempts_);
    Sql(
        fmt::format("insert into task_instance (run_id, task_no, state, try_number, attempt_id, start_date, end_date) "
                    "values ({0}, 0, 'success', 1, {2}, {1}, {1})",
                    id, end, attempt));
    Sql(
        fmt::format("insert into attempt (id, run_id, task_no, try_number, instance, boot_id, epoch, opened_at, "
                    "start_date, end_date, outcome, exit_code) values ({2}, {0}, 0, 1, 'i', 'b', 1, {1}, {1}, {1}, "
                    "'success', 0)",
                    id, end, attempt));
  }
  void OpenAttempt(const std::string& run) {
    Sql(fmt::format(
        "update attempt set outcome = null, end_date = null, exit_code = null where run_id = (select id from "
        "dag_run where run_id = '{}')",
        run));
  }
  static std::int64_t ToMicros(Instant at) { return at.time_since_epoch().count(); }
  CleanOptions Clean(std::int64_t before, std::set<std::string> tables = {}, std::string archive = {}) {
    return {At(before), std::move(tables), std::move(archive)};
  }

  StoreOptions options_;
  pqxx::connection sql_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Catalog> catalog_;
  std::unique_ptr<DagPublisher> publisher_;
  std::unique_ptr<RunLogs> runs_;
  Lease lease_;
  int attempts_ = 0;
};

TEST_F(RetentionTest, UnfinishedRunsAndThoseWithAProcessStayHoweverOld) {
  Ended("d", "old", 0);
  Ended("d", "new", 100);
  Ended("d", "still_a_process", 0);
  OpenAttempt("still_a_process");
  Trigger("d", "queued");
  Trigger("d", "running");
  Sql("update dag_run set state = 'running', start_date = '2000-01-01Z' where run_id = 'running'");
  EXPECT_EQ(CountOld(options_, Clean(50))->runs, 1);
  const auto counts = CleanOld(options_, Clean(50));
  ASSERT_TRUE(counts.ok()) << counts.error().message;
  EXPECT_EQ(counts->runs, 1);
  EXPECT_EQ(counts->task_instances, 1);
  EXPECT_EQ(counts->attempts, 1);
  std::vector<std::string> left;
  for (const pqxx::row& row : Sql("select run_id from dag_run order by run_id")) left.emplace_back(row[0].c_str());
  EXPECT_THAT(left, ElementsAre("new", "queued", "running", "still_a_process"));
  EXPECT_THAT(*ArchiveTables(options_), IsEmpty());
}

TEST_F(RetentionTest, ManyBatchesRemoveAllAndTellHowFarTheyAre) {
  for (int i = 0; i < 25; ++i) Ended("d", fmt::format("r{}", i), i);
  CleanOptions what = Clean(20, {"dag_run"}, "20260101000000");
  what.batch = 7;
  std::vector<std::int64_t> so_far;
  what.progress = [&](const CleanCounts& counts) { so_far.push_back(counts.runs); };
  EXPECT_EQ(CleanOld(options_, what)->runs, 20);
  EXPECT_THAT(so_far, ElementsAre(7, 14, 20));
  EXPECT_EQ(Count("dag_run"), 5);
  EXPECT_EQ(Count("_pipelined_deleted__dag_run__20260101000000"), 20);
  EXPECT_EQ(Count("_pipelined_deleted__task_instance__20260101000000"), 20);
  EXPECT_EQ(Count("_pipelined_deleted__attempt__20260101000000"), 20);
}

TEST_F(RetentionTest, OnlyTheTablesThatWereNamedAreCleaned) {
  Ended("d", "old", 0);
  EXPECT_EQ(CleanOld(options_, Clean(50, {"command"}))->runs, 0);
  EXPECT_EQ(Count("dag_run"), 1);
  EXPECT_EQ(CleanOld(options_, Clean(50, {"dag_run"}))->runs, 1);
}

TEST_F(RetentionTest, ArchivesHoldTheRowsUntilTheyAreDropped) {
  Ended("d", "old", 0);
  Sql("create table event_2020_01 partition of event for values from ('2020-01-01Z') to ('2020-02-01Z')");
  Sql("insert into event (at, who, kind, dag_id) values ('2020-01-15Z', 'scheduler', 'dag', 'd')");
  const auto counts = CleanOld(options_, Clean(50, {}, "20260101000000"));
  ASSERT_TRUE(counts.ok()) << counts.error().message;
  EXPECT_EQ(counts->runs, 1);
  EXPECT_EQ(counts->event_months, 1);
  EXPECT_EQ(Sql("select run_id, state from _pipelined_deleted__dag_run__20260101000000")[0][0].c_str(),
            std::string("old"));
  EXPECT_EQ(Count("_pipelined_deleted__event_2020_01__20260101000000"), 1);
  EXPECT_EQ(Count("event where at < '2021-01-01Z'"), 0);
  // The second cleaning of the same second adds to the same tables.
  Ended("d", "old2", 0);
  ASSERT_TRUE(CleanOld(options_, Clean(50, {}, "20260101000000")).ok());
  EXPECT_EQ(Count("_pipelined_deleted__dag_run__20260101000000"), 2);
  const std::size_t tables = ArchiveTables(options_)->size();
  EXPECT_GE(tables, 4U);
  EXPECT_EQ(DropArchives(options_)->size(), tables);
  EXPECT_THAT(*ArchiveTables(options_), IsEmpty());
  EXPECT_TRUE(CheckMigrations(options_).ok());
}

TEST_F(RetentionTest, MessagesOfNoRunKeepTheirTriesInTheArchive) {
  Sql("insert into notification (created_at, event, channel, facts, use, state, attempts, ended_at) values "
      "('2020-01-15Z', 'test', 'ops', '{}', '{}', 'sent', 2, '2020-01-15Z')");
  Sql("insert into notification_attempt (notification, number, channel, started_at) select id, n, 'ops', created_at "
      "from notification, generate_series(1, 2) n");
  const auto counts = CleanOld(options_, Clean(50, {}, "20260101000000"));
  ASSERT_TRUE(counts.ok()) << counts.error().message;
  EXPECT_EQ(counts->notifications, 1);
  EXPECT_EQ(Count("_pipelined_deleted__notification__20260101000000"), 1);
  EXPECT_EQ(Count("_pipelined_deleted__notification_attempt__20260101000000"), 2);
}

TEST_F(RetentionTest, ArchivesDoNotStandInTheWayBack) {
  Ended("d", "old", 0);
  ASSERT_TRUE(CleanOld(options_, Clean(50, {}, "20260101000000")).ok());
  const Status back = Downgrade(options_, LatestSchema() - 1);
  EXPECT_TRUE(back.ok()) << back.error().message;
  EXPECT_TRUE(Migrate(options_).ok());
}

TEST_F(RetentionTest, ARunThatASchedulerHasInHandIsLeftAndNotWaitedFor) {
  Ended("d", "a", 0);
  Ended("d", "b", 0);
  pqxx::connection other(options_.url);
  pqxx::work scheduler(other);
  scheduler.exec("set search_path to " + options_.schema);
  scheduler.exec("update dag_run set state = 'queued', end_date = null, start_date = null where run_id = 'a'");
  EXPECT_EQ(CleanOld(options_, Clean(50))->runs, 1);  // would hang here
  scheduler.commit();
  EXPECT_EQ(Sql("select run_id from dag_run")[0][0].c_str(), std::string("a"));
}

TEST_F(RetentionTest, AMonthThatIsReadIsTakenOffWhenTheReaderIsDoneAndNobodyWaitsLong) {
  Sql("create table event_2020_01 partition of event for values from ('2020-01-01Z') to ('2020-02-01Z')");
  pqxx::connection other(options_.url);
  auto reader = std::make_unique<pqxx::work>(other);
  reader->exec("set search_path to " + options_.schema);
  reader->exec("select count(*) from event");
  Result<CleanCounts> counts = Error{};
  std::thread cleaning([&] { counts = CleanOld(options_, Clean(50, {"event"})); });
  // While the cleaning tries again and again, events go on being written, each within the patience of one try.
  Micros longest{0};
  const Micros begun = SystemClock().Monotonic();
  while (SystemClock().Monotonic() - begun < Seconds(2)) {
    const Micros before = SystemClock().Monotonic();
    Sql("insert into event (at, who, kind) values (now(), 'scheduler', 'pool')");
    longest = std::max(longest, SystemClock().Monotonic() - before);
  }
  reader.reset();
  cleaning.join();
  ASSERT_TRUE(counts.ok()) << counts.error().message;
  EXPECT_EQ(counts->event_months, 1);
  EXPECT_LT(longest, Seconds(1));
}

TEST_F(RetentionTest, TheEdgeIsTheOldestOfTheRunsThatStay) {
  for (int i = 1; i <= 4; ++i) Ended("d", fmt::format("r{}", i), i);
  Trigger("d", "queued");
  Ended("e", "other", 1000);
  EXPECT_EQ((*runs_->EdgeOf("d", 3))->at, At(2));
  EXPECT_FALSE(runs_->EdgeOf("d", 5)->has_value());
  EXPECT_FALSE(runs_->EdgeOf("nope", 1)->has_value());
}

TEST_F(RetentionTest, ALookTellsEndedFromUnderWayFromUnknown) {
  Ended("d", "ended", 7);
  Ended("d", "still_a_process", 7);
  OpenAttempt("still_a_process");
  Trigger("d", "queued");
  const auto known = runs_->Look("d", {"ended", "still_a_process", "queued", "nope", "o'dd \"{},\\"});
  ASSERT_TRUE(known.ok()) << known.error().message;
  std::map<std::string, bool> ended;
  for (const RunLogs::Known& run : *known) ended[run.run_id] = run.end.has_value();
  EXPECT_EQ(ended, (std::map<std::string, bool>{{"ended", true}, {"still_a_process", false}, {"queued", false}}));
}

TEST_F(RetentionTest, ARunIsHeldSoThatNobodyBeginsItAnew) {
  Ended("d", "r", 0);
  pqxx::connection other(options_.url);
  pqxx::nontransaction scheduler(other);
  scheduler.exec("set search_path to " + options_.schema);
  scheduler.exec("set lock_timeout = 200");
  std::string refused;
  const auto held = runs_->WhileFinished("d", "r", [&] {
    try {
      scheduler.exec("update dag_run set state = 'queued', end_date = null, start_date = null where run_id = 'r'");
    } catch (const pqxx::sql_error& e) {
      refused = e.what();
    }
  });
  EXPECT_TRUE(*held);
  EXPECT_THAT(refused, HasSubstr("lock timeout"));
  scheduler.exec("update dag_run set state = 'queued', end_date = null, start_date = null where run_id = 'r'");
  bool called = false;
  EXPECT_FALSE(*runs_->WhileFinished("d", "r", [&] { called = true; }));
  EXPECT_FALSE(called);
}

TEST_F(RetentionTest, ARunWithAProcessIsNotHeld) {
  Ended("d", "r", 0);
  OpenAttempt("r");
  EXPECT_FALSE(*runs_->WhileFinished("d", "r", [] { FAIL(); }));
}

}  // namespace
}  // namespace pipelined::testing
