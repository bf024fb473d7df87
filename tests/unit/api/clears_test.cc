// POST clearTaskInstances and POST dagRuns/…/clear: what may be asked, what is filed, and what is answered.
#include "unit/api/steering_fixture.h"

namespace pipelined::api {
namespace {

using pipelined::ClearTasks;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

class ClearsTest : public SteeringTest {
 protected:
  Response Clear(const std::string& body) { return Send("POST", SALES "/clearTaskInstances", body); }
  // Files it, and answers what was filed.
  ClearTasks Asked(const std::string& body) {
    const Response response = Clear(body);
    EXPECT_EQ(response.status, 200) << response.body;
    const auto filed = Filed<ClearTasks>();
    EXPECT_TRUE(filed.has_value()) << body;
    return filed.value_or(ClearTasks{});
  }
};

// --- dry runs
// ----------------------------------------------------------------------------------------------------------------

// Airflow's defaults: a dry run, and of what has failed.
TEST_F(ClearsTest, WithoutAWordItIsADryRunOfWhatHasFailedInEveryRun) {
  EXPECT_THAT(Listed(Clear("{}")), ElementsAre("day2/load", "day2/part[1]", "day2/out.report"));
  EXPECT_TRUE(catalog_.commands.empty());
}

struct DryRunCase {
  const char* body;
  std::vector<std::string> listed;
};

class ClearDryRun : public ClearsTest, public ::testing::WithParamInterface<DryRunCase> {};

TEST_P(ClearDryRun, ListsWhatWouldBeCleared) {
  const Response response = Clear(GetParam().body);
  EXPECT_EQ(response.status, 200) << response.body;
  EXPECT_EQ(Listed(response), GetParam().listed) << GetParam().body;
  EXPECT_EQ(Field(response, "total_entries"), std::to_string(GetParam().listed.size()));
  EXPECT_TRUE(catalog_.commands.empty());
}

INSTANTIATE_TEST_SUITE_P(
    Clears, ClearDryRun,
    ::testing::Values(
        DryRunCase{R"({"dag_run_id": "day2", "task_ids": ["load"]})", {"day2/load"}},
        DryRunCase{R"({"dag_run_id": "day2", "task_ids": ["extract"]})", {}},  // it has not failed
        DryRunCase{R"({"dag_run_id": "day2", "task_ids": ["extract"], "only_failed": false})", {"day2/extract"}},
        DryRunCase{R"({"dag_run_id": "day2", "task_ids": ["extract"], "include_downstream": true})",
                   {"day2/load", "day2/part[1]", "day2/out.report"}},
        DryRunCase{
            R"({"dag_run_id": "day2", "task_ids": ["out.report"], "include_upstream": true, "only_failed": false})",
            {"day2/extract", "day2/load", "day2/out.report"}},
        DryRunCase{R"({"dag_run_id": "day2", "task_ids": ["out"]})", {"day2/out.report"}},  // a group
        DryRunCase{R"({"dag_run_id": "day2", "task_ids": ["nope"], "only_failed": false})", {}},
        DryRunCase{R"({"dag_run_id": "day2", "task_ids": [], "only_failed": false})", {}},
        DryRunCase{R"({"dag_run_id": "day2", "task_ids": null})", {"day2/load", "day2/part[1]", "day2/out.report"}},
        DryRunCase{R"({"dag_run_id": "day2", "task_ids": ["part"], "only_failed": false})",
                   {"day2/part[0]", "day2/part[1]"}},
        DryRunCase{R"({"dag_run_id": "day2", "task_ids": [["part", 0]], "only_failed": false})", {"day2/part[0]"}},
        DryRunCase{R"({"dag_run_id": "day2", "task_ids": [["part", 9]], "only_failed": false})", {}},
        DryRunCase{R"({"dag_run_id": "day2", "task_ids": [["part", -1]], "only_failed": false})",
                   {"day2/part[0]", "day2/part[1]"}},
        DryRunCase{R"({"dag_run_id": "day2", "only_failed": false, "only_running": true})", {}},
        DryRunCase{R"({"dag_run_id": "day2", "task_ids": ["load"], "only_failed": false, "include_past": true})",
                   {"day1/load", "day2/load"}},
        DryRunCase{R"({"dag_run_id": "day2", "task_ids": ["load"], "only_failed": false, "include_future": true})",
                   {"day2/load", "day3/load"}},
        DryRunCase{R"({"task_ids": ["load"], "only_failed": false, "start_date": "2026-01-02T00:00:00Z"})",
                   {"day2/load", "day3/load"}},
        DryRunCase{R"({"task_ids": ["load"], "only_failed": false, "start_date": "2026-01-01T00:00:00Z",
                       "end_date": "2026-01-02T01:00:00+01:00"})",
                   {"day1/load", "day2/load"}},
        DryRunCase{R"({"dag_run_id": "day2", "run_on_latest_version": null, "dry_run": true})",
                   {"day2/load", "day2/part[1]", "day2/out.report"}}));

