// What only a real server shows: constraints, migrations, broken connections, waiting.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <pqxx/pqxx>
#include <thread>

#include "pipelined/store/migrations.h"
#include "pipelined/store/pg_store.h"
#include "support/postgres_fixture.h"
#include "support/store_samples.h"

namespace pipelined::testing {
namespace {

constexpr Micros kTtl = std::chrono::seconds(30);
const ExecutorIdentity kExecutor{"i", "b"};

class PgStoreTest : public ::testing::Test {
 protected:
  PgStoreTest() : sql_(PostgresFixture::Shared().url()) {
    options_.url = PostgresFixture::Shared().url();
    options_.schema = PostgresFixture::Shared().NewSchema();
    const auto migrated = Migrate(options_);
    EXPECT_TRUE(migrated.ok()) << migrated.error().message;
    Sql("set search_path to " + options_.schema);
    store_ = MakePgStore(options_, SystemClock());
    catalog_ = MakePgCatalog(options_);
    Lead();
    publisher_ = MakePgPublisher(options_);
    Publish({SampleDag("d")});
  }
  void Lead() {
    lease_ = **store_->Acquire("me", kTtl);
    ASSERT_TRUE(store_->Load(lease_).ok());
  }
  pqxx::result Sql(const std::string& text) { return pqxx::nontransaction(sql_).exec(text); }
  std::string Refused(const std::string& text) {
    try {
      Sql(text);
    } catch (const pqxx::sql_error& e) {
      return e.sqlstate();
    }
    return "";
  }
  std::vector<StoredDag> Publish(std::vector<PublishedDag> dags, std::vector<KnownFile> files = {},
                                 std::vector<KnownFile> removed = {}) {
    auto changed =
        publisher_->Publish(Publication{std::move(dags), std::move(files), std::move(removed), {}}, lease_.epoch);
    EXPECT_TRUE(changed.ok()) << changed.error().message;
    return *changed;
  }
  Result<RunRow> Trigger(const std::string& run_id, std::optional<Instant> logical_date = std::nullopt) {
    TriggerRequest request;
    request.dag_id = "d";
    request.run_id = run_id;
    request.run_after = At(0);
    request.logical_date = logical_date;
    request.conf = Value(Value::Map{{"z", 1}, {"a", "x\\y"}});
    return catalog_->Trigger(request);
  }
  Plan Starting(const RunInfo& run, std::int64_t attempt = 1) {
    Plan plan;
    plan.now = At(10);
    plan.runs = {Begin(run)};
    plan.tasks = {Start(run.id, 0, attempt, At(10))};
    plan.opened = {Open(run.id, 0, attempt)};
    return plan;
  }

