// What the worker is told: templates rendered each as its place asks for. The hostile values of everywhere.
#include <gmock/gmock.h>

#include "pipelined/scheduler/launch.h"
#include "pipelined/schema/json.h"

namespace pipelined {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;

Result<AttemptStart> PrepareOne(ActionKind kind, const std::string& spec, const Value& x) {
  Dag dag;
  dag.id = "d";
  Task task;
  task.id = "a";
  task.action = Action{kind, {}, std::make_shared<const Value>(*ParseJson(spec))};
  task.working_dir = "/dags/team";
  task.execution_timeout = Seconds(9);
  dag.tasks.push_back(std::move(task));
  EXPECT_TRUE(dag.Link({}).ok());
  RunInfo run;
  run.dag_id = "d";
  run.run_id = "r";
  run.conf = Value(Value::Map{{"x", x}});
  LaunchOptions options;
  options.logs_dir = "/logs";
  options.connection = [](const std::string& id) -> Result<Value> {
    if (id == "gone") return Error{ErrorCode::kNotFound, "there is no connection \"gone\"", ""};
    Value connection(Value::Map{{"conn_type", "postgres"}, {"host", id}});
    if (id == "db") connection.Set("password", "s3cret");
    if (id == "web")
      connection.Set(
          "extra",
          R"({"X-Api": "headersecret", "X-Key": 1234567890, "X-On": true, "Accept": "text/plain", "endpoint_prefix": "/api/v2", "timeout": "30.55"})");
    return connection;
  };
  return Prepare(LaunchRequest{dag, 0, run, AttemptOpened{AttemptId{1}, RunId{1}, 0, 1}, 1, Value()}, options);
}
std::string ActionOf(ActionKind kind, const std::string& spec, const Value& x) {
  const auto start = PrepareOne(kind, spec, x);
  return start ? ToJson(start->action) : "refused: " + start.error().message;
}

TEST(PrepareAction, NeedsNoCommand) {
  const auto start = PrepareOne(ActionKind::kHttp, R"({"url": "http://h/"})", {});
  ASSERT_TRUE(start.ok()) << start.error().message;
  EXPECT_THAT(start->argv, IsEmpty());
  EXPECT_THAT(start->env, IsEmpty());
  EXPECT_EQ(start->timeout, Seconds(9));
  EXPECT_THAT(start->log_path, HasSubstr("/logs/dag_id=d/"));
}

TEST(PrepareAction, SecretsMayStandInItAndNotInItsLog) {
  const auto start =
      PrepareOne(ActionKind::kHttp, R"({"url": "http://h/", "headers": {"X": "k {{ conn.db.password }}"}})", {});
  ASSERT_TRUE(start.ok()) << start.error().message;
  EXPECT_THAT(ToJson(start->action), HasSubstr("k s3cret"));
  EXPECT_THAT(start->secrets, ElementsAre("s3cret"));
  const auto own = PrepareOne(ActionKind::kSql, R"({"connection": "db", "script": "select 1"})", {});
  ASSERT_TRUE(own.ok()) << own.error().message;
  EXPECT_THAT(own->secrets, IsSupersetOf({"s3cret", "OnMzY3JldA=="}));  // as Authorization: Basic has it, too
}

TEST(PrepareAction, HeadersOfAConnectionAreSecretsUnlessEverybodySaysThem) {
  const auto web = PrepareOne(ActionKind::kHttp, R"({"connection": "web", "url": "/x"})", {});
  ASSERT_TRUE(web.ok()) << web.error().message;
  EXPECT_THAT(web->secrets, ElementsAre("headersecret", "1234567890"));
  const auto sql = PrepareOne(ActionKind::kSql, R"({"connection": "web", "script": "select 1"})", {});
  ASSERT_TRUE(sql.ok()) << sql.error().message;
  EXPECT_THAT(sql->secrets, IsEmpty());
}

TEST(PrepareAction, AValueInJsonStaysAValue) {
  EXPECT_EQ(ActionOf(ActionKind::kHttp, R"({"url": "http://h/", "json": {"a": "{{ dag_run.conf.x }}", "n": 1}})",
                     Value::List{1, "\"}"}),
            R"({"http":{"url":"http://h/","json":{"a":[1,"\"}"],"n":1}}})");
}

TEST(PrepareAction, AValueInAUrlIsEncodedOnce) {
  EXPECT_EQ(ActionOf(ActionKind::kHttp,
                     R"({"url": "http://h/{{ dag_run.conf.x }}", "params": {"q": "{{ dag_run.conf.x }}"}})", "a&b"),
            R"({"http":{"url":"http://h/a%26b","params":{"q":"a&b"}}})");
}

TEST(PrepareAction, AValueInSqlIsBound) {
  EXPECT_EQ(
      ActionOf(ActionKind::kSql, R"({"connection": "w", "script": "select {{ dag_run.conf.x }}; select 2"})",
               "'; drop table t; --"),
      R"({"sql":{"connection":{"conn_type":"postgres","host":"w"},"statements":[{"text":"select $1","line":1,"params":["'; drop table t; --"]},{"text":"select 2","line":1}]}})");
}

TEST(PrepareAction, SaysWhereAValueCannotStand) {
  EXPECT_EQ(ActionOf(ActionKind::kSql,
                     R"({"connection": "w", "script": "select\n'{% if true %}{{ dag_run.conf.x }}{% endif %}'"})", "x"),
            "refused: sql.query: line 2: a value stands within quotes, where it cannot be a parameter (write {{ … }} "
            "without quotes around it; `| raw` pastes it as text)");
  EXPECT_THAT(ActionOf(ActionKind::kSql, R"({"connection": "gone", "script": "select 1"})", {}),
              HasSubstr("no connection \"gone\""));
}

TEST(PrepareAction, AScriptThatATemplateMakesDoesNotEndItsTransaction) {
  const std::string script = R"(, "script": "select 1;\n{% if true %}commit and chain{% endif %};\nselect 2")";
  EXPECT_THAT(ActionOf(ActionKind::kSql, R"({"connection": "w")" + script + "}", {}),
              HasSubstr("refused: sql.query: line 2: COMMIT ends the transaction that all statements share"));
  EXPECT_THAT(ActionOf(ActionKind::kSqlite, R"({"path": "p")" + script + "}", {}),
              HasSubstr("refused: sqlite.query: line 2: COMMIT ends"));
  EXPECT_THAT(ActionOf(ActionKind::kSql, R"({"connection": "w", "autocommit": true)" + script + "}", {}),
              HasSubstr(R"("text":"commit and chain","line":2)"));
}

TEST(PrepareAction, PathsStartInTheWorkingDirectory) {
  EXPECT_THAT(ActionOf(ActionKind::kSqlite, R"({"path": "{{ dag_run.conf.x }}.db", "script": "select 1"})", "sales"),
              HasSubstr(R"("path":"/dags/team/sales.db")"));
  EXPECT_THAT(ActionOf(ActionKind::kMail, R"({"to": ["{{ dag_run.conf.x }}"], "attachments": ["r.csv", "/tmp/s"]})",
                       Value::List{"a@b.org", "c@d.org"}),
              HasSubstr(R"({"to":["a@b.org","c@d.org"],"attachments":["/dags/team/r.csv","/tmp/s"]})"));
}

}  // namespace
}  // namespace pipelined
