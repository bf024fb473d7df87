// http, sql, sqlite and mail: from YAML to the model, and every mistake with its place.
#include <gmock/gmock.h>

#include <map>

#include "pipelined/dagfile/codes.h"
#include "pipelined/schema/json.h"
#include "unit/dagfile/loading.h"

namespace pipelined {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::string_view kMark = "⟦";

const std::map<std::string, std::string> kFiles{{"/dags/team/load.sql", "insert into t\nvalues ({{ params.x }});\n"},
                                                {"/dags/team/quoted.sql", "select 1;\nselect '{{ ds }}'"},
                                                {"/dags/team/names.sql", "select {{ nobody }}"}};

LoadResult LoadTask(const std::string& task) {
  LoadOptions options{"/dags/team/sales.yaml", "team/sales.yaml", "", {}, {}, false, "/dags"};
  options.read_other = [](const std::string& path) -> Result<std::string> {
    const auto found = kFiles.find(path);
    if (found != kFiles.end()) return found->second;
    return Error{ErrorCode::kNotFound, path + " is not there", ""};
  };
  return LoadText("params: {x: 1}\ntasks:\n  a: {" + task + "}\n", options, UtcOnly());
}

Task TaskOf(const std::string& task) {
  const LoadResult result = LoadTask(task);
  EXPECT_THAT(Format(result.diagnostics), IsEmpty()) << task;
  return result.dags.size() == 1 ? result.dags[0].dag->tasks[0] : Task();
}
std::string SpecOf(const std::string& task) {
  const Task read = TaskOf(task);
  return read.action.spec == nullptr ? "none" : ToJson(*read.action.spec);
}

TEST(HttpAction, IsAUrlOrAMapping) {
  EXPECT_EQ(TaskOf("http: 'https://h/'").action.kind, ActionKind::kHttp);
  EXPECT_EQ(SpecOf("http: 'https://h/'"), R"({"url":"https://h/"})");
  EXPECT_EQ(SpecOf("http: {connection: api, url: /v1, timeout: 10s}"),
            R"({"connection":"api","url":"/v1","timeout":10000000})");
}

TEST(HttpAction, StatusesBecomeRanges) {
  EXPECT_EQ(SpecOf("http: {url: 'http://h/', retry_status: [429, 5xx], expect: {status: 2xx}}"),
            R"({"url":"http://h/","retry_status":[[429,429],[500,599]],"expect":{"status":[[200,299]]}})");
}

TEST(HttpAction, JsonKeepsItsTypes) {
  EXPECT_EQ(SpecOf("http: {url: 'http://h/', json: {n: 1, t: '2', l: [true, null]}}"),
            R"({"url":"http://h/","json":{"n":1,"t":"2","l":[true,null]}})");
}

TEST(SqlAction, HasItsScriptInTheFileOrBesideIt) {
  EXPECT_EQ(SpecOf("sql: {connection: w, query: 'select 1', statement_timeout: 5m, output: row}"),
            R"({"connection":"w","script":"select 1","statement_timeout":300000000,"output":"row"})");
  EXPECT_EQ(SpecOf("sql: {connection: w, file: load.sql}"),
            "{\"connection\":\"w\",\"script\":\"insert into t\\nvalues ({{ params.x }});\\n\"}");
}

TEST(SqlAction, TakesNoExitCodesFromDefaults) {
  const LoadOptions options{"/dags/team/sales.yaml", "team/sales.yaml", "", {}, {}, false, "/dags"};
  const LoadResult result = LoadText(
      "default_args: {retries: 3, retry_on: {exit_codes: [75]}}\ntasks:\n  a: {sql: {connection: w, query: select 1}}\n"
      "  b: {bash: x}\n",
      options, UtcOnly());
  ASSERT_EQ(result.dags.size(), 1U) << Format(result.diagnostics);
  EXPECT_THAT(result.dags[0].dag->tasks[0].retry.exit_codes, IsEmpty());
  EXPECT_EQ(result.dags[0].dag->tasks[1].retry.exit_codes.size(), 1U);
}

TEST(SqlAction, ItsFileIsAPartOfTheVersion) {
  const LoadResult with_file = LoadTask("sql: {connection: w, file: load.sql}");
  ASSERT_EQ(with_file.dags.size(), 1u);
  ASSERT_EQ(with_file.dags[0].source.included.size(), 1u);
  EXPECT_EQ(with_file.dags[0].source.included[0].file, "/dags/team/load.sql");
  const auto again = ParseSource(with_file.dags[0].source, UtcOnly());
  ASSERT_TRUE(again.ok()) << again.error().message;
  EXPECT_EQ((*again)->content_hash, with_file.dags[0].dag->content_hash);
}

TEST(SqliteAction, HasAPath) {
  EXPECT_EQ(SpecOf("sqlite: {path: sales.db, query: 'select $1', params: ['{{ ds }}']}"),
            R"({"path":"sales.db","script":"select $1","params":["{{ ds }}"]})");
}

TEST(MailAction, HasRecipientsAndAText) {
  EXPECT_EQ(SpecOf("mail: {connection: smtp, to: a@b.org, subject: s, html: <p>, attachments: [r.csv]}"),
            R"({"connection":"smtp","to":["a@b.org"],"subject":"s","html":"<p>","attachments":["r.csv"]})");
}

struct Mistake {
  Code code;
  std::string task;  // with the mark where the diagnostic must point
  std::string says;  // must be in message or hint
};

TEST(ActionMistakes, AreShownWhereTheyStand) {
  const std::vector<Mistake> mistakes{
      {Code::kBadValue, "http: ⟦'ftp://h/'", "no URL of http"},
      {Code::kMissingKey, "http: ⟦{method: GET}", "needs a url"},
      {Code::kUnknownKey, "http: {url: 'http://h/', ⟦header: {}}", "\"headers\""},
      {Code::kBadValue, "http: {url: 'http://h/', method: ⟦FETCH}", "FETCH"},
      {Code::kBadValue, "http: {url: 'http://h/', headers: {⟦'a b': c}}", "no name of a header"},
      {Code::kBadValue, "http: {url: 'http://h/', headers: {a: ⟦\"b\\r\\nc: d\"}}", "one line"},
      {Code::kBadValue, "http: ⟦{url: 'http://h/', json: 1, body: x}", "one of json, body and form"},
      {Code::kBadValue, "http: {url: 'http://h/', auth: ⟦{username: u, token: t}}", "token"},
      {Code::kUnknownKey, "http: {url: 'http://h/', auth: {⟦pass: x, token: t}}", "known are"},
      {Code::kBadValue, "http: {url: 'http://h/', expect: {status: ⟦600}}", "no HTTP status"},
      {Code::kBadValue, "http: {url: 'http://h/', expect: {json: {⟦state: done}}}", "JSON pointer"},
      {Code::kBadValue, "http: {url: 'http://h/', output: {id: ⟦id}}", "JSON pointer"},
      {Code::kBadDuration, "http: {url: 'http://h/', timeout: ⟦soon}", "30s"},
      {Code::kBadValue, "http: {url: 'http://h/', max_response: ⟦67108865}", "between 1 and 67108864"},
      {Code::kBadValue, "http: {url: 'http://h/', max_response: ⟦0}", "a command fetches more"},
      {Code::kTemplateName, "http: {url: 'http://h/{{ ⟦nobody }}'}", "nobody"},
      {Code::kRawFilter, "http: {url: 'http://h/{{ ds | ⟦raw }}'}", "encoding"},
      {Code::kMissingKey, "sql: ⟦{query: select 1}", "needs a connection"},
      {Code::kMissingKey, "sql: ⟦{connection: w}", "query or file"},
      {Code::kManyActions, "sql: {connection: w, query: select 1, ⟦file: load.sql}", "not both"},
      {Code::kIncludedFile, "sql: {connection: w, file: ⟦nothing.sql}", "there is no file"},
      {Code::kIncludedFile, "sql: {connection: w, file: ⟦../../etc/passwd}", "outside"},
      {Code::kWrongType, "sql: {connection: w, query: select 1, params: ⟦{a: 1}}", "list"},
      {Code::kBadValue, "sql: {connection: w, query: select 1, output: ⟦all}", "all"},
      {Code::kSqlText, "sql: {connection: w, query: \"select '⟦{{ ds }}'\"}", "within quotes"},
      {Code::kSqlText, "sql: {connection: w, query: \"select ⟦$1\"}", "no parameter"},
      {Code::kSqlText, "sql: {connection: w, query: \"select ⟦'a\"}", "not closed"},
      {Code::kSqlText, "sql: {connection: w, query: 'select 1; ⟦commit and chain; select 2'}", "ends the transaction"},
      {Code::kSqlText, "sqlite: {path: p, query: '⟦begin; select 1; commit'}", "one already"},
      {Code::kRawFilter, "sql: {connection: w, query: 'select {{ ds | ⟦raw }}'}", "binding"},
      {Code::kTemplateName, "sql: {connection: w, query: 'select {{ ⟦nobody }}'}", "nobody"},
      {Code::kMissingKey, "sqlite: ⟦{query: select 1}", "path"},
      {Code::kMissingKey, "mail: ⟦{connection: c, to: a@b.org, text: t}", "subject"},
      {Code::kMissingKey, "mail: ⟦{connection: c, to: a@b.org, subject: s}", "text"},
      {Code::kBadValue, "mail: {connection: c, to: a@b.org, text: t, subject: ⟦\"a\\nb\"}", "one line"},
  };
  for (const Mistake& mistake : mistakes) {
    std::string task = mistake.task;
    const std::size_t at = task.find(kMark);
    task.erase(at, kMark.size());
    const LoadResult result = LoadTask(task);
    ASSERT_EQ(result.diagnostics.size(), 1u) << task << "\n" << Format(result.diagnostics);
    const Diagnostic& found = result.diagnostics[0];
    EXPECT_EQ(found.code, CodeText(mistake.code)) << task;
    EXPECT_EQ(found.line, 3) << task;
    EXPECT_EQ(found.column, static_cast<int>(at + 7)) << task;
    EXPECT_THAT(found.message + " / " + found.hint, HasSubstr(mistake.says)) << task;
  }
}

TEST(ActionMistakes, OfAFileAreShownThere) {
  const LoadResult quoted = LoadTask("sql: {connection: w, file: quoted.sql}");
  ASSERT_EQ(quoted.diagnostics.size(), 1u) << Format(quoted.diagnostics);
  EXPECT_EQ(quoted.diagnostics[0].file, "team/quoted.sql");
  EXPECT_EQ(quoted.diagnostics[0].line, 2);
  EXPECT_EQ(quoted.diagnostics[0].column, 9);
  const LoadResult names = LoadTask("sql: {connection: w, file: names.sql}");
  ASSERT_EQ(names.diagnostics.size(), 1u) << Format(names.diagnostics);
  EXPECT_EQ(names.diagnostics[0].file, "team/names.sql");
  EXPECT_EQ(names.diagnostics[0].column, 11);
}

}  // namespace
}  // namespace pipelined
