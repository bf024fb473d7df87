// The actions `sql` and `sqlite`, against real databases.
#include <libpq-fe.h>
#include <signal.h>

#include "integration/worker/worker_fixture.h"
#include "pipelined/template/sql_script.h"
#include "support/postgres_fixture.h"

namespace pipelined {
namespace {

using pipelined::testing::PostgresFixture;
using ::testing::HasSubstr;

class Sql : public WorkerTest {
 protected:
  // `script` as the scheduler sends it.
  static Value Statements(const std::string& script, SqlDialect dialect, const std::vector<Value>& params) {
    SqlFault fault;
    const auto split = SplitSql(script, dialect, SqlTransaction::kOwn, {}, params, &fault);  // all goes to the worker
    EXPECT_TRUE(split) << fault.message;
    Value::List list;
    for (const SqlStatement& one : *split)
      list.push_back(Value::Map{{"text", one.text}, {"line", one.line}, {"params", Value::List(one.params)}});
    return Value(std::move(list));
  }
  Value Connection() const {
    const std::string url = PostgresFixture::Shared().url();  // host=… user=pipe dbname=postgres …
    return Value(Value::Map{{"conn_type", "postgres"},
                            {"host", url.substr(5, url.find(' ') - 5)},
                            {"login", "pipe"},
                            {"schema", "postgres"},
                            {"extra", R"({"application_name": "action-test"})"}});
  }
  Value Spec(const std::string& script, const std::vector<Value>& params = {}) const {
    return Value(
        Value::Map{{"connection", Connection()}, {"statements", Statements(script, SqlDialect::kPostgres, params)}});
  }
  AttemptStart Attempt(std::int64_t id, std::string kind, Value spec) const {
    AttemptStart start = WorkerTest::Attempt(id, "{}");
    start.action = Value(Value::Map{{std::move(kind), std::move(spec)}});
    return start;
  }
  AttemptEnd RunSql(Value spec) { return Run(Attempt(next_++, "sql", std::move(spec))); }
  AttemptEnd RunScript(const std::string& script, const std::vector<Value>& params = {},
                       const std::string& output = "row") {
    Value spec = Spec(script, params);
    spec.Set("output", output);
    return RunSql(std::move(spec));
  }
  // The first value of the first row, by a connection of the test's own.
  static std::string Ask(const std::string& query) {
    PGconn* connection = PQconnectdb(PostgresFixture::Shared().url().c_str());
    PGresult* result = PQexec(connection, query.c_str());
    const std::string value = PQntuples(result) > 0 ? PQgetvalue(result, 0, 0) : "";
    PQclear(result);
    PQfinish(connection);
    return value;
  }
};

TEST_F(Sql, ARowBecomesOutputs) {
  const AttemptEnd end = RunScript(
      "select 1 as n, 'x' as t, null as nothing, true as b, 1.5::float8 as f, "
      "12345678901234567890::numeric as big, '{\"a\": [1]}'::jsonb as j");
  EXPECT_EQ(end.outcome, AttemptOutcome::kSucceeded) << end.message;
  EXPECT_EQ(
      ToJson(end.outputs),
      R"({"row_count":1,"n":1,"t":"x","nothing":null,"b":true,"f":1.5,"big":"12345678901234567890","j":{"a":[1]}})");
}

TEST_F(Sql, RowsOfTheLastQueryBecomeOutputs) {
  EXPECT_EQ(ToJson(RunScript("select 1; select g from generate_series(1, 3) g", {}, "rows").outputs),
            R"({"row_count":3,"row_counts":[1,3],"rows":[{"g":1},{"g":2},{"g":3}]})");
  EXPECT_EQ(RunScript("select repeat('x', 1000) from generate_series(1, 20000)", {}, "rows").outcome,
            AttemptOutcome::kBadOutput);
  EXPECT_EQ(ToJson(RunScript("select g from generate_series(1, 200000) g", {}, "none").outputs),
            R"({"row_count":200000})");
}

TEST_F(Sql, StatementsAreOneTransaction) {
  Ask("create table together (n int primary key)");
  const AttemptEnd failed = RunScript(
      "insert into together values (1);\ninsert into together values (2);\n"
      "insert into together values (1)");
  EXPECT_EQ(failed.outcome, AttemptOutcome::kFailed);
  EXPECT_THAT(failed.message, HasSubstr("SQLSTATE 23505, line 3"));
  EXPECT_EQ(Ask("select count(*) from together"), "0");
  EXPECT_EQ(ToJson(RunScript("insert into together values (1), (2); delete from together where n = 1").outputs),
            R"({"row_count":1,"row_counts":[2,1]})");
  EXPECT_EQ(Ask("select count(*) from together"), "1");
}

TEST_F(Sql, AutocommitIsForWhatNoTransactionCanHold) {
  Ask("create table vacuumed (n int)");
  EXPECT_THAT(RunScript("vacuum vacuumed").message, HasSubstr("transaction block"));
  Value spec = Spec("vacuum vacuumed; insert into vacuumed values (1)");
  spec.Set("autocommit", true);
  EXPECT_EQ(RunSql(std::move(spec)).outcome, AttemptOutcome::kSucceeded);
}

// The scheduler sends no such script; that it cannot end the transaction by other means is PostgreSQL's doing.
TEST_F(Sql, AScriptDoesNotEndItsTransactionItself) {
  EXPECT_THAT(RunScript("select 1; commit; select 2").message, HasSubstr("ended the transaction"));
  Ask("create table unended (n int); create procedure ends() language plpgsql as "
      "$$ begin insert into unended values (1); commit; end $$");
  for (const char* script : {"call ends()", "do $$ begin insert into unended values (1); commit; end $$",
                             "insert into unended values (1); do $$ begin rollback; end $$"}) {
    const AttemptEnd end = RunScript(script);
    EXPECT_EQ(end.outcome, AttemptOutcome::kFailed) << script;
    EXPECT_THAT(end.message, HasSubstr("SQLSTATE 2D000")) << script;
  }
  EXPECT_EQ(Ask("select count(*) from unended"), "0");
}

TEST_F(Sql, AScriptMayChooseHowItsTransactionIsIsolatedAndUseSavepoints) {
  Ask("create table saved (n int)");
  EXPECT_EQ(*RunScript("set transaction isolation level serializable; savepoint a; insert into saved values (1); "
                       "rollback to a; insert into saved values (2); release a; "
                       "select current_setting('transaction_isolation') as level")
                 .outputs.Find("level"),
            Value("serializable"));
  EXPECT_EQ(Ask("select string_agg(n::text, ',') from saved"), "2");
}

TEST_F(Sql, WithAutocommitATransactionThatIsNotEndedIsAFailure) {
  Ask("create table half_done (n int)");
  const auto run = [&](const std::string& script) {
    Value spec = Spec(script);
    spec.Set("autocommit", true);
    return RunSql(std::move(spec));
  };
  const AttemptEnd open = run("begin; insert into half_done values (1)");
  EXPECT_EQ(open.outcome, AttemptOutcome::kFailed);
  EXPECT_THAT(open.message, HasSubstr("did not end it"));
  EXPECT_EQ(Ask("select count(*) from half_done"), "0");
  EXPECT_EQ(run("begin; insert into half_done values (1); commit").outcome, AttemptOutcome::kSucceeded);
  EXPECT_EQ(Ask("select count(*) from half_done"), "1");
}

TEST_F(Sql, WhatOutputsCannotHoldUndoesTheScript) {
  Ask("create table outgrown (n int)");
  for (const char* output : {"row", "rows"}) {
    const AttemptEnd end = RunScript(
        "insert into outgrown values (1); select repeat('x', 2000000) as x union all select 'small'", {}, output);
    EXPECT_EQ(end.outcome, AttemptOutcome::kBadOutput) << output;
    EXPECT_THAT(end.message, HasSubstr("more than outputs may hold")) << output;
  }
  EXPECT_EQ(Ask("select count(*) from outgrown"), "0");
  EXPECT_EQ(RunScript("insert into outgrown values (1); select repeat('x', 2000000)", {}, "none").outcome,
            AttemptOutcome::kSucceeded);
  EXPECT_EQ(Ask("select count(*) from outgrown"), "1");
  // The last query that gave rows counts.
  EXPECT_EQ(RunScript("select repeat('x', 2000000); select 7 as n").outcome, AttemptOutcome::kSucceeded);
}

TEST_F(Sql, AProbeIsAnsweredWithTheFirstValueAlone) {
  executor().Probe(1, Value::Map{{"sql", Spec("select 7 as n, repeat('x', 2000000) as x union all select 8, 'y'")}},
                   {});
  executor().Probe(2, Value::Map{{"sql", Spec("select repeat('x', 2000000)")}}, {});
  std::map<std::int64_t, ProbeResult> answers;
  ASSERT_TRUE(Eventually([&] {
    executor().Ended();
    for (ProbeResult& result : executor().Probed()) answers[result.id] = std::move(result);
    return answers.size() == 2;
  }));
  EXPECT_EQ(answers[1].value, Value(7)) << answers[1].error;
  EXPECT_FALSE(answers[2].answered);
  EXPECT_THAT(answers[2].error, HasSubstr("more than outputs may hold"));
}

#if !defined(__SANITIZE_ADDRESS__)  // which keeps what is freed
TEST_F(Sql, ALargeRowCostsWhatLibpqTakesForItAndNothingAfterwards) {
  RunScript("select 1");
  ASSERT_EQ(Workers().size(), 1u);
  const auto kilobytes = [&](const std::string& what) {
    const std::string status = Slurp("/proc/" + std::to_string(Workers()[0]) + "/status");
    return std::stol(status.substr(status.find(what) + what.size()));
  };
  const long before = kilobytes("VmRSS:");
  for (const char* output : {"none", "row"}) {
    const AttemptEnd end = RunScript("select repeat('x', 64000000)", {}, output);
    EXPECT_EQ(end.outcome, output == std::string("row") ? AttemptOutcome::kBadOutput : AttemptOutcome::kSucceeded);
    EXPECT_LT(kilobytes("VmHWM:") - before, 170'000) << output;  // its buffer, and the row
    EXPECT_LT(kilobytes("VmRSS:") - before, 20'000) << output;
  }
}
#endif

TEST_F(Sql, HostileValuesArriveIntact) {
  const std::vector<std::string> hostile{
      "'; drop table t; --", "\\",       "$1",       "$$", "{a,b}", "\"", "a\nb\r\n", "%s", "ünïcode",
      "' or '1'='1",         "\x01\x02", "{{ ds }}", ""};
  for (const std::string& value : hostile)
    EXPECT_EQ(*RunScript("select $1::text as v", {Value(value)}).outputs.Find("v"), Value(value)) << value;
  // Texts are UTF-8 from end to end; what is none never gets as far as the database.
  EXPECT_EQ(*RunScript("select $1::text as v", {Value("\xff\xfe")}).outputs.Find("v"), Value("\ufffd\ufffd"));
  EXPECT_EQ(RunScript("select $1::text as v", {Value(std::string("a\0b", 3))}).outcome, AttemptOutcome::kLaunchFailed);
}

TEST_F(Sql, ValuesAreCastByTheDatabase) {
  EXPECT_EQ(
      ToJson(RunScript("select $1::date + $2::int as d, 3 = any($3::int[]) as a, $4::jsonb->>'k' as k, $5::bool as b",
                       {"2026-01-31", 1, Value::List{1, 2, 3}, Value::Map{{"k", "v"}}, true})
                 .outputs),
      R"({"row_count":1,"d":"2026-02-01","a":true,"k":"v","b":true})");
  EXPECT_EQ(
      *RunScript("select $1::text[] as v", {Value(Value::List{"a\"b", "c\\d", Value(), "{x,y}"})}).outputs.Find("v"),
      Value("{\"a\\\"b\",\"c\\\\d\",NULL,\"{x,y}\"}"));
}

TEST_F(Sql, StopCancelsTheQueryAtTheServer) {
  const std::string sleeping =
      "select count(*) from pg_stat_activity where state = 'active' and query like 'select pg_sleep(1000%'";
  Start(Attempt(1, "sql", Spec("select pg_sleep(1000)")));
  ASSERT_TRUE(Eventually([&] { return Ask(sleeping) == "1"; }));
  executor().Stop(AttemptId{1});
  EXPECT_EQ(Await(1).outcome, AttemptOutcome::kStopped);
  EXPECT_EQ(Ask(sleeping), "0");
}

// A server that takes connections and says nothing: its processes are stopped, not gone.
class StoppedServer {
 public:
  explicit StoppedServer(std::vector<std::string> pids) : pids_(std::move(pids)) { Signal(SIGSTOP); }
  ~StoppedServer() { Signal(SIGCONT); }

 private:
  void Signal(int signal) const {
    for (const std::string& pid : pids_) kill(std::stoi(pid), signal);
  }
  const std::vector<std::string> pids_;
};

TEST_F(Sql, AServerThatAnswersNothingHoldsUpNoStop) {
  Start(Attempt(1, "sql", Spec("select pg_sleep(1000)")));
  const std::string backend = "select pid from pg_stat_activity where query like 'select pg_sleep(1000%'";
  ASSERT_TRUE(Eventually([&] { return !Ask(backend).empty(); }));
  const std::string postmaster = Ask("select split_part(pg_read_file('postmaster.pid'), E'\\n', 1)");
  const StoppedServer stopped({Ask(backend), postmaster});
  executor().Stop(AttemptId{1});
  EXPECT_EQ(Await(1).outcome, AttemptOutcome::kStopped);
}

TEST_F(Sql, ACommitWithoutAnAnswerIsLostAlsoWhenItWasStopped) {
  Ask("create table slow_commit (n int); create function wait_long() returns trigger language plpgsql as "
      "$$ begin perform pg_sleep(1000); return null; end $$; create constraint trigger wait_long after insert on "
      "slow_commit deferrable initially deferred for each row execute function wait_long()");
  Start(Attempt(1, "sql", Spec("insert into slow_commit values (1)")));
  const std::string committing = "select pid from pg_stat_activity where state = 'active' and query = 'commit'";
  ASSERT_TRUE(Eventually([&] { return !Ask(committing).empty(); }));
  executor().Stop(AttemptId{1});
  const AttemptEnd end = Await(1);
  EXPECT_EQ(end.outcome, AttemptOutcome::kLost) << end.message;
  EXPECT_THAT(end.message, HasSubstr("no answer came to the commit"));
  Ask("select pg_terminate_backend(pid) from pg_stat_activity where query = 'commit'");
}

TEST_F(Sql, TimeoutsEndIt) {
  Value spec = Spec("select pg_sleep(1000)");
  spec.Set("statement_timeout", 50'000);
  EXPECT_THAT(RunSql(std::move(spec)).message, HasSubstr("statement timeout (SQLSTATE 57014"));
  AttemptStart start = Attempt(1, "sql", Spec("select pg_sleep(1000)"));
  start.timeout = Millis(50);
  EXPECT_EQ(Run(std::move(start)).outcome, AttemptOutcome::kTimedOut);
}

TEST_F(Sql, NoticesStandInTheLog) {
  RunScript("do $$ begin raise notice 'half way'; end $$");
  EXPECT_THAT(Log(1000), HasSubstr("half way"));
}

TEST_F(Sql, ALostConnectionIsAFailureAndTheNextTryHasAnother) {
  RunScript("select 1");
  Ask("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'action-test'");
  EXPECT_EQ(RunScript("select 1").outcome, AttemptOutcome::kSucceeded);
  const AttemptEnd killed = RunScript("select pg_terminate_backend(pg_backend_pid())");
  EXPECT_EQ(killed.outcome, AttemptOutcome::kFailed);
  EXPECT_THAT(killed.message, HasSubstr("the connection was lost, so nothing of the script is stored"));
  EXPECT_THAT(killed.message, HasSubstr("SQLSTATE 57P01"));
  Value spec = Spec("select pg_terminate_backend(pg_backend_pid())");
  spec.Set("autocommit", true);
  const AttemptEnd unknown = RunSql(std::move(spec));
  EXPECT_EQ(unknown.outcome, AttemptOutcome::kLost) << unknown.message;
}

TEST_F(Sql, NothingOfASessionIsLeftToTheNext) {
  RunScript("set application_name = 'left behind'; create temp table leftover (n int); select 1");
  EXPECT_EQ(*RunScript("select current_setting('application_name') as a, to_regclass('leftover') is null as gone")
                 .outputs.Find("gone"),
            Value(true));
}

TEST_F(Sql, SaysWhyThereIsNoConnection) {
  Value spec = Spec("select 1");
  spec.Set("connection", Value::Map{{"conn_type", "postgres"}, {"host", "/nowhere"}, {"password", "s3cret"}});
  const AttemptEnd end = RunSql(std::move(spec));
  EXPECT_EQ(end.outcome, AttemptOutcome::kFailed);
  EXPECT_THAT(end.message, HasSubstr("/nowhere"));
  EXPECT_THAT(end.message, ::testing::Not(HasSubstr("s3cret")));
  Value other = Spec("select 1");
  other.Set("connection", Value::Map{{"conn_type", "mysql"}});
  EXPECT_EQ(RunSql(std::move(other)).outcome, AttemptOutcome::kLaunchFailed);
}

TEST_F(Sql, CopyToTheClientIsRefused) {
  EXPECT_THAT(RunScript("copy (select 1) to stdout").message, HasSubstr("COPY"));
}

class Sqlite : public Sql {
 protected:
  AttemptEnd RunFile(const std::string& script, const std::vector<Value>& params = {},
                     const std::string& output = "row") {
    return Run(Attempt(next_++, "sqlite",
                       Value(Value::Map{{"path", folder_ + "/test.db"},
                                        {"statements", Statements(script, SqlDialect::kSqlite, params)},
                                        {"output", output}})));
  }
};

TEST_F(Sqlite, ARowBecomesOutputs) {
  EXPECT_EQ(
      ToJson(RunFile("create table t (a, b); insert into t values (1, 'x'), (2, null); select a, b from t").outputs),
      R"({"row_count":2,"row_counts":[0,2,2],"a":1,"b":"x"})");
}

TEST_F(Sqlite, StatementsAreOneTransaction) {
  RunFile("create table t (n primary key)");
  EXPECT_THAT(RunFile("insert into t values (1);\ninsert into t values (1)").message, HasSubstr("UNIQUE"));
  EXPECT_EQ(*RunFile("select count(*) as n from t").outputs.Find("n"), Value(0));
}

TEST_F(Sqlite, AScriptDoesNotEndItsTransactionItself) {
  RunFile("create table t (n)");
  // A second transaction hides the end of the first one from whoever looks at the end.
  const AttemptEnd end = RunFile("insert into t values (1);\nrollback;\nbegin;\ninsert into t values (2)");
  EXPECT_EQ(end.outcome, AttemptOutcome::kFailed);
  EXPECT_THAT(end.message, HasSubstr("ended the transaction that all statements share (line 2)"));
  EXPECT_EQ(*RunFile("select count(*) as n from t").outputs.Find("n"), Value(0));
}

TEST_F(Sqlite, WhatOutputsCannotHoldUndoesTheScript) {
  RunFile("create table t (n)");
  const std::string script = "insert into t values (1); select printf('%2000000s', 'x') as x";
  EXPECT_EQ(RunFile(script).outcome, AttemptOutcome::kBadOutput);
  EXPECT_EQ(*RunFile("select count(*) as n from t").outputs.Find("n"), Value(0));
  EXPECT_EQ(RunFile(script, {}, "none").outcome, AttemptOutcome::kSucceeded);
  EXPECT_EQ(*RunFile("select count(*) as n from t").outputs.Find("n"), Value(1));
}

TEST_F(Sqlite, HostileValuesArriveIntact) {
  for (const std::string& value : {std::string("'; drop table t; --"), std::string("a\0b", 3), std::string("$1")})
    EXPECT_EQ(*RunFile("select $1 as v", {Value(value)}).outputs.Find("v"), Value(value));
}

TEST_F(Sqlite, StopInterruptsIt) {
  Value spec(Value::Map{{"path", folder_ + "/test.db"},
                        {"statements", Statements("with recursive n(i) as (select 1 union all select i + 1 from n) "
                                                  "select count(*) from n",
                                                  SqlDialect::kSqlite, {})}});
  AttemptStart start = Attempt(1, "sqlite", std::move(spec));
  start.timeout = Millis(50);
  EXPECT_EQ(Run(std::move(start)).outcome, AttemptOutcome::kTimedOut);
}

TEST_F(Sqlite, AFileThatIsNoneIsAFailure) {
  std::ofstream(folder_ + "/test.db") << std::string(4096, 'x');
  EXPECT_THAT(RunFile("select * from t").message, HasSubstr("not a database"));
}

}  // namespace
}  // namespace pipelined
