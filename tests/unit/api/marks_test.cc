// PATCH of task instances, task groups and runs: marks and notes.
#include "unit/api/steering_fixture.h"

namespace pipelined::api {
namespace {

using pipelined::MarkRun;
using pipelined::MarkTasks;
using pipelined::SetNote;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

#define LOAD DAY2 "/taskInstances/load"
#define PART DAY2 "/taskInstances/part"

class MarksTest : public SteeringTest {
 protected:
  Response Patch(const std::string& target, const std::string& body) { return Send("PATCH", target, body); }
  // "load -1 words" of each note that was filed.
  std::vector<std::string> Notes() const {
    std::vector<std::string> all;
    for (const Command& command : catalog_.commands) {
      if (const auto* note = std::get_if<SetNote>(&command.what))
        all.push_back(note->task_id + " " + std::to_string(note->map_index) + " " + note->note);
    }
    return all;
  }
};

// --- task instances
// ----------------------------------------------------------------------------------------------------------------

TEST_F(MarksTest, ATaskIsMarkedByWhoAsks) {
  const Response response = Send("PATCH", LOAD, R"({"new_state": "success"})", "user-token");
  EXPECT_THAT(Listed(response), ElementsAre("day2/load"));
  ASSERT_TRUE(Filed<MarkTasks>());
  const MarkTasks mark = *Filed<MarkTasks>();
  EXPECT_EQ(catalog_.commands.back().who, "uma");
  EXPECT_EQ(mark.runs.dag_id, "sales");
  EXPECT_EQ(mark.runs.run, RunId{2});
  EXPECT_EQ(mark.state, TaskState::kSuccess);
  EXPECT_THAT(mark.tasks.ids, ElementsAre("load"));
  EXPECT_THAT(mark.tasks.instances, IsEmpty());
  EXPECT_FALSE(mark.tasks.upstream || mark.tasks.downstream || mark.runs.past || mark.runs.future);
}

TEST_F(MarksTest, EachSwitchReachesTheCommand) {
  Patch(LOAD, R"({"new_state": "failed", "include_upstream": true, "include_downstream": true, "include_past": true,
                  "include_future": true})");
  ASSERT_TRUE(Filed<MarkTasks>());
  const MarkTasks mark = *Filed<MarkTasks>();
  EXPECT_EQ(mark.state, TaskState::kFailed);
  EXPECT_TRUE(mark.tasks.upstream && mark.tasks.downstream && mark.runs.past && mark.runs.future);
}

TEST_F(MarksTest, ATaskMayBeSkipped) {
  Patch(LOAD, R"({"new_state": "skipped"})");
  ASSERT_TRUE(Filed<MarkTasks>());
  EXPECT_EQ(Filed<MarkTasks>()->state, TaskState::kSkipped);
}

TEST_F(MarksTest, OneInstanceOfAMappedTask) {
  EXPECT_THAT(Listed(Patch(PART "/1", R"({"new_state": "success"})")), ElementsAre("day2/part[1]"));
  ASSERT_TRUE(Filed<MarkTasks>());
  EXPECT_THAT(Filed<MarkTasks>()->tasks.ids, IsEmpty());
  EXPECT_THAT(Filed<MarkTasks>()->tasks.instances, ElementsAre(Pair("part", 1)));
}

TEST_F(MarksTest, AMappedTaskIsAllOfItsInstances) {
  EXPECT_THAT(Listed(Patch(PART, R"({"new_state": "success"})")), ElementsAre("day2/part[0]", "day2/part[1]"));
  ASSERT_TRUE(Filed<MarkTasks>());
  EXPECT_THAT(Filed<MarkTasks>()->tasks.ids, ElementsAre("part"));
}

TEST_F(MarksTest, TheIndexOfATaskThatIsNotMappedIsMinusOne) {
  EXPECT_THAT(Listed(Patch(LOAD "/-1", R"({"new_state": "success"})")), ElementsAre("day2/load"));
  ASSERT_TRUE(Filed<MarkTasks>());
  EXPECT_THAT(Filed<MarkTasks>()->tasks.ids, ElementsAre("load"));
}

TEST_F(MarksTest, AGroupIsAllOfItsTasks) {
  EXPECT_THAT(Listed(Patch(DAY2 "/taskGroupInstances/out", R"({"new_state": "success"})")),
              ElementsAre("day2/out.report"));
  ASSERT_TRUE(Filed<MarkTasks>());
  EXPECT_THAT(Filed<MarkTasks>()->tasks.ids, ElementsAre("out"));
}

TEST_F(MarksTest, ANoteIsFiledForEachInstanceThatIsNamed) {
  EXPECT_EQ(Patch(PART, R"({"note": "by hand"})").status, 200);
  EXPECT_THAT(Notes(), ElementsAre("part 0 by hand", "part 1 by hand"));
  EXPECT_EQ(catalog_.commands.front().who, "admin");
}

TEST_F(MarksTest, AMarkComesBeforeItsNote) {
  Patch(LOAD, R"({"new_state": "success", "note": "looked at it"})");
  ASSERT_EQ(catalog_.commands.size(), 2U);
  EXPECT_TRUE(std::holds_alternative<MarkTasks>(catalog_.commands[0].what));
  EXPECT_THAT(Notes(), ElementsAre("load -1 looked at it"));
}

TEST_F(MarksTest, ANoteThatIsNullIsTakenBack) {
  Patch(LOAD, R"({"note": null})");
  EXPECT_THAT(Notes(), ElementsAre("load -1 "));
}

TEST_F(MarksTest, NothingToDoFilesNothing) {
  EXPECT_THAT(Listed(Patch(LOAD, "{}")), ElementsAre("day2/load"));
  EXPECT_THAT(Listed(Patch(LOAD "?update_mask=note", R"({"new_state": "success"})")), ElementsAre("day2/load"));
  EXPECT_THAT(Listed(Patch(LOAD "?update_mask=new_state", R"({"note": "x"})")), ElementsAre("day2/load"));
  EXPECT_TRUE(catalog_.commands.empty());
}

TEST_F(MarksTest, AMaskTakesWhatItNames) {
  Patch(LOAD "?update_mask=note&update_mask=new_state", R"({"new_state": "success", "note": "x"})");
  EXPECT_EQ(catalog_.commands.size(), 2U);
}

// A mark that is refused leaves no note behind.
TEST_F(MarksTest, WhatTheLeaderRefusesIsTheAnswer) {
  done_.error = "the task is in the state success already";
  done_.error_code = ErrorCode::kConflict;
  EXPECT_EQ(Refusal(Patch(LOAD, R"({"new_state": "success", "note": "x"})")),
            "409 the task is in the state success already");
  EXPECT_THAT(Notes(), IsEmpty());
}

// --- dry runs
// ----------------------------------------------------------------------------------------------------------------

struct DryRunCase {
  const char* target;
  const char* body;
  std::vector<std::string> listed;
};

class MarkDryRun : public MarksTest, public ::testing::WithParamInterface<DryRunCase> {};

TEST_P(MarkDryRun, ListsWhatWouldBeMarked) {
  const Response response = Patch(std::string(DAY2) + GetParam().target + "/dry_run", GetParam().body);
  EXPECT_EQ(response.status, 200) << response.body;
  EXPECT_EQ(Listed(response), GetParam().listed) << GetParam().target << " " << GetParam().body;
  EXPECT_TRUE(catalog_.commands.empty());
}

INSTANTIATE_TEST_SUITE_P(
    Marks, MarkDryRun,
    ::testing::Values(
        DryRunCase{"/taskInstances/load", R"({"new_state": "success", "note": "x"})", {"day2/load"}},
        DryRunCase{"/taskInstances/load", R"({"new_state": "failed"})", {}},  // it has failed
        DryRunCase{"/taskInstances/load", "{}", {"day2/load"}},
        DryRunCase{"/taskInstances/load",
                   R"({"new_state": "success", "include_downstream": true})",
                   {"day2/load", "day2/out.report"}},
        DryRunCase{"/taskInstances/load", R"({"new_state": "failed", "include_upstream": true})", {"day2/extract"}},
        DryRunCase{
            "/taskInstances/load", R"({"new_state": "skipped", "include_past": true})", {"day1/load", "day2/load"}},
        DryRunCase{"/taskInstances/load",
                   R"({"new_state": "skipped", "include_past": true, "include_future": true})",
                   {"day1/load", "day2/load", "day3/load"}},
        DryRunCase{"/taskInstances/part", R"({"new_state": "success"})", {"day2/part[1]"}},
        DryRunCase{"/taskInstances/part/0", R"({"new_state": "failed"})", {"day2/part[0]"}},
        DryRunCase{"/taskGroupInstances/out", R"({"new_state": "success"})", {"day2/out.report"}}));

// --- refusals
// ----------------------------------------------------------------------------------------------------------------

struct RefusedCase {
  const char* target;
  std::string body;
  const char* says;
};

class RefusedMark : public MarksTest, public ::testing::WithParamInterface<RefusedCase> {};

TEST_P(RefusedMark, SaysWhyAndFilesNothing) {
  EXPECT_EQ(Refusal(Patch(GetParam().target, GetParam().body)), GetParam().says)
      << GetParam().target << " " << GetParam().body;
  EXPECT_TRUE(catalog_.commands.empty());
}

const char* const kMark = R"({"new_state": "success"})";
INSTANTIATE_TEST_SUITE_P(
    Marks, RefusedMark,
    ::testing::Values(
        RefusedCase{LOAD, R"({"new_state": "running"})",
                    "422 enum at body.new_state: Input should be 'success', 'failed' or 'skipped'"},
        RefusedCase{LOAD, R"({"new_state": "nope"})",
                    "422 enum at body.new_state: Input should be 'success', 'failed' or 'skipped'"},
        RefusedCase{LOAD, R"({"new_state": null})", "422 value_error at body: new_state may not be null"},
        RefusedCase{LOAD, R"({"new_state": 1})", "422 string_type at body.new_state: Input should be a valid string"},
        RefusedCase{LOAD, R"({"state": "success"})",
                    "422 extra_forbidden at body.state: Extra inputs are not permitted"},
        RefusedCase{LOAD, R"({"new_state": "success", "include_past": "yes"})",
                    "422 bool_type at body.include_past: Input should be a valid boolean"},
        RefusedCase{LOAD, R"({"note": ")" + std::string(1001, 'x') + "\"}",
                    "422 value_error at body: note may have at most 1000 characters"},
        RefusedCase{DAY2 "/taskInstances/nope", kMark,
                    "404 The Task Instance with dag_id: `sales`, run_id: `day2` and task_id: `nope` was not found"},
        RefusedCase{DAY2 "/taskInstances/nope/dry_run", kMark,
                    "404 The Task Instance with dag_id: `sales`, run_id: `day2` and task_id: `nope` was not found"},
        RefusedCase{SALES "/dagRuns/nope/taskInstances/load", kMark,
                    "404 The Task Instance with dag_id: `sales`, run_id: `nope` and task_id: `load` was not found"},
        RefusedCase{SALES "/dagRuns/~/taskInstances/load", kMark,
                    "404 The Task Instance with dag_id: `sales`, run_id: `~` and task_id: `load` was not found"},
        RefusedCase{PART "/7", kMark,
                    "404 The Task Instance with dag_id: `sales`, run_id: `day2`, map_index: `7` and task_id: `part` "
                    "was not found"},
        RefusedCase{LOAD "/0", kMark,
                    "404 The Task Instance with dag_id: `sales`, run_id: `day2`, map_index: `0` and task_id: `load` "
                    "was not found"},
        RefusedCase{PART "/-1", kMark,
                    "404 Task instance is mapped, add the map_index value to the URL (it has the indexes 0 to 1)"},
        RefusedCase{PART "/-2", kMark, "400 map_index must be a number, -1 or greater"},
        RefusedCase{PART "/x", kMark, "400 map_index must be a number, -1 or greater"},
        RefusedCase{PART "/99999999999", kMark, "400 map_index must be a number, -1 or greater"},
        RefusedCase{PART "/x/dry_run", kMark, "400 map_index must be a number, -1 or greater"},
        RefusedCase{SALES "/dagRuns/undated/taskInstances/load", R"({"new_state": "failed", "include_future": true})",
                    "400 include_past and include_future need a run with a logical date"},
        RefusedCase{DAY2 "/taskGroupInstances/nope", kMark, "404 Task group nope was not found"},
        RefusedCase{SALES "/dagRuns/nope/taskGroupInstances/out", kMark,
                    "404 The DagRun with dag_id: `sales` and run_id: `nope` was not found"},
        RefusedCase{DAY2, R"({"state": "running"})",
                    "422 enum at body.state: Input should be 'queued', 'success' or 'failed'"},
        RefusedCase{DAY2, R"({"state": "nope"})",
                    "422 enum at body.state: Input should be 'queued', 'success' or 'failed'"},
        RefusedCase{DAY2, R"({"state": 1})", "422 string_type at body.state: Input should be a valid string"},
        RefusedCase{DAY2, R"({"new_state": "success"})",
                    "422 extra_forbidden at body.new_state: Extra inputs are not permitted"},
        RefusedCase{DAY2, R"({"note": ")" + std::string(1001, 'x') + "\"}",
                    "422 value_error at body: note may have at most 1000 characters"},
        RefusedCase{SALES "/dagRuns/nope", R"({"state": "failed"})",
                    "404 The DagRun with dag_id: `sales` and run_id: `nope` was not found"}));