  StoreOptions options_;
  pqxx::connection sql_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Catalog> catalog_;
  std::unique_ptr<DagPublisher> publisher_;
  Lease lease_;
};

TEST_F(PgStoreTest, TheWordsOfTheChecksAreThoseOfTheProgram) {
  const auto check = [&](const char* name) {
    return std::string(Sql("select pg_get_constraintdef(oid) from pg_constraint where conname = '" + std::string(name) +
                           "' and connamespace = '" + options_.schema + "'::regnamespace")[0][0]
                           .c_str());
  };
  const auto words = [](const std::string& text) { return std::count(text.begin(), text.end(), '\'') / 2; };
  const std::string task = check("task_instance_state");
  EXPECT_EQ(words(task), static_cast<long>(kTaskStates));  // 'none': cleared
  for (std::size_t i = 0; i < kTaskStates; ++i)
    EXPECT_THAT(task, ::testing::HasSubstr("'" + std::string(ToString(static_cast<TaskState>(i))) + "'"));
  const std::string end = check("task_instance_end");
  for (std::size_t i = 1; i < kTaskStates; ++i) {
    const auto state = static_cast<TaskState>(i);
    EXPECT_EQ(end.find("'" + std::string(ToString(state)) + "'") != std::string::npos, IsFinished(state))
        << ToString(state);
  }
  const std::string outcome = check("attempt_outcome");
  EXPECT_EQ(words(outcome), 8);
  for (int i = 0; i < 8; ++i)
    EXPECT_THAT(outcome, ::testing::HasSubstr("'" + std::string(ToString(static_cast<TryOutcome>(i))) + "'"));
  const std::string reprocess = check("backfill_reprocess"), skipped = check("backfill_run_skipped");
  EXPECT_EQ(words(reprocess), 3);
  EXPECT_EQ(words(skipped), 3);
  for (int i = 0; i < 3; ++i) {
    EXPECT_THAT(reprocess, ::testing::HasSubstr("'" + std::string(ToString(static_cast<Reprocess>(i))) + "'"));
    EXPECT_THAT(skipped, ::testing::HasSubstr("'" + std::string(ToString(static_cast<SlotSkip>(i + 1))) + "'"));
  }
  const std::string run = check("dag_run_state_check");
  EXPECT_EQ(words(run), 4);
  for (int i = 0; i < 4; ++i)
    EXPECT_THAT(run, ::testing::HasSubstr("'" + std::string(ToString(static_cast<RunState>(i))) + "'"));
}

TEST_F(PgStoreTest, EveryGuaranteeBites) {
  const std::string check = "23514", unique = "23505";
  EXPECT_EQ(Refused("insert into task_instance (run_id, task_no, state) values (1, 0, 'suspended')"), check);
  EXPECT_EQ(Refused("insert into task_instance (run_id, task_no, state, end_date) values (1, 0, 'none', now())"),
            check);
  EXPECT_EQ(Refused("insert into task_instance (run_id, task_no, state) values (1, 0, 'success')"), check);
  EXPECT_EQ(Refused("insert into task_instance (run_id, task_no, state, end_date) values (1, 0, 'scheduled', now())"),
            check);
  EXPECT_EQ(Refused("insert into task_instance (run_id, task_no, state) values (1, 0, 'running')"), check);
  EXPECT_EQ(Refused("insert into task_instance (run_id, task_no, state, attempt_id, try_number) values (1, 0, "
                    "'up_for_retry', 1, 1)"),
            check);
  Sql("insert into attempt (id, run_id, task_no, try_number, instance, boot_id, epoch, opened_at) values (901, 9, 0, "
      "1, '', '', 1, now())");
  EXPECT_EQ(Refused("insert into attempt (id, run_id, task_no, try_number, instance, boot_id, epoch, opened_at) values "
                    "(902, 9, 0, 2, '', '', 1, now())"),
            unique);
  EXPECT_EQ(Refused("update attempt set outcome = 'success' where id = 901"), check);
  Sql("insert into backfill (id, dag_id, from_date, to_date, reprocess, run_backwards, max_active_runs, who, "
      "created_at, "
      "updated_at) values (1, 'b', now(), now(), 'none', false, 1, '', now(), now())");
  EXPECT_EQ(Refused("insert into backfill (id, dag_id, from_date, to_date, reprocess, run_backwards, max_active_runs, "
                    "who, created_at, updated_at) values (2, 'b', now(), now(), 'none', false, 1, '', now(), now())"),
            unique);
  EXPECT_EQ(Refused("update backfill set max_active_runs = 0"), check);
  EXPECT_EQ(Refused("update backfill set cancelled = true"), check);
  EXPECT_EQ(Refused("insert into pool values ('p', -2)"), check);
  EXPECT_EQ(Refused("insert into installation default values"), unique);
  ASSERT_TRUE(Trigger("a", At(0)).ok());
  EXPECT_EQ(Refused("update dag_run set state = 'running'"), check);
  EXPECT_EQ(Refused("update dag_run set state = 'success'"), check);
  EXPECT_EQ(Trigger("a").error().code, ErrorCode::kConflict);
  EXPECT_EQ(Trigger("b", At(0)).error().code, ErrorCode::kConflict);
  EXPECT_EQ(Trigger("a/b").error().code, ErrorCode::kInvalid);
}

TEST_F(PgStoreTest, MigrationsGoUpAndDownAndANewerSchemaIsRefused) {
  EXPECT_EQ(*Migrate(options_), LatestSchema());
  EXPECT_TRUE(CheckMigrations(options_).ok());
  Sql("insert into schema_migration (number, name) values (99, 'later')");
  EXPECT_EQ(Migrate(options_).error().code, ErrorCode::kConflict);
  EXPECT_EQ(CheckMigrations(options_).error().code, ErrorCode::kConflict);
  EXPECT_EQ(Downgrade(options_, 0).error().code, ErrorCode::kConflict);
  Sql("delete from schema_migration where number = 99");
  const Status down = Downgrade(options_, 0);
  ASSERT_TRUE(down.ok()) << down.error().message;
  EXPECT_EQ(Sql("select from pg_tables where schemaname = '" + options_.schema + "'").size(), 1U);
  EXPECT_EQ(*Migrate(options_), 0);
}

// The functions of a turn are replaced with their parameters: those of before must be there again, and work.
TEST_F(PgStoreTest, AuthorsStayWhenTheirMigrationIsTakenBackAndTheEarlierTurnWorksAgain) {
  const RunInfo run = Trigger("r")->info;
  Plan plan = Starting(run);
  plan.runs[0].who = "ann";
  ASSERT_TRUE(store_->Commit(plan, lease_, kExecutor).ok());
  const auto functions = [&] {
    std::string all;
    for (const pqxx::row& row : Sql("select proname || pg_get_function_identity_arguments(oid) || md5(prosrc) from "
                                    "pg_proc where pronamespace = '" +
                                    options_.schema + "'::regnamespace order by 1"))
      all += std::string(row[0].c_str()) + "\n";
    return all;
  };
  const std::string after = functions();
  ASSERT_TRUE(Downgrade(options_, 11).ok());
  const std::string before = functions();
  EXPECT_EQ(before.find("author("), std::string::npos);
  EXPECT_EQ(Sql("select who from event where kind = 'run'")[0][0].c_str(), std::string("ann"));
  Sql("select steer_tasks(0, array[1], array[0], array[-1], array['running'], array['failed'], array[1], array[0], "
      "array[1], array[null::bigint], array[null::bigint], array[null::bigint], array['by hand'])");
  EXPECT_EQ(Sql("select who from event where new_state = 'failed'")[0][0].c_str(), std::string("scheduler"));
  ASSERT_TRUE(Migrate(options_).ok());
  EXPECT_EQ(functions(), after);
  // Down to where they were first made and up again: the same functions as an untouched way up leaves.
  ASSERT_TRUE(Downgrade(options_, 8).ok());
  ASSERT_TRUE(Migrate(options_).ok());
  EXPECT_EQ(functions(), after);
}

// Before mapping a task is one row: what is left of instances would be taken for it, where the run still goes on.
TEST_F(PgStoreTest, WithoutMappingNoInstanceOfAnUnfinishedRunIsLeft) {
  for (const char* run_id : {"open", "queued", "done"}) ASSERT_TRUE(Trigger(run_id).ok());
  Sql("update dag_run set state = 'running', start_date = now() where run_id = 'open'; "
      "update dag_run set state = 'success', start_date = now(), end_date = now() where run_id = 'done'");
  // t0 has run, t1 is mapped: its own row, an instance that runs, one that has ended, one that was cleared.
  for (const char* run_id : {"open", "queued", "done"}) {
    const std::string run = "(select id from dag_run where run_id = '" + std::string(run_id) + "')";
    Sql("insert into task_map (run_id, task_no, length) values (" + run + ", 1, 3)");
    Sql("insert into task_instance (run_id, task_no, map_index, state, try_number, attempt_id, start_date, end_date) "
        "values (" +
        run + ", 0, -1, 'success', 1, 1, now(), now()), (" + run +
        ", 1, -1, 'none', 0, null, null, null), "
        "(" +
        run + ", 1, 0, 'running', 1, 2, now(), null), (" + run +
        ", 1, 1, 'success', 1, 3, now(), now()), "
        "(" +
        run + ", 1, 2, 'none', 2, 4, null, null)");
    Sql("insert into xcom (run_id, task_no, map_index, key, value) values (" + run + ", 0, -1, 'k', '1'), (" + run +
        ", 1, 1, 'k', '1')");
  }
  Sql("insert into attempt (id, run_id, task_no, map_index, try_number, instance, boot_id, epoch, opened_at) select 2, "
      "id, 1, 0, 1, 'i', 'b', 1, now() from dag_run where run_id = 'open'");
  const Status down = Downgrade(options_, 5);
  ASSERT_TRUE(down.ok()) << down.error().message;
  const auto rows = [&](const std::string& of, const std::string& run_id) {
    return Sql("select from " + of + " x join dag_run r on r.id = x.run_id where r.run_id = '" + run_id + "'").size();
  };
  for (const char* run_id : {"open", "queued"}) {
    EXPECT_EQ(rows("task_instance", run_id), 1U) << run_id;
    EXPECT_EQ(rows("xcom", run_id), 1U) << run_id;
  }
  EXPECT_EQ(rows("task_instance", "done"), 5U);
  EXPECT_EQ(rows("xcom", "done"), 2U);
  EXPECT_EQ(rows("attempt", "open"), 1U);
  EXPECT_EQ(*Migrate(options_), 5);
  Lead();
  const auto snapshot = store_->Load(lease_);
  ASSERT_TRUE(snapshot.ok()) << snapshot.error().message;
  ASSERT_EQ(snapshot->runs.size(), 2U);
  EXPECT_THAT(snapshot->runs[0].tasks, ::testing::SizeIs(1));
  EXPECT_THAT(snapshot->attempts, ::testing::SizeIs(1));  // to be stopped
}

TEST_F(PgStoreTest, TwoStartersMigrateOnce) {
  StoreOptions other = options_;
  other.schema = PostgresFixture::Shared().NewSchema();
  Result<int> first = 0, second = 0;
  std::thread one([&] { first = Migrate(other); });
  std::thread two([&] { second = Migrate(other); });
  one.join();
  two.join();
  ASSERT_TRUE(first.ok() && second.ok());
  // Each migration is a step of its own: the second may come between two of them.
  EXPECT_EQ(std::min(*first, *second), 0);
  EXPECT_GT(std::max(*first, *second), 0);
}

TEST_F(PgStoreTest, ALeaderThatWasPassedOverIsRefused) {
  const RunInfo run = Trigger("r")->info;
  Sql("update lease set expires_at = '-infinity'");  // as if it had been stopped for longer than its lease
  auto successor = MakePgStore(options_, SystemClock());
  ASSERT_TRUE(successor->Acquire("other", kTtl)->has_value());
  EXPECT_EQ(store_->Commit(Starting(run), lease_, kExecutor).error().code, ErrorCode::kStale);
  EXPECT_EQ(store_->Renew(lease_).error().code, ErrorCode::kStale);
  EXPECT_EQ(publisher_->Publish(Publication{{SampleDag("e")}, {}, {}, {}}, lease_.epoch).error().code,
            ErrorCode::kStale);
  EXPECT_EQ(Sql("select from attempt").size(), 0U);
}

TEST_F(PgStoreTest, ALostConnectionIsReportedAndReplacedOnPurpose) {
  const RunInfo run = Trigger("r")->info;
  Sql("select pg_terminate_backend(pid, 2000) from pg_stat_activity where application_name like 'pipelined%'");
  EXPECT_EQ(store_->Commit(Starting(run), lease_, kExecutor).error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(store_->Poll().error().code, ErrorCode::kUnavailable);
  Lead();
  EXPECT_TRUE(store_->Commit(Starting(run), lease_, kExecutor).ok());
  EXPECT_EQ(catalog_->Run("d", "r")->info.state, RunState::kRunning);
}

TEST_F(PgStoreTest, ATurnWithoutAnAnswerIsInDoubtAndReadAgain) {
  const RunInfo run = Trigger("r")->info;
  // The turn reaches its COMMIT and hangs there.
  Sql("create function slow() returns trigger language plpgsql as $$ begin perform pg_sleep(20); return null; end $$; "
      "create constraint trigger slow after insert on attempt deferrable initially deferred for each row execute "
      "function slow()");
  std::thread killer([&] {
    for (int i = 0; i < 2000; ++i) {
      if (!Sql("select pg_terminate_backend(pid) from pg_stat_activity where wait_event = 'PgSleep'").empty()) return;
      std::this_thread::yield();
    }
  });
  const auto committed = store_->Commit(Starting(run), lease_, kExecutor);
  killer.join();
  ASSERT_FALSE(committed.ok());
  EXPECT_EQ(committed.error().code, ErrorCode::kInDoubt) << committed.error().message;
  Lead();
  EXPECT_EQ(store_->Load(lease_)->runs[0].run.state, RunState::kQueued);
}

TEST_F(PgStoreTest, OnlyChangesAreAnsweredByAPublication) {
  EXPECT_TRUE(Publish({SampleDag("d")}).empty());
  const auto changed = Publish({SampleDag("d", 3, "h2"), SampleDag("e")}, {KnownFile{"/dags", "d.yaml", "f", {"d"}}});
  ASSERT_EQ(changed.size(), 2U);
  EXPECT_EQ(catalog_->Dag("d")->version_number, 2);
  EXPECT_EQ(catalog_->Dag("d")->tags, SampleDag("d").dag->tags);
  const auto gone = Publish({}, {}, {KnownFile{"/dags", "d.yaml", "f", {"d"}}});
  ASSERT_EQ(gone.size(), 1U);
  EXPECT_TRUE(gone[0].head.stale);
  EXPECT_EQ(catalog_->Dags(DagFilter{}, Page{})->total, 1);
  EXPECT_TRUE(publisher_->KnownFiles()->empty());
}

TEST_F(PgStoreTest, TwoPublishersOfOneVersionAgree) {
  auto other = MakePgPublisher(options_);
  Publication publication;
  for (int i = 0; i < 50; ++i) publication.dags.push_back(SampleDag("p" + std::to_string(i)));
  Result<std::vector<StoredDag>> first = std::vector<StoredDag>(), second = first;
  std::thread one([&] { first = publisher_->Publish(publication, lease_.epoch); });
  std::thread two([&] { second = other->Publish(publication, lease_.epoch); });
  one.join();
  two.join();
  ASSERT_TRUE(first.ok()) << first.error().message;
  ASSERT_TRUE(second.ok()) << second.error().message;
  EXPECT_EQ(first->size() + second->size(), 50U);
  EXPECT_EQ(
      Sql("select from dag_version_task t join dag_version v on v.id = t.version_id where v.dag_id like 'p%'").size(),
      100U);
}

TEST_F(PgStoreTest, UntouchedTasksAreListedWithStateNone) {
  const RunInfo run = Trigger("r")->info;
  ASSERT_TRUE(store_->Commit(Starting(run), lease_, kExecutor).ok());
  TaskFilter filter;
  filter.dag_id = "d";
  filter.run_id = "r";
  const auto tasks = catalog_->TaskInstances(filter, Page{50, 0, {"-task_id"}});
  ASSERT_TRUE(tasks.ok()) << tasks.error().message;
  ASSERT_EQ(tasks->total, 2);
  EXPECT_EQ(tasks->rows[0].state, TaskState::kNone);
  EXPECT_EQ(tasks->rows[1].state, TaskState::kRunning);
  EXPECT_EQ(tasks->rows[1].executor_instance, "i");
  filter.states = {"none"};
  EXPECT_EQ(catalog_->TaskInstances(filter, Page{})->total, 1);
  EXPECT_EQ(catalog_->Tries("d", "r", "t0", kNotMapped)->size(), 1U);
  EXPECT_EQ(catalog_->Tries("d", "r", "nope", kNotMapped).error().code, ErrorCode::kNotFound);
  RunFilter running;
  running.states = {"running"};
  running.run.pattern = "R";
  EXPECT_EQ(catalog_->Runs(running, Page{1, 0, {"-start_date"}})->total, 1);
  EXPECT_EQ(catalog_->Runs(RunFilter{}, Page{50, 0, {"nope"}}).error().code, ErrorCode::kInvalid);
  EXPECT_EQ(catalog_->Run("d", "r")->info.conf, Value(Value::Map{{"z", 1}, {"a", "x\\y"}}));
}

TEST_F(PgStoreTest, ACommandIsAnsweredToItsWaiter) {
  ASSERT_TRUE(store_->Poll().ok());
  Result<CommandDone> answer = CommandDone{};
  std::thread waiter([&] {
    answer = catalog_->Execute(Command{{}, "admin", PauseDag{"d", true}}, std::chrono::seconds(10));
  });
  Inbox inbox;
  while (inbox.commands.empty()) inbox = *store_->Poll();
  EXPECT_EQ(std::get<PauseDag>(inbox.commands[0].what).dag_id, "d");
  Plan plan;
  plan.now = At(1);
  plan.dags = {DagChange{"d", true, std::nullopt, false, ""}};
  plan.commands = {CommandDone{inbox.commands[0].id, "", ErrorCode::kInvalid, Value(Value::Map{{"ok", true}})}};
  const auto committed = store_->Commit(plan, lease_, kExecutor);
  waiter.join();
  ASSERT_TRUE(committed.ok()) << committed.error().message;
  ASSERT_TRUE(answer.ok()) << answer.error().message;
  EXPECT_EQ(answer->result, Value(Value::Map{{"ok", true}}));
  EXPECT_TRUE(catalog_->Dag("d")->paused);
  EXPECT_EQ(catalog_->Execute(Command{{}, "admin", PauseDag{"d", true}}, Millis(1)).error().code,
            ErrorCode::kUnavailable);
}

TEST_F(PgStoreTest, UsersAndTokens) {
  ASSERT_TRUE(catalog_->AddUser(UserRow{0, "admin", "hash", "admin"}).ok());
  EXPECT_EQ(catalog_->AddUser(UserRow{0, "admin", "hash", "admin"}).error().code, ErrorCode::kConflict);
  const auto user = catalog_->FindUser("admin");
  ASSERT_TRUE(catalog_->AddToken("aa", **user, SystemClock().Now() + kTtl).ok());
  ASSERT_TRUE(catalog_->AddToken("bb", **user, At(0)).ok());
  EXPECT_EQ((**catalog_->accounts().OfToken("aa")).account.name, "admin");
  EXPECT_TRUE((**catalog_->accounts().OfToken("aa")).rights.May(access::Permission::kUsersEdit));
  EXPECT_FALSE(catalog_->accounts().OfToken("bb")->has_value());
  EXPECT_TRUE(catalog_->CheckHealth()->scheduler_leading);
}

}  // namespace
}  // namespace pipelined::testing
