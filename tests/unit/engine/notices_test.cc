// Who is to be told of what: from the changes of a turn and the rules of the DAG.
#include <gmock/gmock.h>

#include <functional>

#include "unit/engine/engine_fixture.h"

namespace pipelined::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;
using namespace std::chrono_literals;

NotifyRulesPtr Rules(std::initializer_list<NotifyOn> events) {
  auto rules = std::make_shared<NotifyRules>();
  for (const NotifyOn on : events) rules->on[static_cast<std::size_t>(on)] = {NotifyUse{"ops", {}, {}, {}, {}}};
  return rules;
}

class NoticeTest : public EngineTest {
 public:
  explicit NoticeTest(const std::string& text, const std::function<void(Dag&)>& change)
      : EngineTest(Made(text, change)) {}
  // "failure d a[3] try 1: exit code 1 -> ops"
  std::vector<std::string> Notices() const {
    std::vector<std::string> all;
    for (const Notice& notice : plan().notices) {
      std::string text = std::string(ToString(notice.on)) + " " + notice.dag_id;
      if (!notice.task_id.empty()) text += " " + notice.task_id;
      if (notice.try_number > 0) text += " try " + std::to_string(notice.try_number);
      for (const NotifyUse& use : notice.uses) text += " -> " + use.channel;
      all.push_back(text);
    }
    return all;
  }

 private:
  static std::shared_ptr<Dag> Made(const std::string& text, const std::function<void(Dag&)>& change) {
    auto dag = MakeDag(text);
    change(*dag);
    std::vector<std::pair<TaskNo, TaskNo>> edges;
    for (TaskNo task = 0; task < dag->tasks.size(); ++task) {
      for (const TaskNo below : dag->downstream.Of(task)) edges.emplace_back(task, below);
    }
    EXPECT_TRUE(dag->Link(std::move(edges)).ok());
    return dag;
  }
};

TEST(Notices, ADagWithoutRulesTellsNobody) {
  NoticeTest t("a", [](Dag&) {});
  t.Run();
  t.Fail("a");
  EXPECT_THAT(t.Notices(), IsEmpty());
}

TEST(Notices, ATaskThatFailsTellsWhomItNames) {
  NoticeTest t("a; b", [](Dag& dag) { dag.tasks[0].notify = Rules({NotifyOn::kFailure}); });
  t.Run();
  t.Fail("b");
  EXPECT_THAT(t.Notices(), IsEmpty());
  t.Fail("a");
  EXPECT_THAT(t.Notices(), ElementsAre("failure d a try 1 -> ops"));
  EXPECT_EQ(t.plan().notices[0].state, "failed");
  EXPECT_EQ(t.plan().notices[0].outcome, "failed");
}

TEST(Notices, ARetryIsNoFailure) {
  NoticeTest t("a", [](Dag& dag) {
    dag.tasks[0].retry.retries = 1;
    dag.tasks[0].retry.delay = 10s;
    dag.tasks[0].notify = Rules({NotifyOn::kRetry, NotifyOn::kFailure});
  });
  t.Run();
  t.Fail("a");
  EXPECT_THAT(t.Notices(), ElementsAre("retry d a try 1 -> ops"));
  t.Advance(10s);
  t.Fail("a");
  EXPECT_THAT(t.Notices(), ElementsAre("failure d a try 2 -> ops"));
}

TEST(Notices, SuccessOfATaskAndOfTheRunInOneTurn) {
  NoticeTest t("a", [](Dag& dag) {
    dag.tasks[0].notify = Rules({NotifyOn::kSuccess});
    dag.notify = Rules({NotifyOn::kSuccess});
  });
  t.Run();
  t.Succeed("a");
  EXPECT_THAT(t.Notices(), UnorderedElementsAre("success d -> ops", "success d a try 1 -> ops"));
}

TEST(Notices, ASkippedTask) {
  NoticeTest t("a", [](Dag& dag) { dag.tasks[0].notify = Rules({NotifyOn::kSkipped}); });
  t.Run();
  t.Finish("a", TryOutcome::kSkipped);
  EXPECT_THAT(t.Notices(), ElementsAre("skipped d a try 1 -> ops"));
}

