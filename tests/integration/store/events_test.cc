// The history as it grows, over a real server: every event once and in order, whatever the order of the commits.
#include <gmock/gmock.h>

#include <pqxx/pqxx>

#include "pipelined/store/migrations.h"
#include "pipelined/store/pg_store.h"
#include "support/postgres_fixture.h"

namespace pipelined::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class PgEventsTest : public ::testing::Test {
 protected:
  // A connection that writes events in a transaction of its own.
  struct Writer {
    explicit Writer(const StoreOptions& options) : connection(options.url) {
      pqxx::nontransaction(connection).exec("set search_path to " + options.schema);
    }
    void Begin() { transaction = std::make_unique<pqxx::work>(connection); }
    int Add() {
      return transaction
          ->exec1(
              "insert into event (at, who, kind, dag_id, new_state) values (now(), 'me', 'dag', 'd', 'paused') "
              "returning id")[0]
          .as<int>();
    }
    void Commit() {
      transaction->commit();
      transaction.reset();
    }
    void Abort() { transaction.reset(); }
    int One() {
      Begin();
      const int id = Add();
      Commit();
      return id;
    }
    pqxx::connection connection;
    std::unique_ptr<pqxx::work> transaction;
  };

  PgEventsTest() {
    options_.url = PostgresFixture::Shared().url();
    options_.schema = PostgresFixture::Shared().NewSchema();
    EXPECT_TRUE(Migrate(options_).ok());
    catalog_ = MakePgCatalog(options_);
    reader_ = catalog_->Events();
  }
  std::vector<int> Next() {
    const auto settled = reader_->Next(after_, 100);
    EXPECT_TRUE(settled.ok()) << settled.error().message;
    after_ = settled->until;
    std::vector<int> ids;
    for (const EventRow& event : settled->events) ids.push_back(static_cast<int>(event.id));
    return ids;
  }
  // What comes until there are so many.
  std::vector<int> Await(std::size_t count) {
    std::vector<int> all;
    while (all.size() < count) {
      for (const int id : Next()) all.push_back(id);
      if (all.size() < count) reader_->Wait(Seconds(60));
    }
    return all;
  }

  StoreOptions options_;
  std::unique_ptr<Catalog> catalog_;
  std::unique_ptr<EventReader> reader_;
  std::int64_t after_ = 0;
};

TEST_F(PgEventsTest, TellsWhatComesAfterItsStart) {
  Writer writer(options_);
  const int before = writer.One();
  after_ = *reader_->Start();
  EXPECT_EQ(after_, before);
  EXPECT_THAT(Next(), IsEmpty());
  const int id = writer.One();
  EXPECT_THAT(Await(1), ElementsAre(id));
  EXPECT_EQ(reader_->Numbers()->oldest, before);
  EXPECT_EQ(reader_->Between(0, id, 1)->front().id, before);
}

TEST_F(PgEventsTest, AnEventThatIsCommittedLateStillComesInItsOrder) {
  after_ = *reader_->Start();
  Writer slow(options_), fast(options_);
  slow.Begin();
  const int first = slow.Add();
  const int second = fast.One();
  for (int look = 0; look < 5; ++look) EXPECT_THAT(Next(), IsEmpty()) << "the first may still come";
  slow.Commit();
  EXPECT_THAT(Await(2), ElementsAre(first, second));
}

TEST_F(PgEventsTest, ANumberThatWillNeverComeHoldsUpNobody) {
  after_ = *reader_->Start();
  Writer slow(options_), fast(options_);
  slow.Begin();
  slow.Add();
  const int second = fast.One();
  EXPECT_THAT(Next(), IsEmpty());
  slow.Abort();
  EXPECT_THAT(Await(1), ElementsAre(second));
}

// Neither another database's nor one that writes something else.
TEST_F(PgEventsTest, ATransactionThatWritesNoEventsHoldsUpNobody) {
  Writer other(options_);
  other.Begin();
  other.transaction->exec("create table something (a integer)");
  after_ = *reader_->Start();
  Writer slow(options_), fast(options_);
  slow.Begin();
  slow.Add();
  slow.Abort();
  const int second = fast.One();
  const auto began = std::chrono::steady_clock::now();
  EXPECT_THAT(Await(1), ElementsAre(second));
  EXPECT_LT(std::chrono::steady_clock::now() - began, Seconds(20)) << "not until it was waited for no longer";
}

TEST_F(PgEventsTest, TellsWhichNumbersThereAre) {
  after_ = *reader_->Start();
  EXPECT_EQ(reader_->Numbers()->latest, 0);
  EXPECT_FALSE(reader_->Numbers()->oldest.has_value());
  Writer slow(options_), fast(options_);
  const int first = fast.One();
  slow.Begin();
  const int second = slow.Add();
  EXPECT_EQ(reader_->Numbers()->oldest, first);
  EXPECT_EQ(reader_->Numbers()->latest, second) << "though nobody sees it yet";
}

TEST_F(PgEventsTest, AStartWaitsForWhoHasANumberAlready) {
  Writer slow(options_), fast(options_);
  slow.Begin();
  const int first = slow.Add();
  const int second = fast.One();
  EXPECT_EQ(reader_->Start().error().code, ErrorCode::kUnavailable) << "the first may still come";
  slow.Commit();
  after_ = *reader_->Start();
  EXPECT_EQ(after_, second);
  EXPECT_EQ(reader_->Between(0, after_, 10)->front().id, first) << "settled: it can be read";
}

TEST_F(PgEventsTest, WritersTellNobodyWhileNobodyFollows) {
  const auto locks = [&](Writer& writer) {
    writer.Begin();
    writer.Add();
    const int held =
        writer.transaction
            ->exec1("select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()")[0]
            .as<int>();
    writer.Commit();
    return held;
  };
  Writer writer(options_);
  EXPECT_EQ(locks(writer), 1) << "nobody has it, so there is nobody to tell";
  after_ = *reader_->Start();
  EXPECT_EQ(locks(writer), 0);
  reader_->Rest();
  EXPECT_FALSE(reader_->Next(after_, 1).ok());
}

TEST_F(PgEventsTest, AnInterruptEndsAWait) {
  after_ = *reader_->Start();
  reader_->Interrupt();
  reader_->Wait(std::chrono::hours(1));  // ends at once
}

}  // namespace
}  // namespace pipelined::testing
