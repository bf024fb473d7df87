#include "pipelined/template/template.h"

#include <gmock/gmock.h>

#include "pipelined/schema/json.h"

namespace pipelined {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

const char kNames[] = R"({"name": "ann", "n": 5, "list": [3, 1, 2], "opts": {"b": "two", "a": 1, "deep": {"x": [10]}},
                          "people": [{"name": "bob", "age": 7}, {"name": "amy", "age": 9}], "html": "<a href='x'>&é"})";

Result<std::string> Try(std::string_view text, TemplateError* error = nullptr) {
  const auto parsed = Template::Parse(text, error);
  if (!parsed) return parsed.error();
  RenderOptions options;
  options.error = error;
  return parsed->Render(*MakeValueScope(*ParseJson(kNames), false), options);
}

std::string Render(std::string_view text) {
  const auto rendered = Try(text);
  return rendered ? *rendered
                  : "error " + rendered.error().message +
                        (rendered.error().hint.empty() ? "" : " (" + rendered.error().hint + ")");
}

TEST(Template, PlainTextIsGivenBackAndIsLiteral) {
  const auto parsed = Template::Parse("echo ${#array[@]} {x} 100%");
  EXPECT_TRUE(parsed->is_literal());
  EXPECT_EQ(*parsed->Render(*MakeValueScope(Value(), false)), "echo ${#array[@]} {x} 100%");
}

TEST(Template, ExpressionsFollowPythonsPrecedence) {
  EXPECT_EQ(Render("{{ 1 + 2 * 3 ** 2 }}"), "19");
  EXPECT_EQ(Render("{{ -7 // 2 }} {{ -7 % 3 }} {{ 7 / 2 }}"), "-4 2 3.5");
  EXPECT_EQ(Render("{{ not n > 9 and 'x' in 'xyz' }}"), "True");
  EXPECT_EQ(Render("{{ 1 < 2 < 3 }} {{ 2 not in [1] }} {{ 'a' if n == 5 else 'b' }}"), "True True a");
  EXPECT_EQ(Render("{{ 'n=' ~ n ~ none }}"), "n=5None");
}

TEST(Template, MembersAndElementsAreReached) {
  EXPECT_EQ(Render("{{ opts.deep.x[0] }} {{ opts['b'] }} {{ list[-1] }} {{ list[:2] }} {{ name[::-1] }}"),
            "10 two 2 [3, 1] nna");
  EXPECT_EQ(Render("{{ opts.items() | list | length }} {{ opts.get('nope', 'x') }}"), "3 x");
}

TEST(Template, BlocksNestAndLoopsCount) {
  EXPECT_EQ(Render("{% for x in list %}{{ loop.index }}{% if loop.last %}.{% else %},{% endif %}{% endfor %}"),
            "1,2,3.");
  EXPECT_EQ(Render("{% for k, v in {'a': 1, 'b': 2}.items() %}{{ k }}={{ v }};{% endfor %}"), "a=1;b=2;");
  EXPECT_EQ(Render("{% for x in list if x > 1 %}{{ x }}{{ loop.cycle('o', 'e') }}{% endfor %}"), "3o2e");
  EXPECT_EQ(Render("{% if n < 3 %}a{% elif n == 5 %}b{% else %}c{% endif %}"), "b");
  EXPECT_EQ(Render("{% set x %}<{{ n }}>{% endset %}{% with y = 2 %}{{ x }}{{ y }}{% endwith %}"), "<5>2");
  EXPECT_EQ(Render("{% macro twice(t, sep='-') %}{{ t }}{{ sep }}{{ t }}{% endmacro %}{{ twice('a') }} {{ twice('b', "
                   "sep='') }}"),
            "a-a bb");
  EXPECT_EQ(Render("{% raw %}{{ n }}{% endraw %}{# gone #}"), "{{ n }}");
}

TEST(Template, DashesCutWhiteSpace) {
  EXPECT_EQ(Render("a \n {%- if true -%} \n b {% endif %} c"), "ab  c");
}