// --- commands
// ----------------------------------------------------------------------------------------------------------------

TEST_F(ClearsTest, WhoAsksAndWhatStandsInTheCommand) {
  done_.result = *ParseJson(R"({"tasks": [["day2", "load", -1], ["day2", "part", 1]]})");
  const Response response = Send(
      "POST", SALES "/clearTaskInstances",
      R"({"dry_run": false, "dag_run_id": "day2", "task_ids": ["load", ["part", 1]], "note": "again"})", "user-token");
  EXPECT_EQ(response.status, 200);
  EXPECT_THAT(Listed(response), ElementsAre("day2/load", "day2/part[1]"));  // as the leader said
  ASSERT_TRUE(Filed<ClearTasks>());
  const ClearTasks clear = *Filed<ClearTasks>();
  EXPECT_EQ(catalog_.commands.back().who, "uma");
  EXPECT_EQ(clear.runs.dag_id, "sales");
  EXPECT_EQ(clear.runs.run, RunId{2});
  EXPECT_THAT(clear.tasks.ids, ElementsAre("load"));
  EXPECT_THAT(clear.tasks.instances, ElementsAre(Pair("part", 1)));
  EXPECT_TRUE(clear.tasks.only_failed);
  EXPECT_TRUE(clear.reset_runs);
  EXPECT_FALSE(clear.latest_version || clear.refuse_running || clear.tasks.upstream || clear.tasks.downstream);
  EXPECT_EQ(clear.note, "again");
}

TEST_F(ClearsTest, EachSwitchReachesTheCommand) {
  const ClearTasks clear = Asked(R"({"dry_run": false, "dag_run_id": "day2", "include_upstream": true,
      "include_downstream": true, "include_past": true, "include_future": true, "only_failed": false,
      "only_running": true, "reset_dag_runs": false, "run_on_latest_version": true, "prevent_running_task": true})");
  EXPECT_TRUE(clear.tasks.upstream && clear.tasks.downstream && clear.runs.past && clear.runs.future);
  EXPECT_TRUE(clear.tasks.only_running && clear.latest_version && clear.refuse_running);
  EXPECT_FALSE(clear.tasks.only_failed || clear.reset_runs);
  EXPECT_TRUE(clear.tasks.IsAll());
  EXPECT_EQ(clear.note, std::nullopt);
}

TEST_F(ClearsTest, DatesChooseRunsWhereNoneIsNamed) {
  const ClearTasks clear = Asked(R"({"dry_run": false, "end_date": "2026-01-02T00:00:00Z"})");
  EXPECT_EQ(clear.runs.run, RunId{});
  EXPECT_EQ(clear.runs.from, std::nullopt);
  EXPECT_EQ(clear.runs.to, At("2026-01-02T00:00:00Z"));
}

TEST_F(ClearsTest, AnEmptyListMeansNoTaskAndNotAll) {
  const ClearTasks clear = Asked(R"({"dry_run": false, "dag_run_id": "day2", "task_ids": []})");
  EXPECT_TRUE(clear.tasks.none);
  EXPECT_FALSE(clear.tasks.IsAll());
}

TEST_F(ClearsTest, ANoteThatIsNullIsTakenBack) {
  EXPECT_EQ(Asked(R"({"dry_run": false, "dag_run_id": "day2", "note": null})").note, "");
}

