// What this engine has none of, and the server as Airflow shows it.
#include "unit/api/api_test.h"

namespace pipelined::api {
namespace {

class AbsentTest : public ApiTest {
 protected:
  explicit AbsentTest(ApiOptions options = {}) : ApiTest(std::move(options)) {
    catalog_.AddDag("sales");
    catalog_.AddDag("lake");
    catalog_.AddRun("sales", "r1", RunState::kSuccess);
    catalog_.AddTask("sales", "r1", "load", TaskState::kSuccess);
    catalog_.leader = [](const Command&) -> Result<CommandDone> { return CommandDone{}; };
  }
};

struct Absent {
  const char* method;
  const char* target;
  int status;
  const char* body = "";
};
class AbsentCase : public AbsentTest, public ::testing::WithParamInterface<Absent> {};

TEST_P(AbsentCase, IsAnsweredAsAirflowDoesWhenThereIsNone) {
  const Absent& c = GetParam();
  const Response response = Send(c.method, c.target, c.body);
  EXPECT_EQ(response.status, c.status) << response.body;
}

#define RUN "/api/v2/dags/sales/dagRuns/r1"
#define LOAD RUN "/taskInstances/load"
INSTANTIATE_TEST_SUITE_P(
    Absent, AbsentCase,
    ::testing::Values(
        Absent{"GET", "/api/v2/assets/aliases", 200}, Absent{"GET", "/api/v2/assets/aliases/1", 404},
        Absent{"GET", "/api/v2/dags/sales/assets/queuedEvents", 200},
        Absent{"GET", "/api/v2/dags/none/assets/queuedEvents", 404},
        Absent{"DELETE", "/api/v2/dags/sales/assets/queuedEvents", 404},
        Absent{"GET", "/api/v2/dags/sales/assets/1/queuedEvents", 404}, Absent{"GET", RUN "/upstreamAssetEvents", 200},
        Absent{"GET", "/api/v2/dags/sales/dagRuns/none/upstreamAssetEvents", 404}, Absent{"GET", LOAD "/links", 200},
        Absent{"GET", RUN "/taskInstances/none/links", 404}, Absent{"GET", LOAD "/externalLogUrl/1", 400},
        Absent{"GET", LOAD "/externalLogUrl/0", 422}, Absent{"GET", LOAD "/state-store", 200},
        Absent{"GET", LOAD "/state-store/k", 404}, Absent{"PUT", LOAD "/state-store/k", 404, R"({"value": 1})"},
        Absent{"DELETE", LOAD "/state-store", 204}, Absent{"GET", RUN "/taskInstances/none/state-store", 404},
        Absent{"GET", RUN "/hitlDetails", 200}, Absent{"GET", "/api/v2/dags/~/dagRuns/~/hitlDetails", 200},
        Absent{"GET", "/api/v2/dags/sales/dagRuns/none/hitlDetails", 404}, Absent{"GET", LOAD "/-1/hitlDetails", 404},
        Absent{"PATCH", LOAD "/-1/hitlDetails", 404, "{}"}, Absent{"GET", LOAD "/-1/hitlDetails/tries/1", 404},
        Absent{"POST", "/api/v2/dags/sales/clearPartitions", 400, "{}"},
        Absent{"POST", "/api/v2/dags/sales/clearPartitions", 422, R"({"nope": 1})"},
        Absent{"GET", "/api/v2/plugins", 200}, Absent{"GET", "/api/v2/plugins/importErrors", 200},
        Absent{"GET", "/api/v2/providers?limit=1", 200}, Absent{"GET", "/api/v2/config", 403},
        Absent{"GET", "/api/v2/config/section/core/option/nope", 403},
        Absent{"GET", "/api/v2/auth/login?next=https://evil.example", 400},
        Absent{"GET", "/api/v2/auth/login?next=//evil.example", 400}, Absent{"GET", "/api/v2/auth/login?next=/x", 307},
        Absent{"GET", "/api/v2/auth/logout", 307}));
#undef RUN
#undef LOAD

TEST_F(AbsentTest, TheSchedulerIsAJob) {
  catalog_.health.scheduler_heartbeat = At("2026-02-01T12:00:00Z");
  EXPECT_EQ(Field(Get("/api/v2/jobs"), "jobs.0.job_type"), "\"SchedulerJob\"");
  EXPECT_EQ(Field(Get("/api/v2/jobs?is_alive=false"), "total_entries"), "0");
  EXPECT_EQ(Field(Get("/api/v2/jobs?job_type=TriggererJob"), "total_entries"), "0");
  EXPECT_EQ(Get("/api/v2/jobs?is_alive=perhaps").status, 422);
}

TEST_F(AbsentTest, FavoritesAreThoseOfWhoeverAsks) {
  EXPECT_EQ(Send("POST", "/api/v2/dags/sales/favorite", "", "viewer-token").status, 204);
  EXPECT_EQ(Field(Send("GET", "/api/v2/dags?is_favorite=true", "", "viewer-token"), "total_entries"), "1");
  EXPECT_EQ(Field(Get("/api/v2/dags?is_favorite=true"), "total_entries"), "0");
  EXPECT_EQ(Field(Send("GET", "/api/v2/dags/sales/details", "", "viewer-token"), "is_favorite"), "true");
  EXPECT_EQ(Send("POST", "/api/v2/dags/sales/unfavorite", "", "viewer-token").status, 204);
  EXPECT_EQ(Send("POST", "/api/v2/dags/sales/unfavorite", "", "viewer-token").status, 409);
  EXPECT_EQ(Send("POST", "/api/v2/dags/none/favorite").status, 404);
}

TEST_F(AbsentTest, DagsArePausedTogether) {
  EXPECT_EQ(Field(Send("PATCH", "/api/v2/dags?dag_id_pattern=sal", R"({"is_paused": true})"), "dags.0.is_paused"),
            "true");
  EXPECT_EQ(catalog_.commands.size(), 1U);
  EXPECT_EQ(Send("PATCH", "/api/v2/dags?dag_id_pattern=~", R"({"is_paused": true})").status, 200);
  EXPECT_EQ(catalog_.commands.size(), 3U);
  EXPECT_EQ(Send("PATCH", "/api/v2/dags", "{}").status, 422);
  EXPECT_EQ(Send("PATCH", "/api/v2/dags?update_mask=tags", R"({"is_paused": true})").status, 400);
}

TEST_F(AbsentTest, AKnownFileMayBeReadAgain) {
  const std::string quoted = Field(Get("/api/v2/dags/sales"), "file_token");
  EXPECT_EQ(Send("PUT", "/api/v2/parseDagFile/" + quoted.substr(1, quoted.size() - 2)).status, 201);
  EXPECT_EQ(Send("PUT", "/api/v2/parseDagFile/nope").status, 404);
}

TEST_F(AbsentTest, WhatATaskWaitsForIsToldInAirflowsShape) {
  EXPECT_EQ(Field(Get("/api/v2/dags/sales/dagRuns/r1/taskInstances/load/dependencies"), "dependencies.0.name"),
            "\"Task Instance State\"");
  catalog_.AddRun("sales", "r2", RunState::kRunning);
  catalog_.AddTask("sales", "r2", "load", TaskState::kNone);
  catalog_.leader = [](const Command&) -> Result<CommandDone> {
    CommandDone done;
    done.result =
        *ParseJson(R"({"state": "none", "try_number": 0, "reasons": [{"code": "trigger_rule", "text": "waits"}]})");
    return done;
  };
  const Response response = Get("/api/v2/dags/sales/dagRuns/r2/taskInstances/load/-1/dependencies");
  EXPECT_EQ(response.body, R"({"dependencies":[{"name":"Trigger Rule","reason":"waits"}]})");
  EXPECT_EQ(Get("/api/v2/dags/sales/dagRuns/r2/taskInstances/none/dependencies").status, 404);
}

class ShownConfigTest : public AbsentTest {
 protected:
  ShownConfigTest() : AbsentTest(Options()) {}
  static ApiOptions Options() {
    ApiOptions options;
    options.expose_config = true;
    options.settings = {{"api", "port", "8080"}, {"database", "url", "postgres://u:***@db"}};
    return options;
  }
};

TEST_F(ShownConfigTest, SettingsAreShownToAdminsWhenTheyMayBe) {
  EXPECT_EQ(Field(Get("/api/v2/config"), "sections.1.options.0.value"), "\"postgres://u:***@db\"");
  EXPECT_EQ(Field(Get("/api/v2/config?section=api"), "sections"),
            R"([{"name":"api","options":[{"key":"port","value":"8080"}]}])");
  EXPECT_EQ(Send("GET", "/api/v2/config", "", "admin-token", "text/plain").body,
            "[api]\nport = 8080\n\n[database]\nurl = postgres://u:***@db\n");
  EXPECT_EQ(Field(Get("/api/v2/config/section/api/option/port"), "sections.0.options.0.key"), "\"port\"");
  EXPECT_EQ(Get("/api/v2/config?section=none").status, 404);
  EXPECT_EQ(Get("/api/v2/config/section/api/option/none").status, 404);
  EXPECT_EQ(Send("GET", "/api/v2/config", "", "admin-token", "application/xml").status, 406);
  EXPECT_EQ(Send("GET", "/api/v2/config", "", "op-token").status, 403);
}

}  // namespace
}  // namespace pipelined::api
