// A run that repeats another one, its end by hand, and what the history of a run answers.
#include "unit/api/steering_fixture.h"

namespace pipelined::api {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

#define EXT_DAY2 "/api/ext/v1/dags/sales/dagRuns/day2"

class RerunsTest : public SteeringTest {
 protected:
  Response Rerun(const std::string& body, const std::string& run = "day2") {
    return Send("POST", "/api/ext/v1/dags/sales/dagRuns/" + run + "/rerun", body);
  }
};

TEST_F(RerunsTest, ItHasTheDatesAndTheParamsOfTheFirst) {
  const Response response = Rerun("{}");
  EXPECT_EQ(response.status, 200) << response.body;
  EXPECT_EQ(Field(response, "dag_run_id"), "\"manual__2026-02-01T12:00:00+00:00\"");
  EXPECT_EQ(Field(response, "rerun_of"), "\"day2\"");
  EXPECT_EQ(Field(response, "logical_date"), "\"2026-01-02T00:00:00Z\"");
  EXPECT_EQ(Field(response, "conf"), R"({"limit":5})");
  EXPECT_EQ(Field(response, "run_type"), "\"manual\"");
  ASSERT_EQ(catalog_.triggers.size(), 1U);
  EXPECT_EQ(catalog_.triggers[0].interval->start, At("2026-01-02T00:00:00Z"));
  EXPECT_EQ(catalog_.triggers[0].who, "admin");
}

TEST_F(RerunsTest, ParamsThatAreGivenLieOnTopOfThose) {
  const Response response =
      Rerun(R"({"dag_run_id": "again", "conf": {"region": "us", "limit": 7}, "note": "with us"})");
  EXPECT_EQ(Field(response, "dag_run_id"), "\"again\"");
  EXPECT_EQ(Field(response, "conf"), R"({"limit":7,"region":"us"})");
  EXPECT_EQ(Field(response, "note"), "\"with us\"");
}

TEST_F(RerunsTest, ARunWithoutADateIsRepeatedWithoutOne) {
  EXPECT_EQ(Field(Rerun("{}", "undated"), "logical_date"), "null");
}

struct RefusedCase {
  const char* run;
  std::string body;
  const char* says;
};

class RefusedRerun : public RerunsTest, public ::testing::WithParamInterface<RefusedCase> {};

TEST_P(RefusedRerun, SaysWhy) {
  EXPECT_THAT(Refusal(Rerun(GetParam().body, GetParam().run)), HasSubstr(GetParam().says)) << GetParam().body;
  EXPECT_TRUE(catalog_.triggers.empty());
}

INSTANTIATE_TEST_SUITE_P(
    Reruns, RefusedRerun,
    ::testing::Values(
        RefusedCase{"nope", "{}", "404 The DagRun with dag_id: `sales` and run_id: `nope` was not found"},
        RefusedCase{"day2", R"({"conf": {"region": "mars"}})", "400 the run was not created: params.region: "},
        RefusedCase{"day2", R"({"conf": []})", "422 dict_type at body.conf: Input should be a valid dictionary"},
        RefusedCase{"day2", R"({"dag_run_id": 7})",
                    "422 string_type at body.dag_run_id: Input should be a valid string"},
        RefusedCase{"day2", R"({"dag_run_id": "a/b"})",
                    "400 the run id \"a/b\" may only hold letters, digits and _ . ~ : + -"},
        RefusedCase{"day2", R"({"dag_run_id": "scheduled__x"})",
                    "400 a run by hand may not be named \"scheduled__…\": such ids are given by the scheduler"},
        RefusedCase{"day2", R"({"logical_date": null})",
                    "422 extra_forbidden at body.logical_date: Extra inputs are not permitted"},
        RefusedCase{"day2", R"({"note": ")" + std::string(1001, 'x') + "\"}",
                    "422 value_error at body: note may have at most 1000 characters"}));

