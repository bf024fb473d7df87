// A task that succeeds by itself tells of its outlets.
#include <gmock/gmock.h>

#include "unit/engine/engine_fixture.h"

namespace pipelined::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// "a: s3://x 42 rows", of the last plan.
std::vector<std::string> Events(const EngineTest& t) {
  std::vector<std::string> events;
  for (const AssetEvent& event : t.plan().asset_events) {
    const std::string index = event.map_index == kNotMapped ? "" : "[" + std::to_string(event.map_index) + "]";
    const Value* rows = event.extra.is_map() ? event.extra.Find("rows") : nullptr;
    const std::string extra = rows == nullptr ? "" : " " + std::to_string(rows->integer()) + " rows";
    events.push_back(event.task_id + index + ": " + event.uri + extra);
  }
  return events;
}

class AssetEventsTest : public ::testing::Test {
 protected:
  AssetEventsTest() { t_.task("a").outlets = {"s3://x", "s3://y"}; }
  EngineTest t_{"a; b: a"};
};

TEST_F(AssetEventsTest, OneEventForEachOutlet) {
  t_.Run();
  EXPECT_THAT(Events(t_), IsEmpty());
  t_.Succeed("a");
  EXPECT_THAT(Events(t_), ElementsAre("a: s3://x", "a: s3://y"));
  EXPECT_EQ(t_.plan().asset_events[0].dag_id, "d");
  EXPECT_EQ(t_.plan().asset_events[0].run_id, t_.engine().FindRun(RunId{1})->run_id);
  t_.Succeed("b");
  EXPECT_THAT(Events(t_), IsEmpty());
}

TEST_F(AssetEventsTest, WhatDoesNotSucceedTellsOfNothing) {
  for (const TryOutcome outcome : {TryOutcome::kFailed, TryOutcome::kSkipped, TryOutcome::kLost}) {
    EngineTest t("a; b");
    t.task("a").outlets = {"s3://x"};
    t.Run();
    t.Finish("a", outcome);
    EXPECT_THAT(Events(t), IsEmpty()) << ToString(outcome);
  }
}

TEST_F(AssetEventsTest, AFailedTryTellsOfNothingAndTheNextOneDoes) {
  t_.task("a").retry.retries = 1;
  t_.task("a").retry.delay = Seconds(1);
  t_.Run();
  t_.Fail("a");
  EXPECT_THAT(Events(t_), IsEmpty());
  EXPECT_THAT(t_.Advance(Seconds(2)), ElementsAre("a"));
  t_.Succeed("a");
  EXPECT_THAT(Events(t_), ElementsAre("a: s3://x", "a: s3://y"));
}

TEST_F(AssetEventsTest, WhoSucceedsAgainTellsAgain) {
  t_.Run();
  t_.Succeed("a");
  ClearTasks clear{t_.Choice(), {}};
  clear.tasks.ids = {"a"};
  clear.facts = t_.Facts();
  t_.Do(clear);
  EXPECT_THAT(Events(t_), IsEmpty());
  t_.Succeed("a");
  EXPECT_THAT(Events(t_), ElementsAre("a: s3://x", "a: s3://y"));
}

TEST_F(AssetEventsTest, AMarkTellsOfNothing) {
  t_.Run();
  MarkTasks mark{t_.Choice(), {}};
  mark.tasks.ids = {"a"};
  mark.state = TaskState::kSuccess;
  mark.facts = t_.Facts();
  t_.Do(mark);
  EXPECT_EQ(t_.state("a"), "success");
  EXPECT_THAT(Events(t_), IsEmpty());
}

TEST_F(AssetEventsTest, ATaskWithoutAProcessTellsToo) {
  t_.task("a").action = Action{ActionKind::kEmpty, {}};
  t_.Run();
  EXPECT_EQ(t_.state("a"), "success");
  EXPECT_THAT(Events(t_), ElementsAre("a: s3://x", "a: s3://y"));
}

TEST_F(AssetEventsTest, EventsComeInTheOrderOfTheTasks) {
  t_.task("b").action = Action{ActionKind::kEmpty, {}};
  t_.task("b").outlets = {"s3://z"};
  t_.Run();
  t_.Succeed("a");
  EXPECT_THAT(Events(t_), ElementsAre("a: s3://x", "a: s3://y", "b: s3://z"));
}

TEST_F(AssetEventsTest, WhatTheTaskSaysOfAnOutletIsItsExtra) {
  t_.Run();
  AttemptFinished end;
  end.attempt = t_.attempt("a");
  end.outcome = TryOutcome::kSucceeded;
  const Value told(Value::Map{{"s3://y", Value(Value::Map{{"rows", 42}})}});
  end.outputs = Value(Value::Map{{"outlet_events", told}, {"s3://x", 1}});
  t_.Send(end);
  EXPECT_THAT(Events(t_), ElementsAre("a: s3://x", "a: s3://y 42 rows"));
}

TEST_F(AssetEventsTest, EveryIterationButTheLastTellsOfNothing) {
  t_.task("a").repeat.until = "true";
  t_.Run();
  AttemptFinished end;
  end.attempt = t_.attempt("a");
  end.outcome = TryOutcome::kSucceeded;
  end.repetition = Repetition{1, true};
  t_.Send(end);
  EXPECT_THAT(Events(t_), IsEmpty());
  t_.Advance(Seconds(1));
  end.attempt = t_.attempt("a");
  end.repetition = Repetition{2, false};
  t_.Send(end);
  EXPECT_THAT(Events(t_), ElementsAre("a: s3://x", "a: s3://y"));
}

TEST_F(AssetEventsTest, InstancesOfAMappedTaskTellOneByOne) {
  auto dag = MakeDag("m");
  dag->tasks[0].outlets = {"s3://x"};
  Mapping mapping;
  mapping.tasks = {0};
  mapping.expand.values.push_back(ExpandValue{"x", Value(Value::List(2)), ""});
  dag->Map(std::move(mapping));
  ASSERT_TRUE(dag->Link({}).ok());
  EngineTest t(dag);
  t.Run();
  t.Succeed("m[1]");
  EXPECT_THAT(Events(t), ElementsAre("m[1]: s3://x"));
}

}  // namespace
}  // namespace pipelined::testing