TEST(Template, FiltersWork) {
  EXPECT_EQ(Render("{{ html | tojson }}"), R"("\u003ca href=\u0027x\u0027\u003e\u0026\u00e9")");
  EXPECT_EQ(Render("{{ opts | tojson }}"), R"({"a": 1, "b": "two", "deep": {"x": [10]}})");
  EXPECT_EQ(Render("{{ {'b': [1], 'a': {}} | tojson(indent=2) }}"), "{\n  \"a\": {},\n  \"b\": [\n    1\n  ]\n}");
  EXPECT_EQ(Render("{{ people | map(attribute='name') | join(', ') }} {{ people | selectattr('age', 'gt', 8) | list | "
                   "length }}"),
            "bob, amy 1");
  EXPECT_EQ(Render("{{ list | sort }} {{ list | sort(reverse=true) | first }} {{ people | sort(attribute='name') | "
                   "map(attribute='age') | list }}"),
            "[1, 2, 3] 3 [9, 7]");
  EXPECT_EQ(Render("{{ '<a href=\"x\">R&D\\'s</a>' | e }}"), "&lt;a href=&#34;x&#34;&gt;R&amp;D&#39;s&lt;/a&gt;");
  EXPECT_EQ(Render("{{ 'Zoë' | upper }} {{ 'Zoë' | length }} {{ ' a ' | trim }} {{ 'a-b' | replace('-', '+') }}"),
            "ZOË 3 a a+b");
  EXPECT_EQ(Render("{{ 2.5 | round }} {{ 1234.567 | round(-2) }} {{ '0x1f' | int(0, 16) }} {{ ['a', 'B'] | max }}"),
            "2.0 1200.0 31 B");
  EXPECT_EQ(Render("{{ 'the quick brown fox' | truncate(13) }}"), "the quick...");
  EXPECT_EQ(Render("{{ '{:>5}|{:03d}|{a}'.format('x', 7, a=1) }} {{ '%5.2f%%' % 3.14159 }}"), "    x|007|1  3.14%");
}

TEST(Template, TestsWork) {
  EXPECT_EQ(Render("{{ n is odd }} {{ none is none }} {{ name is string }} {{ nope is defined }} {{ n is divisibleby 5 "
                   "}} {{ n is not none }}"),
            "True True True False True True");
}

TEST(Template, UnknownNamesAreErrorsAndNeverEmpty) {
  EXPECT_EQ(Render("x {{ nmae }}"), "error 1:6: there is no name \"nmae\" (did you mean \"name\"?)");
  EXPECT_EQ(Render("\n{{ opts.deap }}"), "error 2:9: there is no \"deap\" in opts (did you mean \"deep\"?)");
  EXPECT_EQ(Render("{{ list[7] }}"), "error 1:8: there is no element 7: it has 3");
  EXPECT_EQ(Render("{% for x in nope %}{% endfor %}"), "error 1:13: there is no name \"nope\"");
  EXPECT_EQ(Render("{{ nope | upper }}"), "error 1:4: there is no name \"nope\"");
  EXPECT_EQ(Render("{{ nope | default('d') }}{{ opts.nope | d('e') }}{{ 'set' if nope is defined else 'unset' }}"),
            "deunset");
}

TEST(Template, MistakesOfTheLanguageNameTheirPlace) {
  EXPECT_EQ(Render("a\n  {{ n"), "error 2:3: \"{{\" is not closed (close it with }})");
  EXPECT_EQ(Render("{{ n | uper }}"), "error 1:8: there is no filter \"uper\" (did you mean \"upper\"?)");
  EXPECT_EQ(Render("{% if n %}x"), "error 1:4: {% if %} is not closed (close it with {% endif %})");
  EXPECT_EQ(Render("{% endfor %}"), "error 1:4: \"endfor\" closes nothing");
  EXPECT_EQ(Render("{% esle %}"), "error 1:4: there is no statement \"esle\" (did you mean \"else\"?)");
  EXPECT_EQ(Render("{% include 'x' %}"), "error 1:4: {% include %} is not part of this language");
  EXPECT_EQ(Render("{{ 1 + }}"), "error 1:8: a value is expected, not \"}}\"");
  EXPECT_EQ(Render("{{ 'a' - 1 }}"), "error 1:8: unsupported operand type(s) for -: 'str' and 'int'");
}

