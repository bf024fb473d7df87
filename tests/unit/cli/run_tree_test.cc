#include "cli/live/run_tree.h"

#include <gmock/gmock.h>

#include "cli/output/table.h"
#include "pipelined/schema/json.h"

namespace pipelined::cli {
namespace {

using testing::Contains;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

const Instant kNow = *ParseInstant("2026-01-01T00:01:00Z");

Value Json(const std::string& text) {
  return *ParseJson(text);
}

Value Progress(const std::string& tasks, const std::string& state = "running") {
  return Json(R"({"run": {"dag_id": "sales", "dag_run_id": "r1", "state": ")" + state +
              R"(", "start_date": "2026-01-01T00:00:00Z"}, "tasks": [)" + tasks + "]}");
}

TreeOptions Screen(std::size_t width, std::size_t height) {
  return {width, height, false, kNow};
}

const char* const kThree =
    R"({"task_id": "extract", "state": "success", "try_number": 1, "start": "2026-01-01T00:00:00Z", "end": "2026-01-01T00:00:10Z"},
       {"task_id": "load", "state": "running", "try_number": 2, "start": "2026-01-01T00:00:50Z", "end": null},
       {"task_id": "tell", "state": null, "try_number": 0, "start": null, "end": null})";

TEST(RunTree, ShowsStatesTriesTimesAndBars) {
  const Value previous = Json(R"({"extract": 10, "load": 20, "tell": 10})");
  EXPECT_THAT(RunTree(Progress(kThree), previous, Value(40), {}, Screen(100, 24)),
              ElementsAre("sales r1  running  1m00s", "  extract  success  10.0s",
                          "  load     running  (try 2) 10.0s [#####.....]", "  tell     -",
                          "[##########....................] 33%  1 running, 1 success, 1 none  about 20.0s left"));
}

TEST(RunTree, DotsThatTasksShareMakeAGroup) {
  const auto lines =
      RunTree(Progress(R"({"task_id": "check.rows", "state": "success"}, {"task_id": "check.sums", "state": "failed"},
             {"task_id": "alone.one", "state": null})"),
              Value(), Value(), {}, Screen(80, 24));
  EXPECT_THAT(lines,
              ElementsAre("sales r1  running  1m00s", "  check         [##########] 2/2, 1 failed",
                          "    check.rows  success", "    check.sums  failed", "  alone.one     -", HasSubstr("67%")));
}

TEST(RunTree, InstancesStandBelowTheirTask) {
  const auto lines = RunTree(Progress(R"({"task_id": "each", "map_index": 0, "state": "success"},
                                    {"task_id": "each", "map_index": 1, "state": "running"})"),
                             Value(), Value(), {}, Screen(80, 24));
  EXPECT_THAT(lines[1], HasSubstr("[#####.....] 1/2"));
  EXPECT_THAT(lines[2], HasSubstr("each[0]"));
  EXPECT_THAT(lines[3], HasSubstr("each[1]"));
}

TEST(RunTree, FitsTheScreenAndKeepsWhatMatters) {
  std::string tasks;
  for (int i = 0; i < 100; ++i)
    tasks += R"({"task_id": "a_task_with_a_long_name_)" + std::to_string(i) + R"(", "state": "success"},)";
  tasks += R"({"task_id": "broken", "state": "failed"}, {"task_id": "busy", "state": "running"})";
  const LogTail tail{"broken (try 1)",
                     {"one", "a line that is much longer than the screen is wide, and so on", "\x1b[2Jtwo"}};
  const auto lines = RunTree(Progress(tasks), Value(), Value(), tail, Screen(40, 15));
  EXPECT_LE(lines.size(), 14u);
  for (const std::string& line : lines) EXPECT_LE(Width(line), 40u) << line;
  EXPECT_THAT(lines, Contains(HasSubstr("broken")));
  EXPECT_THAT(lines, Contains(HasSubstr("busy")));
  EXPECT_THAT(lines, Contains(HasSubstr(" more")));
  EXPECT_THAT(lines, Contains("the log of broken (try 1) ends:"));
  EXPECT_THAT(lines, Each(Not(HasSubstr("\x1b"))));
}

TEST(RunTree, ATinyScreenIsNoReasonToFail) {
  for (std::size_t size = 1; size < 12; ++size)
    EXPECT_FALSE(RunTree(Progress(kThree), Value(), Value(), {}, Screen(size, size)).empty());
  EXPECT_FALSE(RunTree(Json("{}"), Value(), Value(), {}, Screen(80, 24)).empty());
}

TEST(SecondsLeft, AreTheShareOfTheLastRunThatIsStillToCome) {
  const Value tasks = Json(std::string("[") + kThree + "]");
  const Value previous = Json(R"({"extract": 10, "load": 20, "tell": 10})");
  EXPECT_DOUBLE_EQ(SecondsLeft(tasks.list(), previous, Value(20), kNow), 10);  // side by side it had taken half
  EXPECT_DOUBLE_EQ(SecondsLeft(tasks.list(), previous, Value(), kNow), 20);
  EXPECT_LT(SecondsLeft(tasks.list(), Value(), Value(), kNow), 0);
}

}  // namespace
}  // namespace pipelined::cli
