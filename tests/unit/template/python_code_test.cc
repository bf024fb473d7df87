// What a template puts into Python code, and which of it may become code.
#include "pipelined/template/python_code.h"

#include <gmock/gmock.h>

namespace pipelined {
namespace {

using ::testing::ElementsAre;

// The expressions that are warned of, as they stand in the template; those of JSON behind a `j:`.
std::vector<std::string> Pasted(const std::string& code) {
  const auto parsed = Template::Parse(code);
  if (!parsed) return {parsed.error().message};
  std::vector<std::string> found;
  const auto is_outside = [](const std::vector<std::string>& path) {
    return path[0] == "params" || (path[0] == "dag_run" && (path.size() == 1 || path[1] == "conf"));
  };
  for (const PastedValue& value : PastedIntoPython(*parsed, is_outside)) {
    const std::string text = code.substr(value.where.offset, static_cast<std::size_t>(value.length));
    found.push_back((value.is_json ? "j:" : "") + text);
  }
  return found;
}

TEST(PythonCode, AValueFromOutsideIsToldOf) {
  EXPECT_THAT(Pasted("print(\"{{ params.x }}\")"), ElementsAre("params.x"));
  EXPECT_THAT(Pasted("a = {{params['x']}}\nb = '{{- dag_run.conf.get('y') -}}'"),
              ElementsAre("params['x']", "dag_run.conf.get('y')"));
  EXPECT_THAT(Pasted("# {{ params.x }}"), ElementsAre("params.x")) << "it may hold a line end";
  EXPECT_THAT(Pasted("{{ params.x | upper }} {{ 'a' ~ params.x }} {{ [params.x] }} {{ params.x | default('a') }}"),
              ElementsAre("params.x | upper", "'a' ~ params.x", "[params.x]", "params.x | default('a')"));
  EXPECT_THAT(Pasted("{{ 'a' if ds else params.x }}{{ ds or params.x }}"),
              ElementsAre("'a' if ds else params.x", "ds or params.x"));
  EXPECT_THAT(Pasted("{{ 'a' | replace('a', params.x) }}{{ 'a' | int(default=params.x) }}"),
              ElementsAre("'a' | replace('a', params.x)", "'a' | int(default=params.x)"));
}

TEST(PythonCode, WhatStandsInTheFileOrWasMadeHarmlessIsNot) {
  for (const char* code :
       {"print('{{ ds }}')", "{{ dag_run.run_type }}", "x = {{ params.x | tojson }}", "x = \"{{ params.x | int }}\"",
        "x = {{ params.x | float + 1 }}", "x = {{ params.list | length }}", "{{ params.x | raw }}",
        "x = {{ params.x == 'a' }} {{ params.x is defined }} {{ not params.x }}", "{% if params.x %}yes{% endif %}",
        "x = {{ 1 if params.x else 2 }}", "# {{ params.x | tojson }}", "{% for i in range(3) %}{{ i }}{% endfor %}",
        "{% for x in params.list %}{{ loop.index }},{% endfor %}"})
    EXPECT_THAT(Pasted(code), ElementsAre()) << code;
}

TEST(PythonCode, JsonStaysWithinRawSingleQuotesAndNoOthers) {
  for (const char* code :
       {"json.loads(r'''{{ params.x | tojson }}''')", "json.loads(R'{{ params.x | tojson }}')",
        "json.loads(rb'{{ params.x | tojson }}')", "a = 'it''s' \"q\" \"\"; x = {{ params.x | tojson }}",
        "a = 'b\\'c'; x = {{ params.x | tojson }}", "'''\n\"'''; x = {{ params.x | tojson }}",
        "# it's\nx = {{ params.x | tojson }}", "x = '''a''{{ 1 }}'''; y = {{ params.x | tojson }}"})
    EXPECT_THAT(Pasted(code), ElementsAre()) << code;
  for (const char* code :
       {"print(\"{{ params.x | tojson }}\")", "json.loads('{{ params.x | tojson }}')",
        "r\"\"\"{{ params.x | tojson }}\"\"\"", "f'{{ params.x | tojson }}'", "fr'''{{ params.x | tojson }}'''",
        "print('a \\' {{ params.x | tojson }}')", "r'''it's {{ 1 }}''' \"{{ params.x | tojson }}\""})
    EXPECT_THAT(Pasted(code), ElementsAre("j:params.x | tojson")) << code;
  EXPECT_THAT(Pasted("x = {{ params.x | tojson | upper }}{{ (params.x | tojson) ~ '' }}"),
              ElementsAre("params.x | tojson | upper", "(params.x | tojson) ~ ''"));
}

TEST(PythonCode, NamesOfTheTemplateCarryWhatTheyWereGiven) {
  EXPECT_THAT(Pasted("{% set a = params.x %}{% set b = 1 %}{{ a }}{{ b }}"), ElementsAre("a"));
  EXPECT_THAT(Pasted("{% set a %}{{ params.x }}{% endset %}{{ a }}{{ a | tojson }}"), ElementsAre("a"));
  EXPECT_THAT(Pasted("{% set a | int %}{{ params.x }}{% endset %}{{ a }}"), ElementsAre());
  EXPECT_THAT(Pasted("{% for x in params.list %}'{{ x }}',{% endfor %}"), ElementsAre("x"));
  EXPECT_THAT(Pasted("{% for x in params.list %}{{ x | tojson }},{% endfor %}"), ElementsAre());
  EXPECT_THAT(Pasted("{% with a = params.x, b = 2 %}{{ a }}{{ b }}{% endwith %}"), ElementsAre("a"));
  EXPECT_THAT(Pasted("{% macro m(v) %}{{ v }}{{ ds }}{% endmacro %}{{ m(params.x) }}{{ m(1) }}"),
              ElementsAre("m(params.x)"));
  EXPECT_THAT(Pasted("{% macro m() %}{{ params.x }}{% endmacro %}{{ m() }}"), ElementsAre("m()"));
  EXPECT_THAT(Pasted("{% filter upper %}{{ params.x }}{% endfilter %}"), ElementsAre("filter upper %"));
}

TEST(PythonCode, NamesEndWithTheirBlock) {
  EXPECT_THAT(Pasted("{% for x in params.list %}{% endfor %}{% for x in [1] %}{{ x }}{% endfor %}"), ElementsAre());
  EXPECT_THAT(Pasted("{% set x = 1 %}{% with x = params.x %}{{ x }}{% endwith %}{{ x }}"), ElementsAre("x"));
  EXPECT_THAT(Pasted("{% if ds %}{% set x = params.x %}{% else %}{% set x = 1 %}{% endif %}{{ x }}"), ElementsAre("x"));
}

TEST(PythonCode, PlacesAreThoseOfTheText) {
  std::string code = "import os\n{% set a %}{{ params.x }}{% endset %}\n";
  for (int i = 0; i < 10'000; ++i) code += "a = {{ params.x }}\n";
  const auto parsed = Template::Parse(code);
  ASSERT_TRUE(parsed.ok());
  const auto found = PastedIntoPython(*parsed, [](const auto& path) { return path[0] == "params"; });
  ASSERT_EQ(found.size(), 10'000U) << "and none of what is captured";
  for (std::size_t i = 0; i < found.size(); ++i) {
    ASSERT_EQ(found[i].where.line, static_cast<int>(i) + 3);
    ASSERT_EQ(found[i].where.column, 8);
  }
}

TEST(PythonCode, BranchesAreReadOneByOne) {
  EXPECT_THAT(Pasted("x = {% if ds %}'a{% else %}'b{% endif %}' + {{ params.x | tojson }}"), ElementsAre());
  EXPECT_THAT(Pasted("{% if ds %}\"{{ params.x | tojson }}\"{% else %}{{ params.x }}{% endif %}"),
              ElementsAre("j:params.x | tojson", "params.x"));
}

}  // namespace
}  // namespace pipelined