TEST(Template, SaysWhichNamesItReadsAndWhere) {
  const auto parsed = Template::Parse(
      "{{ params.region }}\n {{ tasks.a['rows'] ~ opts.get('x') }}{% for p in list %}{{ p.x }}{{ loop.index }}{% "
      "endfor %}{{ v | d(1) }}{{ params.x | raw }}");
  std::vector<std::string> paths;
  for (const TemplateReference& r : parsed->references()) {
    std::string path;
    for (const std::string& step : r.path) path += (path.empty() ? "" : "/") + step;
    paths.push_back(path + (r.guarded ? "?" : "") + "@" + std::to_string(r.line) + ":" + std::to_string(r.column));
  }
  EXPECT_THAT(paths, ::testing::ElementsAre("params/region@1:4", "tasks/a/rows@2:5", "opts@2:23", "list@2:51",
                                            "v?@2:98", "params/x@2:112"));
  EXPECT_EQ(parsed->raw_uses().size(), 1u);
}

TEST(Template, OneExpressionEvaluatesToItsValue) {
  const auto scope = MakeValueScope(*ParseJson(kNames), true);
  EXPECT_EQ(*Template::Parse("{{ n > 3 }}")->Evaluate(*scope), Value(true));
  EXPECT_EQ(ToJson(*Template::Parse("{{ opts }}")->Evaluate(*scope)), R"({"b":"two","a":1,"deep":{"x":[10]}})");
  EXPECT_EQ(*Template::Parse("n={{ n }}")->Evaluate(*scope), Value("n=5"));
}

TEST(Template, HostileTemplatesEndWithAnError) {
  const auto repeat = [](std::string_view what, int count) {
    std::string text;
    for (int i = 0; i < count; ++i) text += what;
    return text;
  };
  const std::string chain = "{% for i in range(3000) %}{% set ns.x = ";
  const std::string hostile[] = {
      "{{ 'a' * 1000000000000 }}",
      "{% set ns = namespace(x=0) %}" + chain + "cycler(ns.x) %}{% endfor %}",
      "{% set ns = namespace(x=0) %}" + chain + "cycler(ns.x).next %}{% endfor %}",
      "{% set ns = namespace(x='') %}" + chain + "joiner(ns.x) %}{% endfor %}",
      "{% set ns = namespace(x=0) %}" + chain + "[ns.x] %}{% endfor %}",
      "{% set ns = namespace(x=0) %}{% for i in range(3000) %}{% for j in [ns.x] %}{% set ns.x = loop "
      "%}{% endfor %}{% endfor %}",
      "{{ [1] * 1000000000 }}",
      "{{ range(1000000000) | list }}",
      "{{ 2 ** 1000 }}",
      "{{ 9223372036854775807 + 1 }}",
      "{% for a in range(2000) %}{% for b in range(2000) %}{% endfor %}{% endfor %}",
      "{{ '%1000000d' % 1 }}",
      "{{ 'x'.ljust(100000000000) }}",
      "{{ " + repeat("(", 5000) + " }}",
      "{{ " + repeat("[", 5000) + " }}",
      "{{ 1" + repeat("+1", 5000) + " }}",
      "{{ n" + repeat("|abs", 5000) + " }}",
      "{{ n" + repeat(".x", 5000) + " }}",
      "{{ " + repeat("not ", 5000) + "n }}",
      "{{ " + repeat("-", 5000) + "n }}",
      repeat("{% if n %}", 5000),
      "{% set a = [1] %}" + repeat("{% set a = [a] %}", 5000) + "{{ a }}",
      "{% set a = ['xxxxxxxx'] %}" + repeat("{% set a = [a, a] %}", 60) + "{{ a }}",
      "{% set a = [1] %}" + repeat("{% set a = [a, a] %}", 60) + "{{ a == a }}",
      "{% set a = 'xx' %}" + repeat("{% set a = a ~ a %}", 60),
      "{% macro m(x) %}{{ m(x) }}{% endmacro %}{{ m(1) }}",
      "{% macro m(x) %}{{ m(x) }}{{ m(x) }}{% endmacro %}{{ m(1) }}",
      "{{ ('a' * 1000000).replace('', 'bbbbbbbbbbbbbbbbbbbbbbbb') }}",
      "{{ 'a' | int(9, 99) }}",
      "{{ 'x\ny' | indent(10 ** 9) }}",
      "{{ ('x\n' * 100000) | indent(1000) }}",
      "{{ 'x' | center(10 ** 12) }}",
      "{{ [1] | batch(10 ** 9, 'x') }}",
      "{{ [1] | slice(10 ** 9) }}",
      "{{ [1] | slice(10 ** 18, 'x') }}",
      "{{ ('a' * 200000) | wordwrap(1, wrapstring='x' * 1000) }}",
      "{{ ('a' * 1000000) | wordwrap(1) }}",
      "{{ ('y' ~ '\u00a0' * 200000 ~ 'x') | wordwrap(1) }}",
      "{{ range(100000) | map(attribute='x' * 1000000, default=1) }}",
      "{{ [{}] * 100000 | sort(attribute='x,' * 100000) }}",
      "{{ ('é' * 1000000) | urlencode }}",
      "{{ ('<' * 2000000) | striptags }}",
      "{{ range(100000) | groupby('x', default=1) }}",
      "{% set ns = namespace(x='ab') %}{% for i in range(60) %}{% set ns.x = ns.x ~ ns.x %}"
      "{% endfor %}",
      "{% set ns = namespace(x=1) %}{% for i in range(200) %}{% set ns.x = [ns.x] %}"
      "{% endfor %}",
      "{% set ns = namespace() %}{% for i in range(200000) %}{% set ns.x = namespace() %}"
      "{% endfor %}",
      "{% for i in range(100000) %}{% set c = cycler('x' * 1000) %}{% endfor %}",
      "{{ 1 / 0 }}",
      "{{ [][0] }}",
      "{% for x in range(100000) %}xxxxxxxxxxxxxxxxxxxxxxxxxx{% endfor %}"};
  for (const std::string& text : hostile) EXPECT_FALSE(Try(text).ok()) << text.substr(0, 100);
}

