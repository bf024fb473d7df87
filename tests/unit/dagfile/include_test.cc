// Task templates: `include`, from YAML to the model.
#include <gmock/gmock.h>

#include <map>

#include "unit/dagfile/loading.h"

namespace pipelined {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

using Files = std::map<std::string, std::string>;  // by path below /dags

LoadResult LoadWith(std::string_view yaml, const Files& files, LoadLimits limits = {}) {
  LoadOptions options{"/dags/team/sales.yaml", "team/sales.yaml", "", {}, limits, false, "/dags"};
  options.read_other = [&files](const std::string& path) -> Result<std::string> {
    const auto found = files.find(path.substr(6));
    if (found != files.end()) return found->second;
    return Error{ErrorCode::kNotFound, path + " is not there", ""};
  };
  return LoadText(yaml, options, UtcOnly());
}

Dag LoadOneWith(std::string_view yaml, const Files& files) {
  const LoadResult result = LoadWith(yaml, files);
  if (!result.diagnostics.empty()) fprintf(stderr, "%s", Format(result.diagnostics).c_str());
  return result.dags.size() == 1 ? *result.dags[0].dag : Dag();
}

std::vector<std::string> Arrows(const Dag& dag) {
  std::vector<std::string> arrows;
  for (TaskNo from = 0; from < dag.tasks.size(); ++from) {
    for (const TaskNo to : dag.downstream.Of(from)) arrows.push_back(dag.tasks[from].id + ">" + dag.tasks[to].id);
  }
  return arrows;
}

std::vector<std::string> Said(const LoadResult& result) {
  std::vector<std::string> said;
  for (const Diagnostic& d : result.diagnostics) {
    std::string text = d.code + " " + d.file + ":" + std::to_string(d.line) + " " + d.message;
    for (const Diagnostic::IncludedAt& at : d.included_at)
      text += " <" + at.id + " " + at.file + ":" + std::to_string(at.line);
    said.push_back(text);
  }
  return said;
}

const Files kLoad{{"team/_load.yaml",
                   "params: {table: {type: string}, tries: {type: integer, default: 2}}\n"
                   "tasks:\n"
                   "  copy: {bash: 'copy {{ params.table }}', retries: '{{ params.tries }}'}\n"
                   "  check: {bash: 'check {{ tasks.copy.rows }}', depends_on: copy}\n"}};

TEST(Include, BringsTheTasksOfATemplateAsAGroup) {
  const Dag dag = LoadOneWith(
      "include: {load: {file: _load.yaml, with: {table: sales}, depends_on: first}}\n"
      "tasks: {first: {empty: true}, last: {empty: true, depends_on: load}}",
      kLoad);
  EXPECT_THAT(Arrows(dag), ElementsAre("first>load.copy", "load.copy>load.check", "load.check>last"));
  ASSERT_EQ(dag.tasks.size(), 4u);
  EXPECT_EQ(dag.tasks[2].group, "load");
  EXPECT_EQ(dag.tasks[2].inclusion->prefix, "load.");
}

TEST(Include, AWholeValueIsPutInAsYaml) {
  const Dag dag = LoadOneWith("include: {load: {file: _load.yaml, with: {table: sales, tries: 7}}}", kLoad);
  ASSERT_EQ(dag.tasks.size(), 2u);
  EXPECT_EQ(dag.tasks[0].retry.retries, 7);
  EXPECT_EQ(dag.tasks[0].action.words[0], "copy {{ params.table }}");  // rendered, and quoted, when it runs
}

TEST(Include, AListOrAScriptMayBeAParam) {
  const Files files{{"team/_run.yaml",
                     "params: {words: {type: array}, script: {}}\n"
                     "tasks:\n  a: {exec: '{{ params.words }}'}\n  b: {bash: '{{ params.script }}'}\n"}};
  const Dag dag = LoadOneWith(
      "include: {run: {file: _run.yaml, with: {words: [echo, two words], script: 'echo a | tr a b'}}}", files);
  ASSERT_EQ(dag.tasks.size(), 2u);
  EXPECT_THAT(dag.tasks[0].action.words, ElementsAre("echo", "two words"));
  EXPECT_EQ(dag.tasks[1].action.words[0], "echo a | tr a b");
}

TEST(Include, OneTemplateMayBeIncludedTwiceAndEachHasItsOwnValues) {
  const Dag dag = LoadOneWith(
      "include:\n  one: {file: _load.yaml, with: {table: a, tries: 1}}\n"
      "  two: {file: _load.yaml, with: {table: b}, depends_on: one}",
      kLoad);
  EXPECT_THAT(Arrows(dag), ElementsAre("one.copy>one.check", "one.check>two.copy", "two.copy>two.check"));
  ASSERT_EQ(dag.tasks.size(), 4u);
  EXPECT_EQ(dag.tasks[0].inclusion->params[0].value.string(), "a");
  EXPECT_EQ(dag.tasks[2].inclusion->params[0].value.string(), "b");
}

TEST(Include, TemplatesMayIncludeOthersByTheirOwnFolder) {
  const Files files{
      {"_lib/outer.yaml",
       "params: {name: {}}\n"
       "include: {in: {file: deep/inner.yaml, with: {word: '{{ params.name }}'}, depends_on: a}}\n"
       "tasks: {a: {empty: true}}\n"},
      {"_lib/deep/inner.yaml", "params: {word: {type: string}}\ntasks: {b: {bash: '{{ params.word }}'}}\n"}};
  const Dag dag = LoadOneWith("include: {out: {file: ../_lib/outer.yaml, with: {name: ls}}}", files);
  EXPECT_THAT(Arrows(dag), ElementsAre("out.a>out.in.b"));
  ASSERT_EQ(dag.tasks.size(), 2u);
  EXPECT_EQ(dag.tasks[1].action.words[0], "ls");
  EXPECT_EQ(dag.tasks[1].group, "out.in");
  ASSERT_EQ(dag.groups.size(), 2u);
  EXPECT_EQ(dag.groups[1].parent, "out");
}

TEST(Include, GroupsOfATemplateStandInItsOwn) {
  const Files files{
      {"team/_t.yaml", "task_groups: {g: {depends_on: a}}\ntasks: {a: {empty: true}, b: {empty: true, group: g}}\n"}};
  const Dag dag = LoadOneWith("include: {x: {file: _t.yaml}}", files);
  EXPECT_THAT(Arrows(dag), ElementsAre("x.a>x.b"));
  ASSERT_EQ(dag.groups.size(), 2u);
  EXPECT_EQ(dag.groups[1].id + " in " + dag.groups[1].parent, "x.g in x");
}

TEST(Include, AMappedTaskOfATemplateGoesThroughATaskOfTheTemplate) {
  const Files files{{"team/_t.yaml",
                     "params: {most: {type: array}}\n"
                     "tasks:\n  list: {bash: ls}\n"
                     "  each: {expand: {file: '{{ tasks.list.files }}'}, bash: 'cat {{ item.file }}'}\n"
                     "  some: {expand: {n: '{{ params.most }}'}, bash: 'echo {{ item.n }}'}\n"}};
  const Dag dag = LoadOneWith("include: {x: {file: _t.yaml, with: {most: [1, 2]}}}", files);
  EXPECT_THAT(Arrows(dag), ElementsAre("x.list>x.each"));
  ASSERT_EQ(dag.mappings.size(), 2u);
  EXPECT_THAT(dag.mappings[0].sources, ElementsAre(0u));
  EXPECT_EQ(dag.mappings[1].literal_length(), 2u);
}

TEST(Include, WhatTheDagGivesIsMeantAsInTheDag) {
  const Files files{{"team/_t.yaml",
                     "default_args: {env: {OWN: '{{ params.x }}'}}\nparams: {x: 1}\n"
                     "tasks: {a: {bash: ls}}\n"}};
  const Dag dag = LoadOneWith(
      "params: {y: 1}\nenv: {DAGS: '{{ params.y }}'}\ndefault_args: {retries: 3, when: '{{ params.y }}'}\n"
      "include: {t: {file: _t.yaml}}",
      files);
  ASSERT_EQ(dag.tasks.size(), 1u);
  EXPECT_EQ(dag.tasks[0].retry.retries, 3);
  EXPECT_THAT(dag.tasks[0].outer_env, ElementsAre(std::pair<std::string, std::string>("DAGS", "{{ params.y }}")));
  EXPECT_THAT(dag.tasks[0].env, ElementsAre(std::pair<std::string, std::string>("OWN", "1")));
  EXPECT_TRUE(dag.tasks[0].outer_when);
}

TEST(Include, TheVersionStandsOnTheTemplate) {
  const std::string yaml = "include: {load: {file: _load.yaml, with: {table: sales}}}";
  const LoadResult first = LoadWith(yaml, kLoad);
  ASSERT_EQ(first.dags.size(), 1u);
  ASSERT_EQ(first.dags[0].source.included.size(), 1u);
  EXPECT_EQ(first.dags[0].source.included[0].file, "/dags/team/_load.yaml");
  const auto again = ParseSource(first.dags[0].source, UtcOnly());
  ASSERT_TRUE(again);
  EXPECT_EQ((*again)->content_hash, first.dags[0].dag->content_hash);
  Files changed = kLoad;
  changed["team/_load.yaml"] += "  more: {empty: true}\n";
  const LoadResult second = LoadWith(yaml, changed);
  ASSERT_EQ(second.dags.size(), 1u);
  EXPECT_NE(second.dags[0].dag->content_hash, first.dags[0].dag->content_hash);
}

TEST(Include, AMistakeInATemplateIsShownInBothFiles) {
  const Files files{{"team/_t.yaml", "tasks:\n  copy: {empty: true}\n  check: {empty: true, depends_on: copi}\n"}};
  const LoadResult result = LoadWith("include:\n  load:\n    file: _t.yaml\n", files);
  EXPECT_THAT(Said(result), ElementsAre("DAG021 team/_t.yaml:3 depends_on names a task that does not exist: "
                                        "\"load.copi\" <load team/sales.yaml:3"));
  EXPECT_EQ(Format(result.diagnostics),
            "team/_t.yaml:3:36: error DAG021: depends_on names a task that does not exist: \"load.copi\"\n"
            "    3 |   check: {empty: true, depends_on: copi}\n"
            "      |                                    ^~~~\n"
            "     in: \"load\", included at team/sales.yaml:3:5\n"
            "   help: did you mean \"load.copy\" (line 2)?\n");
}

TEST(Include, AMistakeThatEachInclusionHasIsSaidOnce) {
  const Files files{{"team/_t.yaml", "tasks: {a: {bahs: ls}}\n"}};
  EXPECT_EQ(LoadWith("include: {one: {file: _t.yaml}, two: {file: _t.yaml}}", files).diagnostics.size(), 1u);
}

struct Refusal {
  std::string what, yaml, said;
  Files files = kLoad;
};
class IncludeRefused : public ::testing::TestWithParam<Refusal> {};

TEST_P(IncludeRefused, Says) {
  EXPECT_THAT(Said(LoadWith(GetParam().yaml, GetParam().files)), ElementsAre(GetParam().said));
}

INSTANTIATE_TEST_SUITE_P(
    Include, IncludeRefused,
    ::testing::Values(
        Refusal{"NoFile", "include: {a: {file: _no.yaml}}",
                "DAG057 team/sales.yaml:1 there is no file \"team/_no.yaml\""},
        Refusal{"NoFileKey", "include: {a: {with: {}}}", "DAG019 team/sales.yaml:1 an inclusion needs a file"},
        Refusal{"Outside", "include: {a: {file: ../../_x.yaml}}",
                "DAG057 team/sales.yaml:1 \"../../_x.yaml\" lies outside of the DAG folder"},
        Refusal{"Absolute", "include: {a: {file: /etc/_x.yaml}}",
                "DAG057 team/sales.yaml:1 \"/etc/_x.yaml\" lies outside of the DAG folder"},
        Refusal{"ADagFile", "include: {a: {file: other.yaml}}",
                "DAG057 team/sales.yaml:1 \"other.yaml\" would be a DAG file itself"},
        Refusal{"MissingParam", "include:\n  a: {file: _load.yaml}",
                "DAG059 team/sales.yaml:2 the template needs a value for its param \"table\""},
        Refusal{"UnknownParam", "include: {a: {file: _load.yaml, with: {table: x, tabel: y}}}",
                "DAG059 team/sales.yaml:1 the template has no param \"tabel\""},
        Refusal{"WrongType", "include: {a: {file: _load.yaml, with: {table: 5}}}",
                "DAG059 team/sales.yaml:1 table does not fit the template: 5 is not of type string"},
        Refusal{"Circle",
                "include: {a: {file: _a.yaml}}",
                "DAG058 team/_b.yaml:1 templates include each other in a circle: team/_a.yaml -> team/_b.yaml -> "
                "team/_a.yaml <a.b team/_a.yaml:1 <a team/sales.yaml:1",
                {{"team/_a.yaml", "include: {b: {file: _b.yaml}}"}, {"team/_b.yaml", "include: {a: {file: _a.yaml}}"}}},
        Refusal{"UnknownKey",
                "include: {a: {file: _t.yaml}}",
                "DAG016 team/_t.yaml:1 a task template has no key \"schedule\" <a team/sales.yaml:1",
                {{"team/_t.yaml", "schedule: '@daily'\ntasks: {b: {empty: true}}"}}},
        Refusal{"UnknownName",
                "include: {a: {file: _t.yaml}}\nparams: {dag_param: 1}",
                "DAG036 team/_t.yaml:1 the template has no parameter \"dag_param\" <a team/sales.yaml:1",
                {{"team/_t.yaml", "tasks: {b: {bash: 'x {{ params.dag_param }}'}}"}}},
        Refusal{"UnknownNameGiven", "include: {a: {file: _load.yaml, with: {table: '{{ tasks.nobody.x }}'}}}",
                "DAG036 team/sales.yaml:1 there is no task \"nobody\""},
        Refusal{"TakenTask",
                "include: {a: {file: _t.yaml}}\ntasks: {a.b: {empty: true}}",
                "DAG009 team/_t.yaml:1 there is a task \"a.b\" already <a team/sales.yaml:1",
                {{"team/_t.yaml", "tasks: {b: {empty: true}}"}}},
        Refusal{"TakenGroup",
                "task_groups: {a: {}}\ninclude: {a: {file: _t.yaml}}",
                "DAG009 team/sales.yaml:2 there is a group \"a\" already",
                {{"team/_t.yaml", "tasks: {b: {empty: true}}"}}},
        Refusal{"IntoTheTemplate",
                "include: {a: {file: _t.yaml}}\ntasks: {x: {empty: true, group: a}}",
                "DAG046 team/sales.yaml:2 the group \"a\" comes with a template",
                {{"team/_t.yaml", "tasks: {b: {empty: true}}"}}},
        Refusal{"BadYaml",
                "include: {a: {file: _t.yaml}}",
                "DAG004 team/_t.yaml:1 this is not YAML: illegal flow end <a team/sales.yaml:1",
                {{"team/_t.yaml", "tasks: ]"}}}),
    [](const auto& one) { return one.param.what; });

TEST(Include, CannotStandInAGroupThatItBrings) {
  const Files files{{"team/_t.yaml", "task_groups: {g: {}}\ntasks: {b: {empty: true, group: g}}"}};
  EXPECT_THAT(Said(LoadWith("include: {a: {file: _t.yaml, parent: a.g}}", files)),
              ElementsAre("DAG046 team/sales.yaml:1 the group \"a.g\" comes with a template",
                          "DAG047 team/_t.yaml:1 groups stand inside of each other in a circle: a -> a.g -> a "
                          "<a team/sales.yaml:1"));
}

TEST(Include, TooDeepIsRefused) {
  Files files;
  for (int i = 0; i < 9; ++i)
    files["team/_" + std::to_string(i) + ".yaml"] = "include: {n: {file: _" + std::to_string(i + 1) + ".yaml}}";
  const auto said = Said(LoadWith("include: {a: {file: _0.yaml}}", files));
  ASSERT_EQ(said.size(), 1u);
  EXPECT_THAT(said[0], ::testing::StartsWith("DAG006 team/_7.yaml:1 templates are included deeper than 8 levels"));
}

TEST(Include, CopiesThatMultiplyAreRefused) {
  LoadLimits limits;
  limits.nodes = 120;
  std::string yaml = "include:\n";
  for (int i = 0; i < 5; ++i) yaml += "  i" + std::to_string(i) + ": {file: _t.yaml}\n";
  std::string tasks = "tasks:\n";
  for (int i = 0; i < 8; ++i) tasks += "  t" + std::to_string(i) + ": {empty: true}\n";
  const auto said = Said(LoadWith(yaml, {{"team/_t.yaml", tasks}}, limits));
  ASSERT_FALSE(said.empty());
  EXPECT_THAT(said[0], ::testing::StartsWith("DAG007 team/sales.yaml:5 the templates up to this one"));
}

}  // namespace
}  // namespace pipelined