TEST_F(RerunsTest, AnIdThatIsTakenIs409WithAnObject) {
  const Response response = Rerun(R"({"dag_run_id": "day1"})");
  EXPECT_EQ(response.status, 409);
  EXPECT_EQ(Field(response, "detail.reason"), "\"Unique constraint violation\"");
}

TEST_F(RerunsTest, WithoutItsFileNothingIsRepeated) {
  catalog_.dags[0].stale = true;
  EXPECT_EQ(Refusal(Rerun("{}")), "409 the run was not created: the file of DAG sales is gone");
}

TEST_F(RerunsTest, WhoMayOnlyLookIsRefused) {
  EXPECT_EQ(Send("POST", EXT_DAY2 "/rerun", "{}", "viewer-token").status, 403);
  EXPECT_EQ(Send("POST", EXT_DAY2 "/cancel", "{}", "viewer-token").status, 403);
}

TEST_F(RerunsTest, ARunKnowsWhatRepeatsIt) {
  Rerun(R"({"dag_run_id": "again"})");
  EXPECT_EQ(Field(Get(EXT_DAY2), "reruns"), R"(["again"])");
  EXPECT_EQ(Field(Get("/api/ext/v1/dags/sales/dagRuns/again"), "rerun_of"), "\"day2\"");
}

TEST_F(RerunsTest, CancellingWhatHasEndedAsksNobody) {
  EXPECT_EQ(Field(Send("POST", EXT_DAY2 "/cancel", "{}"), "state"), "\"failed\"");
  EXPECT_TRUE(catalog_.commands.empty());
}

TEST_F(RerunsTest, ACancelIsItsCallers) {
  catalog_.runs[1].info.state = RunState::kRunning;
  EXPECT_EQ(Send("POST", EXT_DAY2 "/cancel", "{}", "user-token").status, 200);
  ASSERT_TRUE(Filed<pipelined::CancelRun>());
  EXPECT_EQ(Filed<pipelined::CancelRun>()->run, RunId{2});
  EXPECT_EQ(catalog_.commands.back().who, "uma");
}

// Numbers of tasks are places in the version of the moment.
TEST_F(RerunsTest, TheHistorySaysWhoAskedForWhat) {
  RunHistory& history = catalog_.histories["day2"];
  history.first_version = VersionId{1};
  history.versions[VersionId{1}].task_ids = {"extract", "load"};
  history.versions[VersionId{2}].task_ids = {"load"};
  history.events = {
      {At("2026-01-02T00:00:01Z"), TaskMoved{1, TaskState::kRunning, TaskState::kFailed, 1}, "scheduler", "exit 1"},
      {At("2026-01-02T00:00:02Z"), TaskMoved{1, TaskState::kFailed, TaskState::kNone, 1}, "ann", "cleared by ann"},
      {At("2026-01-02T00:00:02Z"), RunMoved{RunState::kFailed, RunState::kQueued, VersionId{2}}, "ann", ""},
      {At("2026-01-02T00:00:03Z"), TaskMoved{0, TaskState::kNone, TaskState::kRunning, 2}, "scheduler", ""}};
  const Response all = Get(EXT_DAY2 "/events");
  EXPECT_EQ(Field(all, "events.1"),
            R"({"when":"2026-01-02T00:00:02Z","who":"ann","task_id":"load","try_number":1,"from":"failed","to":"none",)"
            R"("why":"cleared by ann"})");
  EXPECT_EQ(Field(all, "events.2"),
            R"({"when":"2026-01-02T00:00:02Z","who":"ann","task_id":null,"try_number":null,"from":"failed",)"
            R"("to":"queued","why":null})");
  EXPECT_EQ(Field(Get(EXT_DAY2 "/events?offset=3&limit=5"), "events.0.task_id"), "\"load\"");
  EXPECT_EQ(Field(Get(EXT_DAY2 "/events?limit=1"), "total_entries"), "4");
}

}  // namespace
}  // namespace pipelined::api
