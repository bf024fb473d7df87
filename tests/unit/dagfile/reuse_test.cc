// `trigger_dag`, `dag` and `repeat`, from YAML to the model, and circles of DAGs.
#include <gmock/gmock.h>

#include "pipelined/dagfile/dag_calls.h"
#include "unit/dagfile/loading.h"

namespace pipelined {
namespace {

using ::testing::ElementsAre;

Task TaskOf(std::string_view yaml) {
  const Dag dag = LoadOne("tasks: {a: {" + std::string(yaml) + "}}");
  return dag.tasks.empty() ? Task() : dag.tasks[0];
}
TriggerSpec SpecOf(std::string_view yaml) {
  const Task task = TaskOf(yaml);
  return task.trigger == nullptr ? TriggerSpec() : *task.trigger;
}
std::string CodeOf(std::string_view yaml) {
  const LoadResult result = Load("tasks: {a: {" + std::string(yaml) + "}}");
  return result.diagnostics.size() == 1 ? result.diagnostics[0].code : "";
}

TEST(TriggerDag, MayBeAnIdAlone) {
  EXPECT_EQ(TaskOf("trigger_dag: other").action.kind, ActionKind::kTriggerDag);
  EXPECT_EQ(SpecOf("trigger_dag: other").dag_id, "other");
  EXPECT_FALSE(SpecOf("trigger_dag: other").wait_for_completion);
}

TEST(TriggerDag, KnowsAirflowsWordsAndShortOnes) {
  const TriggerSpec words =
      SpecOf("trigger_dag: {trigger_dag_id: b, trigger_run_id: r, wait_for_completion: true, reset_dag_run: true}");
  const TriggerSpec brief = SpecOf("trigger_dag: {dag_id: b, run_id: r, wait: true, reset: true}");
  for (const TriggerSpec& spec : {words, brief}) {
    EXPECT_EQ(spec.dag_id + "/" + spec.run_id, "b/r");
    EXPECT_TRUE(spec.wait_for_completion && spec.reset_dag_run);
  }
}

TEST(TriggerDag, AFailedStateIsNotAllowed) {
  EXPECT_THAT(
      SpecOf("trigger_dag: {dag_id: b, allowed_states: [success, failed], failed_states: [failed]}").allowed_states,
      ElementsAre(RunState::kSuccess));
}

TEST(TriggerDag, KeepsTheTypesOfItsConf) {
  EXPECT_EQ(SpecOf("trigger_dag: {dag_id: b, conf: {n: 5}}").conf.Find("n")->integer(), 5);
}

TEST(TriggerDag, SaysWhatIsWrong) {
  EXPECT_EQ(CodeOf("trigger_dag: {wait: true}"), "DAG019");
  EXPECT_EQ(CodeOf("trigger_dag: {dag_id: b, conf: [1]}"), "DAG015");
  EXPECT_EQ(CodeOf("trigger_dag: {dag_id: b, allowed_states: [running]}"), "DAG018");
  EXPECT_EQ(CodeOf("trigger_dag: {dag_id: 'no id'}"), "DAG024");
  EXPECT_EQ(CodeOf("trigger_dag: {dag_id: b, conf: {n: '{{ nobody }}'}}"), "DAG036");
}

TEST(SubDag, IsAlwaysWaitedFor) {
  const TriggerSpec spec = SpecOf("dag: other");
  EXPECT_TRUE(spec.sub_run && spec.wait_for_completion);
}

TEST(SubDag, SaysWhatIsWrong) {
  EXPECT_EQ(CodeOf("dag: {conf: {}}"), "DAG019");
  EXPECT_EQ(CodeOf("dag: {id: b, file: b.yaml}"), "DAG026");
  EXPECT_EQ(CodeOf("dag: {file: /etc/b.yaml}"), "DAG057");
  EXPECT_EQ(CodeOf("dag: {file: b.yaml}"), "DAG057");
}

LoadResult LoadBeside(std::string_view yaml, const std::string& other) {
  LoadOptions options{"/dags/team/sales.yaml", "team/sales.yaml", "", {}, {}, false, "/dags"};
  options.read_other = [&other](const std::string&) -> Result<std::string> { return other; };
  return LoadText(yaml, options, UtcOnly());
}

TEST(SubDag, AFileStandsForItsDag) {
  const auto id = [](const std::string& other) {
    const LoadResult result = LoadBeside("tasks: {a: {dag: {file: part.yaml}}}", other);
    return result.dags.size() == 1 ? result.dags[0].dag->tasks[0].trigger->dag_id : result.diagnostics[0].message;
  };
  EXPECT_EQ(id("dag_id: named\n"), "named");
  EXPECT_EQ(id("tasks: {}\n"), "part");
  EXPECT_EQ(id("a: 1\n---\nb: 2\n"), "\"part.yaml\" does not hold one DAG");
}

TEST(Repeat, HasACondition) {
  const Repeat repeat = TaskOf("bash: ls, repeat: {until: '{{ tasks.a.done }}', delay: 5s, max: 7}").repeat;
  EXPECT_EQ(repeat.until, "{{ tasks.a.done }}");
  EXPECT_EQ(repeat.delay, Seconds(5));
  EXPECT_EQ(repeat.max, 7);
}

TEST(Repeat, SaysWhatIsWrong) {
  EXPECT_EQ(CodeOf("bash: ls, repeat: {delay: 5s}"), "DAG019");
  EXPECT_EQ(CodeOf("bash: ls, repeat: {until: 'perhaps'}"), "DAG018");
  EXPECT_EQ(CodeOf("bash: ls, repeat: {until: '{{ ds }}', max: 0}"), "DAG018");
  EXPECT_EQ(CodeOf("empty: true, repeat: {until: '{{ ds }}'}"), "DAG061");
  EXPECT_EQ(CodeOf("bash: 'x {{ tasks.a.y }}'"), "DAG036");  // only its condition sees what it gave
}

Dag Calling(const std::string& id, const std::string& called) {
  return LoadOne("dag_id: " + id + "\ntasks: {a: {trigger_dag: " + called + "}}");
}

TEST(DagCalls, ACircleIsNamed) {
  DagCalls calls;
  EXPECT_TRUE(calls.Set(Calling("a", "b")));
  EXPECT_FALSE(calls.Set(Calling("a", "b")));
  EXPECT_TRUE(calls.Set(Calling("b", "c")));
  EXPECT_EQ(calls.CircleOf(Calling("c", "d")), "");
  EXPECT_EQ(calls.CircleOf(Calling("c", "a")), "c -> a -> b -> c");
  EXPECT_EQ(calls.CircleOf(Calling("c", "c")), "c -> c");
  EXPECT_TRUE(calls.Forget("a"));
  EXPECT_EQ(calls.CircleOf(Calling("c", "a")), "");
}

TEST(DagCalls, AnIdThatATemplateGivesIsNotKnown) {
  DagCalls calls;
  EXPECT_EQ(calls.CircleOf(Calling("c", "'{{ dag.dag_id }}'")), "");
}

}  // namespace
}  // namespace pipelined
