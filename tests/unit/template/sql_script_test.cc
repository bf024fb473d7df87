// Where a script of SQL is cut, and where a value may stand in it.
#include "pipelined/template/sql_script.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "pipelined/template/template.h"

namespace pipelined {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<std::string> Texts(std::string_view script, SqlDialect dialect = SqlDialect::kPostgres,
                               SqlTransaction transaction = SqlTransaction::kAroundAll) {
  SqlFault fault;
  const auto statements = SplitSql(script, dialect, transaction, {}, {}, &fault);
  if (!statements) return {"fault: " + fault.message};
  std::vector<std::string> texts;
  for (const SqlStatement& statement : *statements) texts.push_back(statement.text);
  return texts;
}

TEST(SqlScript, IsCutAtSemicolons) {
  EXPECT_THAT(Texts("select 1"), ElementsAre("select 1"));
  EXPECT_THAT(Texts("select 1;\n select 2;"), ElementsAre("select 1", "select 2"));
  EXPECT_THAT(Texts(" ;; select 1;;"), ElementsAre("select 1"));
}

TEST(SqlScript, IsNotCutWithinQuotes) {
  for (const char* text : {"select ';'", "select 'it''s; '", "select \"a;b\" from t", "select E'\\'; '",
                           "select $$ ; $$", "select $tag$ ; $$ ; $tag$", "select U&'d;a'"})
    EXPECT_THAT(Texts(text), ElementsAre(text)) << text;
}

TEST(SqlScript, ABackslashEndsNoQuoteUnlessItIsAnE) {
  EXPECT_THAT(Texts("select '\\'; select 2"), ElementsAre("select '\\'", "select 2"));
  EXPECT_THAT(Texts("select e'\\'; select 2'"), ElementsAre("select e'\\'; select 2'"));
}

TEST(SqlScript, CommentsAreNoStatements) {
  EXPECT_THAT(Texts("-- a; b\nselect 1 -- ;\n; -- end"), ElementsAre("select 1"));
  EXPECT_THAT(Texts("/* a; /* b; */ c; */ select 1"), ElementsAre("select 1"));
  EXPECT_THAT(Texts("select 1/* ; */+2"), ElementsAre("select 1 +2"));
  EXPECT_THAT(Texts("/* a /* b */ select 1", SqlDialect::kSqlite), ElementsAre("select 1"));
}

TEST(SqlScript, IsNotCutWithinParenthesesAndBodies) {
  for (const char* text :
       {"create rule r as on insert to t do (select 1; select 2)",
        "create function f() returns int begin atomic select 1; select case when true then 1 else 2 end; end",
        "create or replace procedure p() begin atomic select 1; end"})
    EXPECT_THAT(Texts(text), ElementsAre(text)) << text;
  EXPECT_THAT(
      Texts("create trigger t after insert on a begin delete from b; select 1; end; select 2", SqlDialect::kSqlite),
      ElementsAre("create trigger t after insert on a begin delete from b; select 1; end", "select 2"));
  EXPECT_THAT(Texts("begin; select 1; end", SqlDialect::kPostgres, SqlTransaction::kOwn),
              ElementsAre("begin", "select 1", "end"));
}

TEST(SqlScript, ALineCommentEndsWhereTheDatabaseEndsIt) {
  EXPECT_THAT(Texts("-- old\rselect 1"), ElementsAre("select 1"));
  EXPECT_THAT(Texts("-- old\r\nselect 1"), ElementsAre("select 1"));
  EXPECT_THAT(Texts("-- old\rselect 1\nselect 2", SqlDialect::kSqlite), ElementsAre("select 2"));
}

TEST(SqlScript, DoesNotEndTheTransactionThatIsAroundIt) {
  for (const char* statement :
       {"commit", "Commit And Chain", "COMMIT PREPARED 'x'", "end", "end transaction", "rollback", "rollback and chain",
        "rollback work", "abort", "prepare transaction 'x'", "rollback\n/* to */ ;", "-- x\rcommit", "begin",
        "begin isolation level serializable", "start transaction", "start /**/ transaction read only"}) {
    SqlFault fault;
    const std::string script = fmt::format("insert into t values (1);\n\n /* here */ {}; select 1", statement);
    EXPECT_FALSE(SplitSql(script, SqlDialect::kPostgres, SqlTransaction::kAroundAll, {}, {}, &fault)) << statement;
    EXPECT_THAT(fault.message, HasSubstr("transaction")) << statement;
    EXPECT_THAT(fault.hint, HasSubstr("autocommit")) << statement;
    EXPECT_EQ(fault.line, 3) << statement;
    EXPECT_TRUE(SplitSql(script, SqlDialect::kPostgres, SqlTransaction::kOwn, {}, {}, &fault)) << statement;
  }
  for (const char* statement : {"commit", "end transaction", "rollback transaction", "begin immediate"})
    EXPECT_THAT(Texts(statement, SqlDialect::kSqlite), ElementsAre(HasSubstr("transaction"))) << statement;
}

TEST(SqlScript, MayUseSavepointsAndTheWordsElsewhere) {
  for (const char* text :
       {"savepoint a", "release savepoint a", "rollback to a", "rollback to savepoint a", "rollback work to a",
        "rollback transaction to savepoint a", "set transaction isolation level serializable", "prepare q as select 1",
        "select 1 as end", "(select 1 as commit)", "explain rollback", "select 'commit; rollback'",
        "update t set \"commit\" = 1", "commit_log"}) {
    EXPECT_THAT(Texts(text), ElementsAre(text)) << text;
    EXPECT_THAT(Texts(text, SqlDialect::kSqlite), ElementsAre(text)) << text;
  }
  EXPECT_THAT(Texts("do $$ begin commit; end $$"), ElementsAre("do $$ begin commit; end $$"));  // the server refuses it
}

TEST(SqlScript, SaysInWhichLineAStatementBegins) {
  SqlFault fault;
  const auto statements =
      SplitSql("\n-- first\nselect 1;\n\nselect\n2", SqlDialect::kPostgres, SqlTransaction::kAroundAll, {}, {}, &fault);
  ASSERT_TRUE(statements);
  EXPECT_EQ((*statements)[0].line, 3);
  EXPECT_EQ((*statements)[1].line, 5);
}

struct Broken {
  std::string_view script, says;
  std::size_t offset;
};

TEST(SqlScript, SaysWhatIsNotClosed) {
  for (const Broken& broken : std::vector<Broken>{{"select 'a", "quote is not closed", 7},
                                                  {"select \"a", "quote is not closed", 7},
                                                  {"select $x$ a $$", "$x$ is not closed", 7},
                                                  {"select /* a", "comment is not closed", 7},
                                                  {"select (1", "parenthesis is not closed", 7},
                                                  {"select $1", "no parameter $1", 7},
                                                  {"  -- nothing", "no statement", 0}}) {
    SqlFault fault;
    EXPECT_FALSE(SplitSql(broken.script, SqlDialect::kPostgres, SqlTransaction::kAroundAll, {}, {}, &fault))
        << broken.script;
    EXPECT_THAT(fault.message, HasSubstr(broken.says)) << broken.script;
    EXPECT_EQ(fault.offset, broken.offset) << broken.script;
  }
}

// A template as it goes to the database.
struct Bound {
  std::vector<SqlStatement> statements;
  SqlFault fault;
};
Bound Bind(const std::string& text, const Value& x, std::vector<Value> given = {}) {
  std::vector<Value> values;
  RenderOptions options;
  options.quote = Quote::kBind;
  options.bound = &values;
  const auto script = Template::Parse(text)->Render(*MakeValueScope(Value::Map{{"x", x}}, true), options);
  Bound bound;
  if (!script) {
    bound.fault.message = script.error().message;
    return bound;
  }
  if (auto split = SplitSql(*script, SqlDialect::kPostgres, SqlTransaction::kAroundAll, values, given, &bound.fault))
    bound.statements = std::move(*split);
  return bound;
}

TEST(SqlValues, AreBoundAndNotPasted) {
  const Bound bound = Bind("select {{ x }}; delete from t where a = {{ x }} and b = {{ 'it''s' }}", "a'; drop table t");
  ASSERT_EQ(bound.statements.size(), 2u) << bound.fault.message;
  EXPECT_EQ(bound.statements[0].text, "select $1");
  EXPECT_THAT(bound.statements[0].params, ElementsAre(Value("a'; drop table t")));
  EXPECT_EQ(bound.statements[1].text, "delete from t where a = $1 and b = $2");
  EXPECT_EQ(bound.statements[1].params.size(), 2u);
}

TEST(SqlValues, KeepTheirType) {
  EXPECT_THAT(Bind("select {{ x }}", 42).statements.at(0).params, ElementsAre(Value(42)));
  EXPECT_THAT(Bind("select {{ x }}", Value()).statements.at(0).params, ElementsAre(Value()));
  EXPECT_THAT(Bind("select {{ x }}", Value::List{1, 2}).statements.at(0).params, ElementsAre(Value(Value::List{1, 2})));
}

TEST(SqlValues, WithinQuotesAreRefused) {
  for (const char* text : {"select '{{ x }}'", "select \"{{ x }}\"", "select $$ {{ x }} $$", "select e'\\'{{ x }}'"}) {
    const Bound bound = Bind(text, "v");
    EXPECT_THAT(bound.statements, IsEmpty()) << text;
    EXPECT_THAT(bound.fault.message, HasSubstr("within quotes")) << text;
  }
}

TEST(SqlValues, WithinAWordAreRefused) {
  for (const char* text : {"select * from sales_{{ x }}", "select {{ x }}_rows", "select {{ x }}{{ x }}"})
    EXPECT_THAT(Bind(text, "v").fault.message, HasSubstr("within a word")) << text;
}

TEST(SqlValues, InCommentsGoNowhere) {
  const Bound bound = Bind("-- for {{ x }}\nselect {{ 1 }} /* {{ x }} */, {{ 2 }}", "v");
  ASSERT_EQ(bound.statements.size(), 1u) << bound.fault.message;
  EXPECT_THAT(bound.statements[0].params, ElementsAre(Value(1), Value(2)));
}

TEST(SqlValues, RawPastesThem) {
  EXPECT_EQ(Bind("select * from {{ x | raw }}_daily", "sales").statements.at(0).text, "select * from sales_daily");
  EXPECT_THAT(Bind("select {{ x | raw }}", std::string("a\0b", 3)).fault.message, HasSubstr("NUL"));
}

TEST(SqlValues, GivenParametersAreNumberedAnewInEachStatement) {
  const Bound bound = Bind("select $2; select $1, $2, $1, {{ x }}", "v", {"one", "two"});
  ASSERT_EQ(bound.statements.size(), 2u) << bound.fault.message;
  EXPECT_EQ(bound.statements[0].text, "select $1");
  EXPECT_THAT(bound.statements[0].params, ElementsAre(Value("two")));
  EXPECT_EQ(bound.statements[1].text, "select $1, $2, $1, $3");
  EXPECT_THAT(bound.statements[1].params, ElementsAre(Value("one"), Value("two"), Value("v")));
}

TEST(SqlTemplate, IsCheckedBeforeItIsRendered) {
  EXPECT_FALSE(CheckSqlTemplate("select {{ x }}, $1", SqlDialect::kPostgres, SqlTransaction::kAroundAll, 1));
  EXPECT_FALSE(CheckSqlTemplate("select {% if x %}'a{% else %}'b{% endif %}'", SqlDialect::kPostgres,
                                SqlTransaction::kAroundAll, 0));
  EXPECT_FALSE(
      CheckSqlTemplate("select '{{ x | raw }}' {# it's #}", SqlDialect::kPostgres, SqlTransaction::kAroundAll, 0));
  const auto fault =
      CheckSqlTemplate("select 1;\nselect '{{ x }}'", SqlDialect::kPostgres, SqlTransaction::kAroundAll, 0);
  ASSERT_TRUE(fault);
  EXPECT_EQ(fault->line, 2);
  EXPECT_EQ(fault->offset, 18u);
}

}  // namespace
}  // namespace pipelined
