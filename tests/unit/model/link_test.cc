#include <gmock/gmock.h>

#include "pipelined/model/dag.h"

namespace pipelined {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Dag Tasks(std::initializer_list<const char*> ids) {
  Dag dag;
  for (const char* id : ids) {
    dag.tasks.emplace_back();
    dag.tasks.back().id = id;
  }
  return dag;
}

TEST(Graph, DropsDuplicateEdgesAndSortsEachNode) {
  const Graph graph(3, {{0, 2}, {0, 1}, {0, 2}});
  EXPECT_EQ(graph.edges(), 2u);
  EXPECT_THAT(graph.Of(0), ElementsAre(1, 2));
  EXPECT_THAT(graph.Of(2), IsEmpty());
}

TEST(Link, FindsTasksByTheirId) {
  Dag dag = Tasks({"load", "extract"});
  ASSERT_TRUE(dag.Link({{1, 0}}).ok());
  EXPECT_EQ(dag.Find("load"), TaskNo{0});
  EXPECT_EQ(dag.Find("extract"), TaskNo{1});
  EXPECT_EQ(dag.Find("loa"), std::nullopt);
  EXPECT_THAT(dag.upstream.Of(0), ElementsAre(1));
  EXPECT_THAT(dag.downstream.Of(1), ElementsAre(0));
}

TEST(Link, ACycleNamesItsPathFromTheFirstTask) {
  Dag dag = Tasks({"root", "a", "b", "c", "behind"});
  const Status status = dag.Link({{0, 2}, {2, 3}, {3, 1}, {1, 2}, {3, 4}});
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, ErrorCode::kInvalid);
  EXPECT_THAT(status.error().message, HasSubstr("a -> b -> c -> a"));
}

TEST(Link, ATaskThatDependsOnItselfIsACycle) {
  Dag dag = Tasks({"a"});
  EXPECT_THAT(dag.Link({{0, 0}}).error().message, HasSubstr("a -> a"));
}

TEST(Weights, DownstreamCountsEachDescendantOnceInADiamond) {
  Dag dag = Tasks({"top", "left", "right", "bottom"});
  ASSERT_TRUE(dag.Link({{0, 1}, {0, 2}, {1, 3}, {2, 3}}).ok());
  EXPECT_THAT(dag.weights, ElementsAre(4, 2, 2, 1));
}

TEST(Weights, EachTaskGoesByItsOwnRule) {
  Dag dag = Tasks({"a", "b", "c"});
  dag.tasks[0].priority_weight = 5;
  dag.tasks[1].weight_rule = WeightRule::kAbsolute;
  dag.tasks[1].priority_weight = -3;
  dag.tasks[2].weight_rule = WeightRule::kUpstream;
  ASSERT_TRUE(dag.Link({{0, 1}, {1, 2}}).ok());
  EXPECT_THAT(dag.weights, ElementsAre(3, -3, 3));
}

TEST(Weights, StayWithinInt32) {
  Dag dag = Tasks({"a", "b"});
  dag.tasks[0].priority_weight = dag.tasks[1].priority_weight = 2'000'000'000;
  ASSERT_TRUE(dag.Link({{0, 1}}).ok());
  EXPECT_THAT(dag.weights, ElementsAre(2'147'483'647, 2'000'000'000));
}

// More nodes than one window of bits, with paths that part and meet again, against a walk from every node.
TEST(Weights, AgreeWithAWalkFromEveryTask) {
  Dag dag;
  constexpr TaskNo kTasks = 1500;
  for (TaskNo i = 0; i < kTasks; ++i) {
    dag.tasks.emplace_back();
    dag.tasks.back().id = "t" + std::to_string(i);
    dag.tasks.back().priority_weight = static_cast<std::int32_t>(i * 7919 % 201) - 100;
  }
  std::vector<std::pair<TaskNo, TaskNo>> edges;
  for (TaskNo i = 1; i < kTasks; ++i) {
    edges.emplace_back(i * 31 % i, i);
    edges.emplace_back(i * i * 17 % i, i);
    edges.emplace_back(i / 2, i);
  }
  ASSERT_TRUE(dag.Link(edges).ok());
  for (TaskNo start = 0; start < kTasks; ++start) {
    std::vector<bool> seen(kTasks, false);
    std::vector<TaskNo> open{start};
    seen[start] = true;
    std::int64_t sum = 0;
    while (!open.empty()) {
      const TaskNo node = open.back();
      open.pop_back();
      sum += dag.tasks[node].priority_weight;
      for (const TaskNo next : dag.downstream.Of(node)) {
        if (!seen[next]) open.push_back(next);
        seen[next] = true;
      }
    }
    ASSERT_EQ(dag.weights[start], sum) << start;
  }
}

}  // namespace
}  // namespace pipelined
