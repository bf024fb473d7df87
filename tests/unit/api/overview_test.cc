// The log of events, lists by a body, waiting for a run, and what is told of DAGs beside the DAGs themselves.
#include <condition_variable>
#include <mutex>

#include "api/http/query.h"
#include "unit/api/api_test.h"

namespace pipelined::api {
namespace {

using ::testing::ElementsAre;

class OverviewTest : public ApiTest {
 protected:
  OverviewTest() {
    catalog_.AddDag("sales", [](DagRow& row) { row.tags = {"nightly", "eu"}; });
    catalog_.AddDag("lake", [](DagRow& row) { row.tags = {"eu"}; });
    catalog_.AddRun("sales", "r1", RunState::kRunning);
    catalog_.AddRun("sales", "r2", RunState::kSuccess);
    catalog_.AddTask("sales", "r2", "load", TaskState::kSuccess);
  }
  static AuditRow Event() {
    AuditRow row;
    row.id = 7;
    row.at = At("2026-01-01T00:00:00Z");
    row.who = "uma";
    row.event = "success";
    row.dag_id = "sales";
    row.run_id = "r1";
    row.task_id = "load";
    row.map_index = -1;
    row.try_number = 2;
    row.why = "marked by uma";
    return row;
  }
};

TEST_F(OverviewTest, AnEventTellsWhoWhenAndWhat) {
  catalog_.audit = {Event()};
  const Response response = Get("/api/v2/eventLogs");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(Field(response, "event_logs.0"),
            R"({"event_log_id":7,"when":"2026-01-01T00:00:00Z","dag_id":"sales","task_id":"load","run_id":"r1",)"
            R"("map_index":-1,"try_number":2,"event":"success","logical_date":null,"owner":"uma",)"
            R"("extra":"marked by uma","dag_display_name":"sales","task_display_name":"load"})");
  EXPECT_EQ(Field(Get("/api/v2/eventLogs/7"), "event_log_id"), "7");
  EXPECT_EQ(Get("/api/v2/eventLogs/8").status, 404);
  EXPECT_EQ(Field(Get("/api/v2/eventLogs/x"), "detail.0.type"), "\"int_parsing\"");
}

TEST_F(OverviewTest, EventsAreNarrowedByEveryParameterOfAirflow) {
  EXPECT_EQ(Get("/api/v2/eventLogs?dag_id=sales&run_id=r1&task_id=load&map_index=0&try_number=2&owner=uma&event=success"
                "&included_events=failed&excluded_events=running&before=2026-02-01T00:00:00Z&after=2026-01-01T00:00:00Z"
                "&dag_id_pattern=s&task_id_prefix_pattern=lo&event_pattern=f")
                .status,
            200);
  const AuditFilter& asked = catalog_.audit_asked;
  EXPECT_EQ(asked.dag_id + asked.run_id + asked.task_id + asked.who + asked.event, "salesr1loadumasuccess");
  EXPECT_EQ(asked.map_index, 0);
  EXPECT_EQ(asked.try_number, 2);
  EXPECT_THAT(asked.included, ElementsAre("failed"));
  EXPECT_THAT(asked.excluded, ElementsAre("running"));
  EXPECT_EQ(asked.before, At("2026-02-01T00:00:00Z"));
  EXPECT_EQ(asked.task.prefix, "lo");
  EXPECT_EQ(asked.what.pattern, "f");
  EXPECT_EQ(Get("/api/v2/eventLogs?map_index=x").status, 422);
  EXPECT_EQ(Get("/api/v2/eventLogs?before=soon").status, 422);
}

TEST_F(OverviewTest, ACountThatWasCutSaysSo) {
  EXPECT_EQ(ToJson(Collection("rows", {}, kMostCounted)),
            R"({"rows":[],"total_entries":100000,"total_entries_limit":100000})");
  EXPECT_EQ(ToJson(Collection("rows", {}, 3)), R"({"rows":[],"total_entries":3})");
}

TEST_F(OverviewTest, VersionsAreListedAndShown) {
  catalog_.versions = {{VersionId{4}, "sales", 1, At("2026-01-01T00:00:00Z")},
                       {VersionId{9}, "sales", 2, At("2026-01-02T00:00:00Z")},
                       {VersionId{5}, "lake", 1, At("2026-01-03T00:00:00Z")}};
  EXPECT_EQ(Field(Get("/api/v2/dags/sales/dagVersions"), "total_entries"), "2");
  EXPECT_EQ(Field(Get("/api/v2/dags/~/dagVersions"), "total_entries"), "3");
  EXPECT_EQ(Field(Get("/api/v2/dags/sales/dagVersions?version_number=2"), "dag_versions.0.version_number"), "2");
  EXPECT_EQ(Field(Get("/api/v2/dags/sales/dagVersions?bundle_name=other"), "total_entries"), "0");
  EXPECT_EQ(Field(Get("/api/v2/dags/sales/dagVersions/2"), "created_at"), "\"2026-01-02T00:00:00Z\"");
  EXPECT_EQ(Get("/api/v2/dags/sales/dagVersions/3").status, 404);
  EXPECT_EQ(Get("/api/v2/dags/none/dagVersions").status, 404);
  EXPECT_EQ(Get("/api/v2/dags/sales/dagVersions/x").status, 422);
}

TEST_F(OverviewTest, TagsCountsAndWarnings) {
  EXPECT_EQ(Field(Get("/api/v2/dagTags"), "tags"), R"(["eu","nightly"])");
  EXPECT_EQ(Field(Get("/api/v2/dagStats?dag_ids=sales"), "dags"),
            R"([{"dag_id":"sales","dag_display_name":"sales","stats":[{"state":"queued","count":0},)"
            R"({"state":"running","count":1},{"state":"success","count":1},{"state":"failed","count":0}]}])");
  catalog_.warnings = {{"sales", "non-existent pool", "Dag 'sales' references non-existent pools: etl", {}}};
  EXPECT_EQ(Field(Get("/api/v2/dagWarnings"), "dag_warnings.0.warning_type"), "\"non-existent pool\"");
  EXPECT_EQ(Field(Get("/api/v2/dagWarnings?warning_type=asset%20conflict"), "total_entries"), "0");
  EXPECT_EQ(Get("/api/v2/dagWarnings?warning_type=rain").status, 422);
}

TEST_F(OverviewTest, RunsAreChosenByABody) {
  EXPECT_EQ(Field(Send("POST", "/api/v2/dags/~/dagRuns/list", R"({"dag_ids": ["sales"], "states": ["success"]})"),
                  "dag_runs.0.dag_run_id"),
            "\"r2\"");
  EXPECT_EQ(Send("POST", "/api/v2/dags/~/dagRuns/list",
                 R"({"end_date_gte": "2026-01-01T00:00:00Z", "duration_lt": 5, "conf_contains": "eu",
                     "page_limit": 3, "page_offset": 1})")
                .status,
            200);
  EXPECT_EQ(catalog_.runs_asked.duration.lte, Micros(4'999'999));
  EXPECT_EQ(catalog_.runs_asked.end_date.gte, At("2026-01-01T00:00:00Z"));
  const auto refused = [&](const char* body) {
    return Field(Send("POST", "/api/v2/dags/~/dagRuns/list", body), "detail.0.type");
  };
  EXPECT_EQ(refused(R"({"states": ["nope"]})"), "\"enum\"");
  EXPECT_EQ(refused(R"({"page_limit": -1})"), "\"greater_than_equal\"");
  EXPECT_EQ(refused(R"({"nope": 1})"), "\"extra_forbidden\"");
  EXPECT_EQ(Send("POST", "/api/v2/dags/sales/dagRuns/list", "{}").status, 422);
}

TEST_F(OverviewTest, ARunMayBeCalledList) {
  catalog_.AddRun("sales", "list", RunState::kSuccess);
  EXPECT_EQ(Field(Get("/api/v2/dags/sales/dagRuns/list"), "dag_run_id"), "\"list\"");
  EXPECT_EQ(Send("PUT", "/api/v2/dags/sales/dagRuns/list").status, 405);
}

TEST_F(OverviewTest, InstancesAreChosenByABody) {
  const char* const path = "/api/v2/dags/~/dagRuns/~/taskInstances/list";
  EXPECT_EQ(Field(Send("POST", path, R"({"dag_run_ids": ["r2"], "task_ids": ["load"]})"), "total_entries"), "1");
  EXPECT_EQ(Field(Send("POST", path, R"({"queue": ["gpu"]})"), "total_entries"), "0");
  EXPECT_EQ(Field(Send("POST", path, R"({"state": [null, "no_status"]})"), "total_entries"), "0");
  EXPECT_THAT(catalog_.tasks_asked.states, ElementsAre("none", "none"));
  EXPECT_EQ(Field(Send("POST", path, R"({"task_ids": [1]})"), "detail.0.loc"), R"(["body","task_ids",0])");
  EXPECT_EQ(Field(Send("POST", path, R"({"pool": "x"})"), "detail.0.type"), "\"list_type\"");
}

TEST_F(OverviewTest, ListsTakeEveryFilterOfAirflow) {
  EXPECT_EQ(Get("/api/v2/dags/~/dagRuns?duration_gt=1.5&updated_at_lte=2026-01-01T00:00:00Z&dag_version=2"
                "&run_id_prefix_pattern=man&triggering_user_name_pattern=u&conf_contains=x&dag_id_prefix_pattern=sa")
                .status,
            200);
  EXPECT_EQ(catalog_.runs_asked.duration.gte, Micros(1'500'001));
  EXPECT_THAT(catalog_.runs_asked.versions, ElementsAre(2));
  EXPECT_EQ(catalog_.runs_asked.dag.prefix, "sa");
  EXPECT_EQ(Get("/api/v2/dags/~/dagRuns/~/taskInstances?operator=BashOperator&pool=etl&try_number=2&version_number=1"
                "&task_display_name_pattern=lo&rendered_map_index_pattern=eu")
                .status,
            200);
  EXPECT_THAT(catalog_.tasks_asked.operators, ElementsAre("bash"));
  EXPECT_THAT(catalog_.tasks_asked.try_numbers, ElementsAre(2));
  EXPECT_EQ(Get("/api/v2/dags/~/dagRuns?duration_gte=long").status, 422);
}

TEST_F(OverviewTest, WaitingForAnEndedRunAnswersAtOnce) {
  catalog_.outputs["load"] = Value::Map{{"return_value", 5}};
  const Response response = Get("/api/v2/dags/sales/dagRuns/r2/wait?interval=2&result=load&result=other");
  const Response one =
      Send("GET", "/api/v2/dags/sales/dagRuns/r2/wait?interval=2", "", "admin-token", "application/json");
  EXPECT_EQ(one.content_type, "application/json");
  EXPECT_EQ(one.body.find('\n'), std::string::npos);
  EXPECT_EQ(response.content_type, "application/x-ndjson");
  EXPECT_EQ(response.body, "{\"state\":\"success\",\"results\":{\"load\":5,\"other\":null}}\n");
  EXPECT_EQ(Get("/api/v2/dags/sales/dagRuns/r2/wait").status, 422);
  EXPECT_EQ(Get("/api/v2/dags/sales/dagRuns/r2/wait?interval=0").status, 422);
  EXPECT_EQ(Get("/api/v2/dags/sales/dagRuns/none/wait?interval=1").status, 404);
}

TEST_F(OverviewTest, WhoWaitsForARunIsAskedAgainUntilItHasEnded) {
  const Response first = Get("/api/v2/dags/sales/dagRuns/r1/wait?interval=1");
  ASSERT_NE(first.pause, nullptr) << first.body;
  EXPECT_EQ(first.patience, Seconds(60));
  clock_.Advance(Seconds(20));
  const Response second = SendAgain(first);
  EXPECT_EQ(second.pause, first.pause) << "still the same";
  EXPECT_EQ(second.patience, Seconds(40));
  catalog_.runs.front().info.state = RunState::kSuccess;
  EXPECT_EQ(SendAgain(second).body, "{\"state\":\"running\"}\n{\"state\":\"success\"}\n");
}

TEST_F(OverviewTest, WaitingEndsAfterAMinuteOrWhenTheServerStops) {
  const std::string target = "/api/v2/dags/sales/dagRuns/r1/wait?interval=1";
  const std::string running = "{\"state\":\"running\"}\n";
  EXPECT_EQ(SendAgain(Get(target), true).body, running + running);
  const Response waits = Get(target);
  clock_.Advance(Seconds(60));
  EXPECT_EQ(SendAgain(waits).body, running + running);
}

TEST_F(OverviewTest, WhoMayNoLongerReadTheRunWaitsInVain) {
  const Response waits = Send("GET", "/api/v2/dags/sales/dagRuns/r1/wait?interval=1", "", "viewer-token");
  ASSERT_NE(waits.pause, nullptr);
  catalog_.tokens.clear();
  EXPECT_EQ(SendAgain(waits).status, 403);
}

struct OneWaits : ApiOptions {
  OneWaits() { max_streams = 1; }
};
class FullOverviewTest : public ApiTest {
 protected:
  FullOverviewTest() : ApiTest(OneWaits()) { catalog_.AddRun("sales", "r1", RunState::kRunning); }
};

TEST_F(FullOverviewTest, NotMoreWaitThanMay) {
  const std::string target = "/api/v2/dags/sales/dagRuns/r1/wait?interval=1";
  Response first = Get(target);
  EXPECT_NE(first.pause, nullptr);
  EXPECT_EQ(Get(target).status, 503);
  first.pause.reset();
  asked_.pause.reset();
  EXPECT_NE(Get(target).pause, nullptr);
}

// The hub calls, from its own thread.
TEST_F(OverviewTest, WhatHappensToTheRunWakesWhoWaitsForIt) {
  const Response waits = Get("/api/v2/dags/sales/dagRuns/r1/wait?interval=1");
  ASSERT_NE(waits.pause, nullptr);
  std::mutex mutex;
  std::condition_variable changed;
  int calls = 0;
  waits.pause->Begin([&] {
    const std::scoped_lock lock(mutex);
    ++calls;
    changed.notify_all();
  });
  std::unique_lock lock(mutex);
  const auto called = [&](int times) { return changed.wait_for(lock, Seconds(30), [&] { return calls >= times; }); };
  ASSERT_TRUE(called(2)) << "at once, and from when on it is told";
  EventRow other;
  other.id = 1;
  other.dag_id = "sales";
  other.run_id = "r2";
  catalog_.AddEvent(other);
  EventRow own = other;
  own.id = 2;
  own.run_id = "r1";
  catalog_.AddEvent(own);
  EXPECT_TRUE(called(3));
  lock.unlock();
  service_.events.Stop();
  EXPECT_EQ(calls, 3) << "what happens to another run does not";
}

}  // namespace
}  // namespace pipelined::api