TEST_F(ClearsTest, WhereNothingWasClearedTheListingIsEmpty) {
  done_.result = *ParseJson(R"({"tasks": []})");
  EXPECT_THAT(Listed(Clear(R"({"dry_run": false, "dag_run_id": "day1"})")), IsEmpty());
}

// --- refusals
// ----------------------------------------------------------------------------------------------------------------

struct RefusedCase {
  std::string body;
  const char* says;
};

class RefusedClear : public ClearsTest, public ::testing::WithParamInterface<RefusedCase> {};

TEST_P(RefusedClear, SaysWhyAndFilesNothing) {
  EXPECT_EQ(Refusal(Clear(GetParam().body)), GetParam().says) << GetParam().body;
  EXPECT_TRUE(catalog_.commands.empty());
}

INSTANTIATE_TEST_SUITE_P(
    Clears, RefusedClear,
    ::testing::Values(
        RefusedCase{"[]",
                    "422 model_attributes_type at body: Input should be a valid dictionary or object to extract fields "
                    "from"},
        RefusedCase{R"({"nope": 1})", "422 extra_forbidden at body.nope: Extra inputs are not permitted"},
        RefusedCase{R"({"dry_run": "no"})", "422 bool_type at body.dry_run: Input should be a valid boolean"},
        RefusedCase{R"({"dry_run": null})", "422 bool_type at body.dry_run: Input should be a valid boolean"},
        RefusedCase{R"({"task_ids": "load"})",
                    "422 list_type at body.task_ids: Input should be a valid list of task ids"},
        RefusedCase{R"({"task_ids": [7]})", "422 list_type at body.task_ids: Input should be a valid list of task ids"},
        RefusedCase{R"({"task_ids": [["part", -2]]})",
                    "422 list_type at body.task_ids: Input should be a valid list of task ids"},
        RefusedCase{R"({"task_ids": [["part", 2147483648]]})",
                    "422 list_type at body.task_ids: Input should be a valid list of task ids"},
        RefusedCase{R"({"task_ids": [["part", 1, 2]]})",
                    "422 list_type at body.task_ids: Input should be a valid list of task ids"},
        RefusedCase{R"({"dag_run_id": 7})", "422 string_type at body.dag_run_id: Input should be a valid string"},
        RefusedCase{R"({"start_date": "2026-01-01T00:00:00"})",
                    "422 timezone_aware at body.start_date: Input should have timezone info"},
        RefusedCase{R"({"only_failed": true, "only_running": true})",
                    "422 value_error at body: only_failed and only_running both are set"},
        RefusedCase{R"({"include_past": true})",
                    "422 value_error at body: include_past and include_future need a dag_run_id: the run that they "
                    "count from"},
        RefusedCase{R"({"include_future": true, "start_date": "2026-01-01T00:00:00Z"})",
                    "422 value_error at body: include_past and include_future need a dag_run_id: the run that they "
                    "count from"},
        RefusedCase{R"({"dag_run_id": "day2", "end_date": "2026-01-01T00:00:00Z"})",
                    "422 value_error at body: start_date and end_date choose runs: they cannot be given with a "
                    "dag_run_id"},
        RefusedCase{R"({"start_date": "2026-01-02T00:00:00Z", "end_date": "2026-01-01T00:00:00Z"})",
                    "422 value_error at body: end_date lies before start_date"},
        RefusedCase{R"({"note": ")" + std::string(1001, 'x') + "\"}",
                    "422 value_error at body: note may have at most 1000 bytes"},
        RefusedCase{R"({"dag_run_id": "nope"})",
                    "404 The DagRun with dag_id: `sales` and run_id: `nope` was not found"},
        RefusedCase{R"({"dag_run_id": "undated", "include_past": true, "dry_run": false})",
                    "400 include_past and include_future need a run with a logical date"}));

