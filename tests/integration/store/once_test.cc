// Requests with a key over a real server: fifty at the same time are one.
#include <gmock/gmock.h>

#include <atomic>
#include <pqxx/pqxx>
#include <set>
#include <thread>

#include "pipelined/base/clock.h"
#include "pipelined/store/migrations.h"
#include "pipelined/store/pg_store.h"
#include "support/postgres_fixture.h"
#include "support/store_samples.h"

namespace pipelined::testing {
namespace {

class PgOnceTest : public ::testing::Test {
 protected:
  PgOnceTest() : sql_(PostgresFixture::Shared().url()) {
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
  static TriggerRequest Asked(const std::string& run_id) {
    TriggerRequest request;
    request.dag_id = "d";
    request.run_id = run_id;
    request.run_after = At(0);
    request.who = "uma";
    return request;
  }
  static OnceKey Key(const std::string& request = "digest", std::int64_t user = 1) {
    return OnceKey{user, "key", request};
  }
  Result<KeptAnswer> Trigger(const std::string& run_id, const OnceKey& key) {
    return catalog_->TriggerOnce(Asked(run_id), key, [](const RunRow& row) {
      return KeptAnswer{200, row.info.run_id};
    });
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

TEST_F(PgOnceTest, FiftyAtTheSameTimeAreOneRun) {
  std::vector<std::string> answers(50);
  std::atomic<int> first{0};
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < answers.size(); ++i) {
    threads.emplace_back([&, i] {
      const auto kept = Trigger("r" + std::to_string(i), Key());
      answers[i] = kept.ok() ? kept->body : kept.error().message;
      if (kept.ok() && !kept->repeated) ++first;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(std::set<std::string>(answers.begin(), answers.end()).size(), 1U) << "all are answered alike";
  EXPECT_EQ(first, 1);
  EXPECT_EQ(Count("dag_run"), 1);
  EXPECT_EQ(Count("idempotency_key"), 1);
}

TEST_F(PgOnceTest, AnAnswerOutlivesTheServer) {
  ASSERT_EQ(Trigger("r", Key())->body, "r");
  catalog_ = MakePgCatalog(options_);
  EXPECT_EQ((*catalog_->Kept(Key()))->body, "r");
  EXPECT_EQ(Trigger("other", Key())->body, "r");
}

TEST_F(PgOnceTest, AnotherRequestOrAnotherUser) {
  ASSERT_TRUE(Trigger("r", Key()).ok());
  EXPECT_EQ(Trigger("s", Key("other")).error().code, ErrorCode::kInvalid);
  EXPECT_EQ(catalog_->Kept(Key("other")).error().code, ErrorCode::kInvalid);
  EXPECT_EQ(Trigger("s", Key("digest", 2))->body, "s");
}

TEST_F(PgOnceTest, NothingIsKeptOfWhatFails) {
  ASSERT_TRUE(catalog_->Trigger(Asked("r")).ok());
  EXPECT_EQ(Trigger("r", Key()).error().code, ErrorCode::kConflict);
  EXPECT_EQ(Count("idempotency_key"), 0);
  EXPECT_EQ(Trigger("s", Key())->body, "s");
}

TEST_F(PgOnceTest, AfterADayAKeyIsNew) {
  ASSERT_EQ(Trigger("r", Key())->body, "r");
  ASSERT_EQ(Trigger("s", OnceKey{1, "another", "digest"})->body, "s");
  pqxx::nontransaction(sql_).exec("update idempotency_key set made_at = made_at - interval '25 hours'");
  EXPECT_FALSE(catalog_->Kept(Key())->has_value());
  EXPECT_EQ(Trigger("t", Key())->body, "t");
  EXPECT_EQ(Count("idempotency_key"), 1) << "the other one is gone";
}

// The command is filed once; whoever asks while nobody leads, or after a crash, waits for the same one.
TEST_F(PgOnceTest, ACommandIsFiledOnce) {
  const auto ask = [&](Micros patience) {
    return catalog_->ExecuteOnce(Command{{}, "uma", ListQueue{}}, patience, Key(), [](const CommandDone&) {
      return KeptAnswer{200, "done"};
    });
  };
  EXPECT_EQ(ask(Millis(1)).error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(ask(Millis(1)).error().code, ErrorCode::kUnavailable);
  ASSERT_EQ(Count("command"), 1);
  const auto inbox = store_->Poll();
  Plan plan;
  plan.now = At(1);
  plan.commands = {CommandDone{inbox->commands.front().id, "", ErrorCode::kInvalid, Value(Value::Map{})}};
  ASSERT_TRUE(store_->Commit(plan, lease_, ExecutorIdentity{"i", "boot"}).ok());
  EXPECT_FALSE(ask(Seconds(10))->repeated);
  EXPECT_TRUE(ask(Seconds(10))->repeated);
  EXPECT_EQ(Count("command"), 1);
}

}  // namespace
}  // namespace pipelined::testing
