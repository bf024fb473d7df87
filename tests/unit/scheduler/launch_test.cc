#include "pipelined/scheduler/launch.h"

#include <gmock/gmock.h>

namespace pipelined {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// a > b > c, and d beside them; `template` is that of c.
std::shared_ptr<Dag> Chain(const std::string& text) {
  auto dag = std::make_shared<Dag>();
  for (const char* id : {"a", "b", "c", "d"}) {
    Task task;
    task.id = id;
    task.action.kind = ActionKind::kBash;
    task.action.words = {task.id == "c" ? text : "true"};
    dag->tasks.push_back(std::move(task));
  }
  EXPECT_TRUE(dag->Link({{0, 1}, {1, 2}}).ok());
  return dag;
}
std::vector<std::string> NeededBy(const std::string& text) {
  return OutputsNeeded(*Chain(text), 2);
}

TEST(OutputsNeeded, AreOfTheTaskThatIsNamed) {
  EXPECT_THAT(NeededBy("echo {{ tasks.a.rows }}"), ElementsAre("a"));
}

TEST(OutputsNeeded, AreOfAllTasksAboveWhenXComIsPulled) {
  EXPECT_THAT(NeededBy("echo {{ ti.xcom_pull(task_ids='a') }}"), ElementsAre("a", "b"));
  EXPECT_THAT(NeededBy("echo {{ task_instance.xcom_pull(task_ids='a') }}"), ElementsAre("a", "b"));
}

TEST(OutputsNeeded, AreNoneForOtherMembersOfTheInstance) {
  EXPECT_THAT(NeededBy("echo {{ ti.try_number }}"), IsEmpty());
}

TEST(OutputsNeeded, AreOfConditionsAndBranchesToo) {
  auto dag = Chain("true");
  dag->tasks[2].when = "{{ tasks.a.rows > 0 }}";
  EXPECT_THAT(OutputsNeeded(*dag, 2), ElementsAre("a"));
  dag->tasks[2].action = {ActionKind::kBranch, {"x", "{{ tasks.b.way }}"}};
  EXPECT_THAT(OutputsNeeded(*dag, 2), ElementsAre("a", "b"));
}

TEST(NeedsPrevious, WhenATemplateNamesTheRunBefore) {
  EXPECT_TRUE(NeedsPrevious(*Chain("echo {{ prev_start_date_success }}"), 2));
  EXPECT_FALSE(NeedsPrevious(*Chain("echo {{ ds }}"), 2));
}

TEST(Prepare, RendersTheRunBefore) {
  const auto dag = Chain("echo {{ prev_data_interval_start_success | ds }}");
  RunInfo run;
  run.dag_id = "d";
  run.run_id = "r";
  LaunchRequest request{*dag, 2, run, AttemptOpened{AttemptId{1}, RunId{1}, 2, 1}, 1, Value()};
  request.previous_success =
      PreviousRun{DataInterval{*ParseInstant("2026-01-04T00:00:00Z"), *ParseInstant("2026-01-05T00:00:00Z")},
                  std::nullopt, std::nullopt};
  LaunchOptions options;
  options.logs_dir = "/logs";
  const auto start = Prepare(request, options);
  ASSERT_TRUE(start.ok()) << start.error().message;
  EXPECT_EQ(start->argv.back(), "echo 2026-01-04");
}

}  // namespace
}  // namespace pipelined