TEST(Template, LongTextsGoThroughTheFiltersWithinTheLimits) {
  EXPECT_EQ(Render("{{ ('word ' * 20000) | wordwrap(40) | length }}"), "99999");
  EXPECT_EQ(Render("{{ ('-' * 100000) | wordwrap(40) | length }}"), "102499");
  EXPECT_EQ(Render("{{ ('<!--' * 50000) | striptags | length }} {{ ('<a>' * 50000) | striptags | length }}"),
            "200000 0");
  EXPECT_EQ(Render("{{ ('&' * 100000) | striptags | length }} {{ ('a b' * 30000) | wordcount }}"), "100000 30001");
  EXPECT_EQ(Render("{{ range(20000) | batch(3) | list | length }} {{ range(20000) | slice(7) | list | length }}"),
            "6667 7");
}

TEST(Template, ANamespaceMayHoldItself) {
  EXPECT_EQ(Render("{% set ns = namespace() %}{% set ns.self = ns %}{% set ns.all = [ns] %}{% set ns.x = 1 %}{{ "
                   "ns.self.all[0].x }} {{ ns }}"),
            "1 the namespace");
}

TEST(Template, WhatIsNotThereSaysWhatToUse) {
  EXPECT_EQ(Render("{{ n | pprint }}"), "error 1:8: there is no filter \"pprint\" (use tojson(indent=2))");
  EXPECT_EQ(Render("{{ name | urlize }}"),
            "error 1:11: there is no filter \"urlize\" (it makes links of HTML: write <a href=…> yourself)");
  EXPECT_EQ(Render("{{ [name] | map('pprint') }}"),
            "error 1:13: there is no filter \"pprint\" for map() (use tojson(indent=2))");
  EXPECT_EQ(Render("{{ name is escaped }}"),
            "error 1:12: there is no test \"escaped\" (a text does not know whether it was escaped: escape it once)");
  EXPECT_EQ(Render("{% set opts.x = 1 %}"),
            "error 1:4: members of 'dict' cannot be set (make it with {% set ns = namespace(…) %})");
  EXPECT_EQ(Render("{% set ns.x = 1 %}"), "error 1:4: there is no name \"ns\" (did you mean \"n\"?)");
  EXPECT_EQ(Render("{% for ns.x in list %}{% endfor %}"), "error 1:10: \"in\" is expected, not \".\"");
  EXPECT_EQ(Render("{% set ns = namespace(total=1) %}{{ ns.totla }}"),
            "error 1:40: there is no \"totla\" in the namespace (did you mean \"total\"?)");
}

TEST(Template, ATemplateIsReadInLinearTime) {
  std::string text;
  for (int i = 0; i < 10'000; ++i) text += "\n{{ n }}{% set a" + std::to_string(i) + " = n %}";
  const auto parsed = Template::Parse(text);
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(parsed->references().back().line, 10'001);
}

}  // namespace
}  // namespace pipelined
