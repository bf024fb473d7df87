// max_active_tis, concurrency keys and rates, from YAML to the model.
#include <gmock/gmock.h>

#include "unit/dagfile/loading.h"

namespace pipelined {
namespace {

using ::testing::ElementsAre;
using namespace std::chrono_literals;

Task TaskOf(std::string_view yaml) {
  const Dag dag = LoadOne("tasks: {a: {bash: x, " + std::string(yaml) + "}}");
  return dag.tasks.empty() ? Task() : dag.tasks[0];
}

TEST(SharedLimits, MaxActiveTis) {
  const Task task = TaskOf("max_active_tis_per_dag: 3, max_active_tis_per_dagrun: 2");
  EXPECT_EQ(task.max_active_tis_per_dag, 3);
  EXPECT_EQ(task.max_active_tis_per_dagrun, 2);
}

TEST(SharedLimits, AConcurrencyKeyHasOnePlaceAndQueuesByDefault) {
  const Task task = TaskOf("concurrency: {key: 'k {{ ds }}'}");
  ASSERT_NE(task.concurrency, nullptr);
  EXPECT_EQ(task.concurrency->key, "k {{ ds }}");
  EXPECT_EQ(task.concurrency->max, 1);
  EXPECT_EQ(task.concurrency->on_conflict, OnConflict::kQueue);
}

TEST(SharedLimits, OnConflictHasThreeWords) {
  EXPECT_EQ(TaskOf("concurrency: {key: k, on_conflict: queue}").concurrency->on_conflict, OnConflict::kQueue);
  EXPECT_EQ(TaskOf("concurrency: {key: k, on_conflict: skip}").concurrency->on_conflict, OnConflict::kSkip);
  EXPECT_EQ(TaskOf("concurrency: {key: k, on_conflict: cancel_running}").concurrency->on_conflict,
            OnConflict::kCancelRunning);
}

TEST(SharedLimits, ARateCountsStartsInAStretchOfTime) {
  EXPECT_EQ(TaskOf("rate: {key: k, per_second: 5}").rate->window, 1s);
  EXPECT_EQ(TaskOf("rate: {key: k, per_minute: 5}").rate->window, 1min);
  EXPECT_EQ(TaskOf("rate: {key: k, per_hour: 5}").rate->window, 1h);
  EXPECT_EQ(TaskOf("rate: {key: k, per_hour: 5}").rate->starts, 5);
}

TEST(SharedLimits, ComeFromDefaultArgsAndNullTakesThemAway) {
  const Dag dag = LoadOne(R"(
default_args: {concurrency: {key: k}, rate: {key: r, per_hour: 1}, max_active_tis_per_dag: 1}
tasks:
  a: {bash: x}
  b: {bash: x, concurrency: null, rate: null, max_active_tis_per_dag: null}
  c: {bash: x, concurrency: {key: other, max: 2}}
)");
  ASSERT_EQ(dag.tasks.size(), 3u);
  EXPECT_EQ(dag.tasks[0].concurrency->key, "k");
  EXPECT_EQ(dag.tasks[1].concurrency, nullptr);
  EXPECT_EQ(dag.tasks[1].rate, nullptr);
  EXPECT_EQ(dag.tasks[1].max_active_tis_per_dag, 0);
  EXPECT_EQ(dag.tasks[2].concurrency->max, 2);
  EXPECT_THAT(dag.keyed, ElementsAre(0, 2));
}

TEST(SharedLimits, AKeyMayStandOnAllThatIsKnownAtCreation) {
  EXPECT_NE(TaskOf("concurrency: {key: '{{ dag_run.conf.x }} {{ run_id }} {{ ds }} {{ dag.dag_id }} {{ task.task_id }} "
                   "{{ macros.ds_add(ds, 1) }} {{ data_interval_end }}'}")
                .concurrency,
            nullptr);
}

}  // namespace
}  // namespace pipelined
