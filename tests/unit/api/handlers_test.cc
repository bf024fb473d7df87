// Request in, status and JSON out.
#include "unit/api/api_test.h"

namespace pipelined::api {
namespace {

using ::testing::HasSubstr;

class HandlersTest : public ApiTest {
 protected:
  HandlersTest() {
    catalog_.AddDag("daily", [](DagRow& row) {
      row.tags = {"beta"};
      row.paused = true;
    });
    catalog_.AddDag("manual_only", [](DagRow& row) { row.tags = {"alpha", "beta"}; });
    catalog_.AddRun("manual_only", "r1", RunState::kRunning);
    catalog_.AddTask("manual_only", "r1", "a", TaskState::kRunning, [](TaskInstanceRow& row) {
      row.try_number = 1;
      row.max_tries = 2;
    });
    catalog_.AddTask("manual_only", "r1", "b", TaskState::kNone);
    catalog_.leader = [this](const Command& command) -> Result<CommandDone> { return Lead(command); };
  }

  // What a leading scheduler would do, for the commands that the API files.
  Result<CommandDone> Lead(const Command& command) {
    CommandDone done;
    if (const auto* pause = std::get_if<PauseDag>(&command.what)) {
      for (DagRow& row : catalog_.dags)
        if (row.dag_id == pause->dag_id) row.paused = pause->paused;
    } else if (const auto* mark = std::get_if<MarkRun>(&command.what)) {
      catalog_.runs.front().info.state = mark->state;
    } else if (std::get_if<CancelRun>(&command.what) != nullptr) {
      catalog_.runs.front().info.state = RunState::kFailed;
    } else if (const auto* note = std::get_if<SetNote>(&command.what)) {
      catalog_.runs.front().note = note->note;
    } else if (const auto* why = std::get_if<WhyTask>(&command.what)) {
      const Value reason = Value::Map{{"code", "trigger_rule"}, {"text", why->task_id + " waits for a"}};
      done.result = Value::Map{{"state", "none"}, {"try_number", 0}, {"reasons", Value::List{reason}}};
    }
    return done;
  }
};

struct StatusCase {
  const char* method;
  const char* target;
  const char* body;
  int status;
  const char* says;
};

class Answer : public HandlersTest, public ::testing::WithParamInterface<StatusCase> {};

TEST_P(Answer, IsExact) {
  const StatusCase& c = GetParam();
  const Response response = Send(c.method, c.target, c.body);
  EXPECT_EQ(response.status, c.status) << c.target << " " << response.body;
  EXPECT_THAT(response.body, HasSubstr(c.says)) << c.target;
}

#define DAGS "/api/v2/dags"
#define RUNS DAGS "/manual_only/dagRuns"
#define TIS RUNS "/r1/taskInstances"
INSTANTIATE_TEST_SUITE_P(
    Handlers, Answer,
    ::testing::Values(
        StatusCase{"GET", DAGS "?limit=0", "", 200, R"({"dags":[],"total_entries":2})"},
        StatusCase{"GET", DAGS "?limit=100000", "", 200, R"("total_entries":2)"},
        StatusCase{"GET", DAGS "?offset=-1", "", 422, R"("type":"greater_than_equal","loc":["query","offset"])"},
        StatusCase{"GET", DAGS "?limit=x", "", 422, R"("type":"int_parsing","loc":["query","limit"])"},
        StatusCase{"GET", DAGS "?tags_match_mode=some", "", 422,
                   R"("type":"literal_error","loc":["query","tags_match_mode"])"},
        StatusCase{"GET", DAGS "?last_dag_run_state=nope", "", 422,
                   R"("type":"enum","loc":["query","last_dag_run_state"])"},
        StatusCase{"GET", DAGS "?order_by=dag_id&order_by=-is_paused", "", 400, "detail"},
        StatusCase{"GET", DAGS "?paused=true", "", 200, R"("total_entries":1)"},
        StatusCase{"GET", DAGS "?paused=perhaps", "", 422, "bool_parsing"},
        StatusCase{"GET", DAGS "?nonsense=1", "", 200, R"("total_entries":2)"},
        StatusCase{"GET", DAGS "?timetable_type=x", "", 422, "not available yet"},
        StatusCase{"GET", DAGS "/nope", "", 404, "detail"}, StatusCase{"GET", DAGS "/nope/details", "", 404, "detail"},
        StatusCase{"PATCH", DAGS "/nope", R"({"is_paused": true})", 404, "detail"},
        StatusCase{"PATCH", DAGS "/daily", "{}", 422, R"("type":"missing","loc":["body","is_paused"])"},
        StatusCase{"PATCH", DAGS "/daily", R"({"is_paused": "yes"})", 422, "bool_type"},
        StatusCase{"PATCH", DAGS "/daily?update_mask=tags", R"({"is_paused": true})", 400, "is_paused"},
        StatusCase{"PATCH", DAGS "/daily?update_mask=is_paused", R"({"is_paused": false})", 200,
                   R"("is_paused":false)"},
        StatusCase{"DELETE", DAGS "/daily", "", 200, "null"}, StatusCase{"GET", RUNS "?state=nope", "", 422, "detail"},
        StatusCase{"GET", RUNS "?run_type=nope", "", 422, "detail"},
        StatusCase{"GET", RUNS "?state=queued&state=failed", "", 200, R"("total_entries":0)"},
        StatusCase{"GET", RUNS "?logical_date_gte=2026-01-06T00:00:00", "", 422, "logical_date_gte"},
        StatusCase{"GET", RUNS "?logical_date_gte=1767650400", "", 200, "dag_runs"},
        StatusCase{"GET", RUNS "?order_by=nope", "", 400, "detail"},
        StatusCase{"GET", DAGS "/nope/dagRuns", "", 404, "detail"},
        StatusCase{"GET", DAGS "/~/dagRuns", "", 200, R"("total_entries":1)"},
        StatusCase{"GET", RUNS "/nope", "", 404, "detail"}, StatusCase{"GET", RUNS "/~", "", 404, "detail"},
        StatusCase{"PATCH", RUNS "/r1", R"({"state": "running"})", 422, R"("type":"enum","loc":["body","state"])"},
        StatusCase{"PATCH", RUNS "/r1", R"({"nope": 1})", 422, "extra_forbidden"},
        StatusCase{"PATCH", RUNS "/r1", R"({"state": "success"})", 200, R"("state":"success")"},
        StatusCase{"PATCH", RUNS "/r1", R"({"note": "late"})", 200, R"("note":"late")"},
        StatusCase{"POST", "/api/ext/v1/dags/manual_only/dagRuns/r1/cancel", "{}", 200, R"("state":"failed")"},
        StatusCase{"PATCH", RUNS "/r1", R"({"state": "failed"})", 200, R"("state":"failed")"},
        StatusCase{"GET", TIS, "", 200, R"("total_entries":2)"},
        StatusCase{"GET", TIS "?state=none", "", 200, R"("total_entries":1)"},
        StatusCase{"GET", TIS "?state=bogus", "", 422, "detail"},
        StatusCase{"GET", TIS "?order_by=-task_id", "", 400, "detail"},
        StatusCase{"GET", TIS "/nope", "", 404, "detail"}, StatusCase{"GET", TIS "/~", "", 404, "detail"},
        StatusCase{"GET", TIS "/a/5", "", 404, "detail"},
        StatusCase{"GET", RUNS "/nope/taskInstances", "", 404, "detail"},
        StatusCase{"GET", DAGS "/~/dagRuns/~/taskInstances", "", 200, R"("total_entries":2)"},
        StatusCase{"GET", TIS "/b/tries", "", 200, R"("try_number":0)"},
        StatusCase{"GET", TIS "/a/tries/7", "", 404, "detail"}, StatusCase{"GET", TIS "/b/logs/1", "", 404, "detail"},
        StatusCase{"GET", TIS "/a/logs/x", "", 422, "detail"},
        StatusCase{"GET", TIS "/a/logs/1?token=x", "", 400, "detail"},
        StatusCase{"GET", TIS "/a/xcomEntries", "", 200, R"("total_entries":0)"},
        StatusCase{"GET", TIS "/a/xcomEntries/k", "", 404, "detail"},
        StatusCase{"GET", "/api/v2/importErrors/9", "", 404, "detail"},
        StatusCase{"GET", "/api/v2/importErrors/x", "", 422, "int_parsing"},
        StatusCase{"GET", "/api/ext/v1/dags/manual_only/dagRuns/r1/taskInstances/b/why", "", 200,
                   R"("text":"b waits for a")"},
        StatusCase{"GET", "/api/ext/v1/dags/manual_only/dagRuns/nope/progress", "", 404, "detail"}));
#undef DAGS
#undef RUNS
#undef TIS

TEST_F(HandlersTest, DagsAreFoundByTagOrByPattern) {
  EXPECT_EQ(Field(Get("/api/v2/dags?tags=alpha"), "total_entries"), "1");
  EXPECT_EQ(Field(Get("/api/v2/dags?tags=alpha&tags=beta"), "total_entries"), "2");
  EXPECT_EQ(Field(Get("/api/v2/dags?dag_id_pattern=D%25"), "dags.0.dag_id"), "\"daily\"");
}

TEST_F(HandlersTest, PausingWhatIsPausedAsksNobody) {
  EXPECT_EQ(Send("PATCH", "/api/v2/dags/daily", R"({"is_paused": true})").status, 200);
  EXPECT_TRUE(catalog_.commands.empty());
}

TEST_F(HandlersTest, WhoAsksStandsInTheCommand) {
  Send("PATCH", "/api/v2/dags/daily", R"({"is_paused": false})", "user-token");
  EXPECT_EQ(catalog_.commands.at(0).who, "uma");
}

TEST_F(HandlersTest, ARefusalOfTheLeaderIsTheAnswer) {
  catalog_.leader = [](const Command&) -> Result<CommandDone> {
    return CommandDone{{}, "it still runs", ErrorCode::kConflict, {}};
  };
  const Response response = Send("DELETE", "/api/v2/dags/daily");
  EXPECT_EQ(response.status, 409);
  EXPECT_EQ(Field(response, "detail"), "\"it still runs\"");
}

TEST_F(HandlersTest, OutcomesAreShownUnderExt) {
  catalog_.instances.front().outcome = "lost";
  const Response response = Get("/api/ext/v1/dags/manual_only/dagRuns/r1/taskInstances");
  EXPECT_EQ(Field(response, "task_instances.0.outcome"), "\"lost\"");
}

TEST_F(HandlersTest, ProgressKnowsHowLongTasksTookLastTime) {
  catalog_.AddRun("manual_only", "r0", RunState::kSuccess, [&](RunRow& row) {
    row.info.start_date = At("2026-01-01T00:00:00Z");
    row.end_date = At("2026-01-01T00:00:09Z");
  });
  catalog_.AddTask("manual_only", "r0", "a", TaskState::kSuccess, [&](TaskInstanceRow& row) {
    row.start_date = At("2026-01-01T00:00:01Z");
    row.end_date = At("2026-01-01T00:00:03.5Z");
  });
  const std::string target = "/api/ext/v1/dags/manual_only/dagRuns/r1/progress";
  const Response first = Get(target);
  EXPECT_EQ(Field(first, "run.state"), "\"running\"");
  EXPECT_EQ(Field(first, "tasks.0"), R"({"task_id":"a","state":"running","try_number":1,"start":null,"end":null})");
  EXPECT_EQ(Field(first, "previous"), R"({"dag_run_id":"r0","duration":9.0,"tasks":{"a":2.5}})");

  const std::string etag = BodyOf(first).Find("etag")->string();
  EXPECT_EQ(Get(target + "?after=" + etag).status, 304);
  const Response waits = Get(target + "?after=" + etag + "&wait=5");
  ASSERT_NE(waits.pause, nullptr) << "it holds no thread";
  EXPECT_EQ(waits.patience, Seconds(5));
  EXPECT_EQ(SendAgain(waits, true).status, 304);
  catalog_.instances.front().state = TaskState::kSuccess;
  const Response changed = Get(target + "?after=" + etag + "&wait=5");
  EXPECT_EQ(Field(changed, "tasks.0.state"), "\"success\"");
}

}  // namespace
}  // namespace pipelined::api