// As in Airflow: only_failed is on by itself, and nothing has failed that runs. Only both of them given are refused.
TEST_F(ClearsTest, OnlyRunningAloneFindsNothingWithoutOnlyFailedFalse) {
  catalog_.instances[5].state = TaskState::kRunning;  // extract of day2
  EXPECT_THAT(Listed(Clear(R"({"dag_run_id": "day2", "only_running": true})")), IsEmpty());
  EXPECT_THAT(Listed(Clear(R"({"dag_run_id": "day2", "only_running": true, "only_failed": false})")),
              ElementsAre("day2/extract"));
  const ClearTasks clear = Asked(R"({"dry_run": false, "dag_run_id": "day2", "only_running": true})");
  EXPECT_TRUE(clear.tasks.only_running && clear.tasks.only_failed);
}

TEST_F(ClearsTest, AnUnknownDagIs404) {
  const Response response = Send("POST", "/api/v2/dags/nope/clearTaskInstances", "{}");
  EXPECT_EQ(Refusal(response), "404 Dag with ID: 'nope' was not found");
}

TEST_F(ClearsTest, WhoMayOnlyLookIsRefusedEvenADryRun) {
  EXPECT_EQ(Refusal(Send("POST", SALES "/clearTaskInstances", "{}", "viewer-token")),
            "403 Forbidden: this takes the permission tasks.edit");
  EXPECT_EQ(Send("POST", SALES "/clearTaskInstances", "{}", "").status, 401);
}

TEST_F(ClearsTest, WhatTheLeaderRefusesIsTheAnswer) {
  done_.error = "task \"load\" of run \"day2\" is running";
  done_.error_code = ErrorCode::kConflict;
  EXPECT_EQ(Refusal(Clear(R"({"dry_run": false, "dag_run_id": "day2", "prevent_running_task": true})")),
            "409 task \"load\" of run \"day2\" is running");
}

TEST_F(ClearsTest, WithoutALeaderItIs503) {
  catalog_.leader = nullptr;
  EXPECT_EQ(Refusal(Clear(R"({"dry_run": false, "dag_run_id": "day2"})")), "503 no scheduler is leading");
}

// --- a whole run
// ----------------------------------------------------------------------------------------------------------------

// Unlike the other door all of its tasks are meant, unless only_failed is given.
TEST_F(ClearsTest, AWholeRunIsADryRunUnlessToldOtherwise) {
  const Response all = Send("POST", DAY2 "/clear", "{}");
  EXPECT_THAT(Listed(all), ElementsAre("day2/extract", "day2/load", "day2/part[0]", "day2/part[1]", "day2/out.report"));
  EXPECT_THAT(Listed(Send("POST", DAY2 "/clear", R"({"only_failed": true})")),
              ElementsAre("day2/load", "day2/part[1]", "day2/out.report"));
  EXPECT_TRUE(catalog_.commands.empty());
}

TEST_F(ClearsTest, AWholeRunIsAnsweredWithTheRun) {
  const Response response =
      Send("POST", DAY2 "/clear",
           R"({"dry_run": false, "only_failed": true, "run_on_latest_version": true, "note": "mars was late"})");
  EXPECT_EQ(Field(response, "dag_run_id"), "\"day2\"");
  ASSERT_TRUE(Filed<ClearTasks>());
  const ClearTasks clear = *Filed<ClearTasks>();
  EXPECT_EQ(clear.runs.run, RunId{2});
  EXPECT_TRUE(clear.tasks.IsAll() && clear.tasks.only_failed && clear.latest_version && clear.reset_runs);
  EXPECT_EQ(clear.note, "mars was late");
}

TEST_F(ClearsTest, AWholeRunIsRefusedWithAReason) {
  const auto refusal = [&](const char* run, const char* body) {
    return Refusal(Send("POST", std::string(SALES "/dagRuns/") + run + "/clear", body));
  };
  EXPECT_EQ(refusal("nope", "{}"), "404 The DagRun with dag_id: `sales` and run_id: `nope` was not found");
  EXPECT_EQ(refusal("day2", R"({"only_new": true})"),
            "422 value_error at body: only_new is not available yet in this version");
  EXPECT_EQ(refusal("day2", R"({"task_ids": []})"),
            "422 extra_forbidden at body.task_ids: Extra inputs are not permitted");
  EXPECT_EQ(refusal("day2", R"({"only_failed": 1})"),
            "422 bool_type at body.only_failed: Input should be a valid boolean");
}

}  // namespace
}  // namespace pipelined::api
