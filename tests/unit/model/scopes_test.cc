// What setups and teardowns add to the graph of a DAG.
#include <gmock/gmock.h>

#include "pipelined/model/dag.h"

namespace pipelined {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Dag Make(std::size_t tasks, std::vector<TaskNo> setups, std::vector<TaskNo> teardowns) {
  Dag dag;
  dag.tasks.resize(tasks);
  for (std::size_t i = 0; i < tasks; ++i) dag.tasks[i].id = "t" + std::to_string(i);
  for (const TaskNo setup : setups) dag.tasks[setup].setup = true;
  for (const TaskNo teardown : teardowns) dag.tasks[teardown].teardown = true;
  return dag;
}

std::vector<TaskNo> Of(const Graph& graph, TaskNo task) {
  const auto found = graph.Of(task);
  return {found.begin(), found.end()};
}

TEST(Scopes, AreEmptyWithoutSetups) {
  Dag dag = Make(3, {}, {});
  ASSERT_TRUE(dag.Link({{0, 1}, {1, 2}}).ok());
  EXPECT_THAT(Of(dag.setups, 2), IsEmpty());
  EXPECT_THAT(Of(dag.scope, 2), IsEmpty());
}

TEST(Scopes, WorkFarBelowASetupNeedsItAsLongAsTheTeardownIsBelow) {
  // 0 setup -> 1 -> 2 -> 3 teardown (also directly below 0) -> 4
  Dag dag = Make(5, {0}, {3});
  ASSERT_TRUE(dag.Link({{0, 1}, {1, 2}, {2, 3}, {0, 3}, {3, 4}}).ok());
  EXPECT_THAT(Of(dag.setups, 1), IsEmpty());  // a direct upstream anyway
  EXPECT_THAT(Of(dag.setups, 2), ElementsAre(0));
  EXPECT_THAT(Of(dag.setups, 4), IsEmpty());  // behind the teardown
  EXPECT_THAT(Of(dag.guarded, 0), ElementsAre(2));
  EXPECT_THAT(Of(dag.scope, 3), ElementsAre(1));
  EXPECT_THAT(Of(dag.scoped, 1), ElementsAre(3));
}

TEST(Scopes, WithoutATeardownEverythingBelowNeedsTheSetup) {
  Dag dag = Make(3, {0}, {});
  ASSERT_TRUE(dag.Link({{0, 1}, {1, 2}}).ok());
  EXPECT_THAT(Of(dag.setups, 2), ElementsAre(0));
}

TEST(Leaves, DoNotCountTeardownsNorWhatTheyWouldHide) {
  Dag dag = Make(3, {0}, {2});
  ASSERT_TRUE(dag.Link({{0, 1}, {1, 2}, {0, 2}}).ok());
  EXPECT_THAT(dag.leaves, ElementsAre(false, true, false));
  dag.tasks[2].on_failure_fail_dagrun = true;
  ASSERT_TRUE(dag.Link({{0, 1}, {1, 2}, {0, 2}}).ok());
  EXPECT_THAT(dag.leaves, ElementsAre(false, false, true));
}

TEST(Leaves, OfNothingButTeardownsAreTheLastOnes) {
  Dag dag = Make(2, {}, {0, 1});
  ASSERT_TRUE(dag.Link({{0, 1}}).ok());
  EXPECT_THAT(dag.leaves, ElementsAre(false, true));
}

TEST(Scopes, SetupsAboveEachOtherAreBounded) {
  constexpr TaskNo kMany = 20'000;
  Dag dag = Make(kMany, {}, {});
  std::vector<std::pair<TaskNo, TaskNo>> chain;
  for (TaskNo i = 0; i < kMany; ++i) {
    dag.tasks[i].setup = true;
    if (i > 0) chain.emplace_back(i - 1, i);
  }
  const Status linked = dag.Link(chain);
  ASSERT_FALSE(linked.ok());
  EXPECT_EQ(linked.error().message, "the setups and teardowns of the DAG multiply beyond the limit");
}

}  // namespace
}  // namespace pipelined
