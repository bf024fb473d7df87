// Mapped tasks and groups, from YAML to the model.
#include <gmock/gmock.h>

#include "unit/dagfile/loading.h"

namespace pipelined {
namespace {

using ::testing::ElementsAre;

std::string MistakeIn(std::string_view yaml) {
  const LoadResult result = Load(yaml);
  if (result.diagnostics.size() != 1) return Format(result.diagnostics);
  const Diagnostic& only = result.diagnostics[0];
  return only.code + " " + std::to_string(only.line) + ": " + only.message;
}

TEST(Mapping, OverLiteralsIsACrossProduct) {
  const Dag dag = LoadOne("tasks: {m: {bash: 'echo {{ item.n }}', expand: {n: [1, 2], env: [{A: x}, {A: y}]}}}");
  ASSERT_EQ(dag.mappings.size(), 1u);
  EXPECT_EQ(dag.mappings[0].literal_length(), 4u);
  EXPECT_THAT(dag.mappings[0].tasks, ElementsAre(0u));
}

TEST(Mapping, OverAnOutputDependsOnItsTask) {
  const Dag dag = LoadOne(R"(
tasks:
  m: {bash: 'true', expand: {n: "{{ tasks.a.list }}"}}
  a: {bash: 'true'}
)");
  ASSERT_EQ(dag.mappings.size(), 1u);
  EXPECT_THAT(dag.mappings[0].sources, ElementsAre(1u));
  ASSERT_EQ(dag.upstream.Of(0).size(), 1u);
  EXPECT_EQ(dag.upstream.Of(0)[0], 1u);
}

TEST(Mapping, OfAGroupHoldsForItsTasksAndThoseOfInnerGroups) {
  const Dag dag = LoadOne(R"(
task_groups: {g: {expand: {n: [1, 2, 3]}}, inner: {parent: g}}
tasks:
  a: {bash: 'true', group: g}
  b: {bash: 'true', group: inner, depends_on: a}
  c: {bash: 'true', depends_on: g}
)");
  ASSERT_EQ(dag.mappings.size(), 1u);
  EXPECT_THAT(dag.mappings[0].tasks, ElementsAre(0u, 1u));
  EXPECT_FALSE(dag.mapped[0].follows_own);
  EXPECT_TRUE(dag.mapped[1].follows_own);
  EXPECT_EQ(dag.tasks[2].mapped, 0u);
}

TEST(Mapping, AGroupOverAnOutputPutsItsFirstTasksBelow) {
  const Dag dag = LoadOne(R"(
task_groups: {g: {expand: {n: "{{ tasks.src.list }}"}}}
tasks:
  src: {bash: 'true'}
  a: {bash: 'true', group: g}
  b: {bash: 'true', group: g, depends_on: a}
)");
  ASSERT_EQ(dag.upstream.Of(1).size(), 1u);
  EXPECT_EQ(dag.upstream.Of(1)[0], 0u);
  EXPECT_EQ(dag.upstream.Of(2).size(), 1u);
}

TEST(Mapping, TheActionMayStandInTheExpand) {
  const Dag dag = LoadOne("tasks: {m: {expand: {bash: [echo one, echo two]}}}");
  ASSERT_EQ(dag.tasks.size(), 1u);
  EXPECT_EQ(dag.tasks[0].action.kind, ActionKind::kBash);
}

TEST(Mapping, InstancesMayBeNamed) {
  const Dag dag = LoadOne("tasks: {m: {bash: 'true', expand: {n: [1]}, map_index_template: 'n {{ item.n }}'}}");
  EXPECT_EQ(dag.mapped[0].map_index_template, "n {{ item.n }}");
  EXPECT_FALSE(dag.mappings[0].literal_length().has_value()) << "names are evaluated when it is expanded";
}

TEST(Mapping, OverItsOwnOutputIsACircle) {
  const LoadResult result = Load("tasks: {m: {bash: x, expand: {n: '{{ tasks.m.x }}'}}}");
  ASSERT_FALSE(result.diagnostics.empty());
  EXPECT_EQ(result.diagnostics[0].code, "DAG022");
}

struct Mistake {
  const char* yaml;
  const char* text;
};
class Mapped : public ::testing::TestWithParam<Mistake> {};

TEST_P(Mapped, MistakesAreNamed) {
  EXPECT_EQ(MistakeIn(GetParam().yaml), GetParam().text);
}

INSTANTIATE_TEST_SUITE_P(
    Mistakes, Mapped,
    ::testing::Values(
        Mistake{"tasks: {m: {bash: x, expand: {retries: [1]}}}",
                "DAG055 1: the task key \"retries\" cannot be mapped over"},
        Mistake{"tasks: {m: {bash: x, expand: {}}}", "DAG055 1: expand names nothing to map over"},
        Mistake{"tasks: {m: {bash: x, expand: {2x: [1]}}}", "DAG055 1: \"2x\" cannot be used as {{ item.… }}"},
        Mistake{"tasks: {m: {bash: x, expand: {env: [1]}}}", "DAG055 1: element 0 of env must be a mapping"},
        Mistake{"tasks: {m: {expand: {exec: [ls]}}}", "DAG055 1: element 0 of exec must be a list of words"},
        Mistake{"tasks: {m: {bash: x, expand_kwargs: [1]}}", "DAG055 1: element 0 of expand_kwargs must be a mapping"},
        Mistake{"tasks: {m: {bash: x, expand: {n: [1]}, expand_zip: {n: [1]}}}",
                "DAG055 1: expand_zip stands beside another expand"},
        Mistake{"tasks: {m: {bash: x, expand: {n: 3}}}",
                "DAG015 1: n needs a list, or a template that gives one, not \"3\""},
        Mistake{"tasks: {m: {bash: x, map_index_template: 'a'}}",
                "DAG055 1: \"m\" has a map_index_template and is not mapped"},
        Mistake{"tasks: {m: {branch: a, expand: {n: [1]}}, a: {bash: x, depends_on: m}}",
                "DAG056 1: \"m\" decides the way of the run and cannot be mapped by itself"},
        Mistake{"task_groups: {g: {expand: {n: [1]}}}\ntasks: {m: {bash: x, group: g, expand: {k: [1]}}}",
                "DAG056 2: task \"m\" stands in the mapped group \"g\" and cannot be mapped again"},
        Mistake{
            "task_groups: {g: {expand: {n: [1]}}, h: {parent: g, expand: {n: [1]}}}\ntasks: {m: {bash: x, group: h}}",
            "DAG056 1: group \"h\" stands in the mapped group \"g\" and cannot be mapped again"},
        Mistake{"task_groups: {g: {expand: {bash: [x]}}}\ntasks: {m: {bash: x, group: g}}",
                "DAG055 1: a group cannot be mapped over bash"},
        Mistake{"tasks: {m: {bash: 'echo {{ item.m }}', expand: {n: [1]}}}",
                "DAG036 1: there is no \"m\" in what is mapped over"},
        Mistake{"tasks: {m: {bash: 'echo {{ item.n }}'}}", "DAG036 1: \"m\" is not mapped, so it has no items"},
        Mistake{"tasks: {m: {bash: x, expand: {n: '{{ tasks.nope.x }}'}}}", "DAG036 1: there is no task \"nope\""},
        Mistake{"tasks: {m: {bash: x, expand: {n: '{{ nope }}'}}}", "DAG036 1: there is no name \"nope\""}));

}  // namespace
}  // namespace pipelined
