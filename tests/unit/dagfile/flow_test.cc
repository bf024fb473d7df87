// Branches, conditions, groups, setups and teardowns, from YAML to the model.
#include <gmock/gmock.h>

#include "unit/dagfile/loading.h"

namespace pipelined {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

// The arrows of a DAG: "a>b".
std::vector<std::string> Arrows(const Dag& dag) {
  std::vector<std::string> arrows;
  for (TaskNo from = 0; from < dag.tasks.size(); ++from) {
    for (const TaskNo to : dag.downstream.Of(from)) arrows.push_back(dag.tasks[from].id + ">" + dag.tasks[to].id);
  }
  return arrows;
}
std::vector<std::string> ArrowsOf(std::string_view yaml) {
  return Arrows(LoadOne(yaml));
}
Task TaskOf(std::string_view yaml) {
  const Dag dag = LoadOne("tasks: {a: {" + std::string(yaml) + "}}");
  return dag.tasks.empty() ? Task() : dag.tasks[0];
}

TEST(Flow, ABranchIsATextOrAListOfTexts) {
  EXPECT_EQ(TaskOf("branch: '{{ ds }}'").action.kind, ActionKind::kBranch);
  EXPECT_THAT(TaskOf("branch: '{{ ds }}'").action.words, ElementsAre("{{ ds }}"));
  EXPECT_THAT(TaskOf("branch: ['{{ ds }}', '{{ ts }}']").action.words, ElementsAre("{{ ds }}", "{{ ts }}"));
}

TEST(Flow, ABranchMayNameWhatIsFurtherBelowAndGroups) {
  EXPECT_EQ(LoadOne("task_groups: {g: {depends_on: [b]}}\ntasks:\n  b: {branch: [far, g]}\n  near: {empty: true, "
                    "depends_on: b}\n  far: {empty: true, depends_on: near}\n  one: {empty: true, group: g}\n")
                .tasks.size(),
            4u);
}

TEST(Flow, AShortCircuitMayLeaveTriggerRulesAlone) {
  const Task plain = TaskOf("short_circuit: '{{ ds }}'");
  EXPECT_EQ(plain.action.kind, ActionKind::kShortCircuit);
  EXPECT_THAT(plain.action.words, ElementsAre("{{ ds }}"));
  EXPECT_TRUE(plain.ignore_downstream_trigger_rules);
  const Task long_form = TaskOf("short_circuit: {condition: no, ignore_downstream_trigger_rules: false}");
  EXPECT_FALSE(long_form.ignore_downstream_trigger_rules);
}

TEST(Flow, LatestOnlyIsAnAction) {
  EXPECT_EQ(TaskOf("latest_only: true").action.kind, ActionKind::kLatestOnly);
}

TEST(Flow, AConditionIsATemplateOrTrueOrFalse) {
  EXPECT_EQ(TaskOf("bash: x, when: '{{ ds }}'").when, "{{ ds }}");
  EXPECT_EQ(TaskOf("bash: x, when: True").when, "true");
  EXPECT_EQ(TaskOf("bash: x, when: false").when, "false");
  EXPECT_EQ(TaskOf("bash: x, when: null").when, "");
}

TEST(Flow, ExitCodesThatSkip) {
  EXPECT_THAT(TaskOf("bash: x").skip_exit_codes, ElementsAre(99));
  EXPECT_THAT(TaskOf("bash: x, skip_on_exit_code: 3").skip_exit_codes, ElementsAre(3));
  EXPECT_THAT(TaskOf("bash: x, skip_on_exit_code: [99, 100]").skip_exit_codes, ElementsAre(99, 100));
  EXPECT_THAT(TaskOf("bash: x, skip_on_exit_code: null").skip_exit_codes, IsEmpty());
}

TEST(Flow, ATeardownGetsItsTriggerRule) {
  EXPECT_TRUE(TaskOf("bash: x, setup: true").setup);
  const Task teardown = TaskOf("bash: x, teardown: true, on_failure_fail_dagrun: true");
  EXPECT_TRUE(teardown.teardown && teardown.on_failure_fail_dagrun);
  EXPECT_EQ(teardown.trigger_rule, TriggerRule::kAllDoneSetupSuccess);
  EXPECT_EQ(
      LoadOne("default_args: {trigger_rule: all_done}\ntasks: {a: {bash: x, teardown: true}}").tasks[0].trigger_rule,
      TriggerRule::kAllDoneSetupSuccess);
}

TEST(Groups, StandInTheirParentsWhateverTheOrder) {
  const Dag dag = LoadOne(
      "task_groups: {inner: {parent: outer, tooltip: t}, outer: {}}\ntasks: {inner.a: {empty: true, group: inner}, b: "
      "{empty: true, group: outer}, c: {empty: true}}");
  ASSERT_EQ(dag.groups.size(), 2u);
  EXPECT_EQ(dag.groups[0].id, "outer");
  EXPECT_EQ(dag.groups[1].id, "inner");
  EXPECT_EQ(dag.groups[1].parent, "outer");
  EXPECT_EQ(dag.groups[1].tooltip, "t");
  EXPECT_THAT(dag.TasksOf("outer"), ElementsAre(0, 1));
  EXPECT_THAT(dag.TasksOf("inner"), ElementsAre(0));
}

TEST(Groups, GiveTheirTasksDefaultsTheNearestWins) {
  const Dag dag = LoadOne(R"(
default_args: {retries: 1, pool: dag, env: {A: dag, B: dag}}
task_groups:
  outer: {default_args: {retries: 2, env: {B: outer}}}
  inner: {parent: outer, default_args: {retries: 3}}
tasks:
  none: {empty: true}
  out: {empty: true, group: outer}
  in: {empty: true, group: inner}
  own: {empty: true, group: inner, retries: 4}
)");
  std::vector<int> retries;
  for (const Task& task : dag.tasks) retries.push_back(task.retry.retries);
  EXPECT_THAT(retries, ElementsAre(1, 2, 3, 4));
  EXPECT_EQ(dag.tasks[2].pool, "dag");
  EXPECT_EQ(dag.tasks[2].env, (Env{{"A", "dag"}, {"B", "outer"}}));
}

TEST(Groups, StandForTheirLastTasksAboveAndTheirFirstBelow) {
  EXPECT_THAT(ArrowsOf(R"(
task_groups: {g: {depends_on: [begin]}}
tasks:
  begin: {empty: true}
  a: {empty: true, group: g}
  b: {empty: true, group: g, depends_on: a}
  c: {empty: true, group: g}
  end: {empty: true, depends_on: g}
)"),
              UnorderedElementsAre("begin>a", "begin>c", "a>b", "b>end", "c>end"));
}

TEST(Groups, OfGroupsLinkFromTheInsideOut) {
  EXPECT_THAT(ArrowsOf(R"(
task_groups: {outer: {}, second: {parent: outer, depends_on: [first]}, first: {parent: outer}, after: {depends_on: outer}}
tasks:
  end: {empty: true, group: after}
  b: {empty: true, group: second}
  a: {empty: true, group: first}
)"),
              UnorderedElementsAre("a>b", "b>end"));
}

TEST(Groups, LastTasksAreNotTeardowns) {
  EXPECT_THAT(ArrowsOf(R"(
task_groups: {g: {}}
tasks:
  up: {empty: true, group: g, setup: true}
  work: {empty: true, group: g, depends_on: up}
  down: {empty: true, group: g, teardown: true, depends_on: [up, work]}
  end: {empty: true, depends_on: g}
)"),
              UnorderedElementsAre("up>work", "up>down", "work>down", "work>end"));
}

TEST(Groups, OfTeardownsAloneEndWithThem) {
  EXPECT_THAT(ArrowsOf("task_groups: {g: {}}\ntasks:\n  down: {empty: true, group: g, teardown: true}\n"
                       "  end: {empty: true, depends_on: g}\n"),
              ElementsAre("down>end"));
}

TEST(Groups, MultiplyOnlyUpToALimit) {
  std::string yaml = "task_groups: {g: {}, h: {depends_on: g}}\ntasks:\n";
  for (int i = 0; i < 2500; ++i) {
    yaml += "  g" + std::to_string(i) + ": {empty: true, group: g}\n";
    yaml += "  h" + std::to_string(i) + ": {empty: true, group: h}\n";
  }
  const LoadResult result = Load(yaml);
  ASSERT_EQ(result.diagnostics.size(), 1u) << Format(result.diagnostics);
  EXPECT_EQ(result.diagnostics[0].code, "DAG050");
}

TEST(Groups, NestOnlyUpToALimit) {
  std::string yaml = "task_groups:\n  g0: {}\n";
  for (int i = 1; i < 65; ++i) yaml += "  g" + std::to_string(i) + ": {parent: g" + std::to_string(i - 1) + "}\n";
  const LoadResult result = Load(yaml + "tasks: {a: {empty: true, group: g64}}\n");
  ASSERT_EQ(result.diagnostics.size(), 1u) << Format(result.diagnostics);
  EXPECT_EQ(result.diagnostics[0].code, "DAG006");
}

}  // namespace
}  // namespace pipelined