TEST_F(MarksTest, WhoMayOnlyLookIsRefused) {
  for (const char* target : {LOAD, LOAD "/dry_run", PART "/1", DAY2 "/taskGroupInstances/out"})
    EXPECT_EQ(Refusal(Send("PATCH", target, "{}", "viewer-token")),
              "403 Forbidden: this takes the permission tasks.edit")
        << target;
  EXPECT_EQ(Refusal(Send("PATCH", DAY2, "{}", "viewer-token")), "403 Forbidden: this takes the permission runs.edit");
}

TEST_F(MarksTest, WithoutALeaderItIs503) {
  catalog_.leader = nullptr;
  EXPECT_EQ(Refusal(Patch(LOAD, kMark)), "503 no scheduler is leading");
  EXPECT_EQ(Refusal(Patch(DAY2, R"({"state": "failed"})")), "503 no scheduler is leading");
}

// --- runs
// ----------------------------------------------------------------------------------------------------------------

TEST_F(MarksTest, ARunIsMarkedByWhoAsks) {
  for (const auto& [word, state] : {std::pair{"queued", RunState::kQueued}, std::pair{"success", RunState::kSuccess},
                                    std::pair{"failed", RunState::kFailed}}) {
    const Response response = Send("PATCH", DAY2, std::string(R"({"state": ")") + word + "\"}", "user-token");
    EXPECT_EQ(Field(response, "dag_run_id"), "\"day2\"");
    ASSERT_TRUE(Filed<MarkRun>());
    EXPECT_EQ(catalog_.commands.back().who, "uma");
    EXPECT_EQ(Filed<MarkRun>()->dag_id, "sales");
    EXPECT_EQ(Filed<MarkRun>()->run, RunId{2});
    EXPECT_EQ(Filed<MarkRun>()->state, state);
  }
}

TEST_F(MarksTest, ANoteOfARunNamesNoTask) {
  Patch(DAY2, R"({"note": "mars is late"})");
  EXPECT_THAT(Notes(), ElementsAre(" -1 mars is late"));
  EXPECT_EQ(Filed<SetNote>()->run, RunId{2});
}

TEST_F(MarksTest, AMaskKeepsTheRestOfARunAsItIs) {
  Patch(DAY2 "?update_mask=note", R"({"state": "success", "note": "x"})");
  EXPECT_EQ(catalog_.commands.size(), 1U);
  EXPECT_THAT(Notes(), ElementsAre(" -1 x"));
  Patch(DAY2 "?update_mask=state", R"({"state": "success", "note": "y"})");
  EXPECT_EQ(catalog_.commands.size(), 2U);
  EXPECT_TRUE(Filed<MarkRun>());
}

TEST_F(MarksTest, WithNothingToChangeTheRunIsAnswered) {
  for (const char* body : {"{}", R"({"state": null})"}) EXPECT_EQ(Field(Patch(DAY2, body), "state"), "\"failed\"");
  EXPECT_TRUE(catalog_.commands.empty());
}

}  // namespace
}  // namespace pipelined::api