TEST(Notices, WhatIsUpstreamFailedHasNotFailedItself) {
  NoticeTest t("a; b: a", [](Dag& dag) { dag.tasks[1].notify = Rules({NotifyOn::kFailure, NotifyOn::kSkipped}); });
  t.Run();
  t.Fail("a");
  EXPECT_THAT(t.Notices(), IsEmpty());
}

TEST(Notices, ARunThatFails) {
  NoticeTest t("a", [](Dag& dag) { dag.notify = Rules({NotifyOn::kFailure}); });
  t.Run();
  t.Advance(5s);
  t.Fail("a");
  EXPECT_THAT(t.Notices(), ElementsAre("failure d -> ops"));
  EXPECT_EQ(t.plan().notices[0].duration, Micros(5s));
}

TEST(Notices, ARunThatFailsNamesTheTasksAndAReason) {
  NoticeTest t("a; b; c: b", [](Dag& dag) { dag.notify = Rules({NotifyOn::kFailure}); });
  t.Run();
  t.Fail("b");
  t.Fail("a");
  EXPECT_EQ(t.plan().notices[0].failed_tasks, "a, b");
  EXPECT_EQ(t.plan().notices[0].why, "a leaf task failed; a: it failed");
}

TEST(Notices, OfManyTasksTheFirstFewAreNamed) {
  NoticeTest t("a; b; c; d; e; f; g", [](Dag& dag) { dag.notify = Rules({NotifyOn::kFailure}); });
  t.Run();
  for (const char* task : {"g", "f", "e", "d", "c", "b", "a"}) t.Fail(task);
  EXPECT_EQ(t.plan().notices[0].failed_tasks, "a, b, c, d, e and 2 more");
}

TEST(Notices, ASuccessEndsWhatAFailureHasSetOffWhoeverWasTold) {
  NoticeTest t("a", [](Dag& dag) { dag.tasks[0].notify = Rules({NotifyOn::kFailure}); });
  t.Run();
  t.Succeed("a");
  EXPECT_THAT(t.Notices(), ElementsAre("recovered d"));
}

TEST(Notices, ACancelledRunHasFailed) {
  NoticeTest t("a", [](Dag& dag) { dag.notify = Rules({NotifyOn::kFailure}); });
  t.Run();
  t.Do(CancelRun{RunId{1}});
  EXPECT_THAT(t.Notices(), ElementsAre("failure d -> ops"));
}

TEST(Notices, AMarkTellsNobodyOfAFailure) {
  NoticeTest t("a", [](Dag& dag) {
    dag.notify = dag.tasks[0].notify = Rules({NotifyOn::kSuccess, NotifyOn::kFailure});
  });
  t.Run();
  t.Do(MarkRun{"d", RunId{1}, RunState::kFailed, t.Facts()});
  EXPECT_EQ(t.run_state(), "failed");
  EXPECT_THAT(t.Notices(), IsEmpty());
}

TEST(Notices, AMissedDeadlineTellsOnce) {
  NoticeTest t("a", [](Dag& dag) {
    Deadline deadline{DeadlineReference::kQueuedAt, 60s};
    deadline.on_missed = {NotifyUse{"ops", {}, {}, {}, {}}, NotifyUse{"boss", {}, {}, {}, {}}};
    dag.deadlines = {deadline};
  });
  t.Run();
  t.Advance(60s);
  EXPECT_THAT(t.Notices(), ElementsAre("deadline d -> ops -> boss"));
  t.Fail("a");
  EXPECT_THAT(t.Notices(), IsEmpty());
}

TEST(Notices, TasksThatEndWithACancelledRunAreTold) {
  NoticeTest t("a; b", [](Dag& dag) { dag.tasks[0].notify = dag.tasks[1].notify = Rules({NotifyOn::kFailure}); });
  t.Run();
  t.Do(CancelRun{RunId{1}});
  EXPECT_THAT(t.Notices(), UnorderedElementsAre("failure d a try 1 -> ops", "failure d b try 1 -> ops"));
}

}  // namespace
}  // namespace pipelined::testing
