#include "unit/api/api_test.h"
#include "unit/timetable/zones_by_rule.h"

namespace pipelined::api {
namespace {

class BackfillsTest : public ApiTest {
 protected:
  BackfillsTest() : ApiTest(Options()) {
    catalog_.AddDag("daily", [](DagRow& row) {
      row.schedule.kind = ScheduleKind::kCron;
      row.schedule.crons = {"0 6 * * *"};
      row.params = *ParseJson(R"({"region": {"value": "eu", "schema": {"type": "string", "enum": ["eu", "us"]}}})");
    });
    catalog_.AddDag("by_hand");
    catalog_.leader = [this](const Command& command) -> Result<CommandDone> {
      CommandDone done;
      if (const auto* create = std::get_if<pipelined::CreateBackfill>(&command.what)) {
        BackfillRow row;
        row.id = BackfillId{7};
        row.dag_id = create->dag_id;
        row.range = create->range;
        row.max_active_runs = create->max_active_runs;
        row.conf = create->conf;
        catalog_.backfills.push_back(row);
        done.result.Set("backfill", std::int64_t{7});
      }
      return done;
    };
  }
  static ApiOptions Options() {
    ApiOptions options;
    options.make_timetable = [](const Schedule& schedule) { return MakeTimetable(schedule, testing::ZonesByRule()); };
    return options;
  }
  BackfillRow& Add(std::optional<Instant> completed = std::nullopt) {
    BackfillRow row;
    row.id = BackfillId{7};
    row.dag_id = "daily";
    row.completed_at = completed;
    catalog_.backfills.push_back(row);
    return catalog_.backfills.back();
  }
};

const char* const kRange =
    R"({"dag_id": "daily", "from_date": "2020-01-01T00:00:00Z", "to_date": "2020-01-03T23:00:00Z"})";

TEST_F(BackfillsTest, ADryRunListsWhatWouldRunAndFilesNothing) {
  catalog_.AddRun("daily", "r", RunState::kSuccess,
                  [](RunRow& row) { row.info.logical_date = At("2020-01-02T06:00:00Z"); });
  const Response response = Send("POST", "/api/v2/backfills/dry_run", kRange);
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(Field(response, "total_entries"), "2");
  EXPECT_TRUE(catalog_.commands.empty());
}

TEST_F(BackfillsTest, OneIsMadeByTheLeaderAndShown) {
  const Response response =
      Send("POST", "/api/v2/backfills",
           R"({"dag_id": "daily", "from_date": "2020-01-01T00:00:00Z", "to_date": "2020-01-03T00:00:00Z",
               "run_backwards": true, "reprocess_behavior": "failed", "max_active_runs": 3, "dag_run_conf": {"region": "us"}})");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(Field(response, "id"), "7");
  EXPECT_EQ(Field(response, "reprocess_behavior"), "\"failed\"");
  EXPECT_EQ(Field(response, "completed_at"), "null");
  const auto& asked = std::get<pipelined::CreateBackfill>(catalog_.commands.back().what);
  EXPECT_TRUE(asked.range.run_backwards);
  EXPECT_EQ(asked.max_active_runs, 3);
  EXPECT_EQ(asked.conf.Find("region")->string(), "us");
}

TEST_F(BackfillsTest, MistakesAreRefusedBeforeTheLeaderIsAsked) {
  const auto status = [this](const char* body) { return Send("POST", "/api/v2/backfills", body).status; };
  EXPECT_EQ(status(R"({"dag_id": "daily"})"), 422);
  EXPECT_EQ(status(R"({"dag_id": "nope", "from_date": "2020-01-01T00:00:00Z", "to_date": "2020-01-03T00:00:00Z"})"),
            404);
  EXPECT_EQ(status(R"({"dag_id": "by_hand", "from_date": "2020-01-01T00:00:00Z", "to_date": "2020-01-03T00:00:00Z"})"),
            422);
  EXPECT_EQ(status(R"({"dag_id": "daily", "from_date": "2020-01-05T00:00:00Z", "to_date": "2020-01-03T00:00:00Z"})"),
            422);
  EXPECT_EQ(status(R"({"dag_id": "daily", "from_date": "2020-01-01T00:00:00Z", "to_date": "2020-01-03T00:00:00Z",
                       "max_active_runs": 0})"),
            422);
  EXPECT_EQ(status(R"({"dag_id": "daily", "from_date": "2020-01-01T00:00:00Z", "to_date": "2020-01-03T00:00:00Z",
                       "dag_run_conf": {"region": "mars"}})"),
            400);
  EXPECT_EQ(status(R"({"dag_id": "daily", "from_date": "2020-01-01T00:00:00Z", "to_date": "2020-01-03T00:00:00Z",
                       "run_on_latest_version": false})"),
            422);
  EXPECT_TRUE(catalog_.commands.empty());
}

TEST_F(BackfillsTest, SteeringGoesToTheLeader) {
  Add();
  EXPECT_EQ(Send("PUT", "/api/v2/backfills/7/pause", "").status, 200);
  EXPECT_TRUE(std::get<pipelined::PauseBackfill>(catalog_.commands.back().what).paused);
  EXPECT_EQ(Send("PUT", "/api/v2/backfills/7/unpause", "").status, 200);
  EXPECT_FALSE(std::get<pipelined::PauseBackfill>(catalog_.commands.back().what).paused);
  EXPECT_EQ(Send("PUT", "/api/v2/backfills/7/cancel", "").status, 200);
  EXPECT_EQ(std::get<pipelined::CancelBackfill>(catalog_.commands.back().what).backfill, BackfillId{7});
  EXPECT_EQ(Send("PUT", "/api/v2/backfills/8/cancel", "").status, 404);
  EXPECT_EQ(Send("PUT", "/api/v2/backfills/seven/cancel", "").status, 422);
  EXPECT_EQ(Send("PUT", "/api/v2/backfills/-7/cancel", "").status, 422);
}

TEST_F(BackfillsTest, WhatIsCompletedCannotBeSteered) {
  Add(At("2026-01-01T00:00:00Z"));
  EXPECT_EQ(Send("PUT", "/api/v2/backfills/7/pause", "").status, 409);
  EXPECT_EQ(Send("PUT", "/api/v2/backfills/7/cancel", "").status, 409);
  EXPECT_TRUE(catalog_.commands.empty());
}

TEST_F(BackfillsTest, AListNeedsItsDag) {
  Add();
  EXPECT_EQ(Get("/api/v2/backfills").status, 422);
  EXPECT_EQ(Field(Get("/api/v2/backfills?dag_id=daily"), "total_entries"), "1");
  EXPECT_EQ(Field(Get("/api/v2/backfills?dag_id=other"), "total_entries"), "0");
  EXPECT_EQ(Field(Get("/api/v2/backfills?dag_id=~"), "total_entries"), "1");
}

TEST_F(BackfillsTest, ProgressEstimatesWhatIsLeftByThePaceSoFar) {
  Add();
  catalog_.progress.slots = 10;
  catalog_.progress.success = 3;
  catalog_.progress.failed = 1;
  catalog_.progress.running = 2;
  catalog_.progress.queued = 4;
  catalog_.progress.first_start = clock_.Now() - std::chrono::seconds(8);
  catalog_.progress.last_end = clock_.Now();
  catalog_.progress.failures = {{"backfill__x", std::nullopt, {"load"}}};
  const Response response = Get("/api/ext/v1/backfills/7/progress");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(Field(response, "elapsed_seconds"), "8.0");
  EXPECT_EQ(Field(response, "remaining_seconds"), "12.0");  // 4 runs in 8 seconds, 6 are left
  EXPECT_NE(response.body.find(R"("failed_tasks":["load"])"), std::string::npos);
}

TEST_F(BackfillsTest, WithoutAnEndThereIsNoEstimate) {
  Add().paused = true;
  catalog_.progress.queued = 4;
  EXPECT_EQ(Field(Get("/api/ext/v1/backfills/7/progress"), "remaining_seconds"), "null");
}

TEST_F(BackfillsTest, OnlyOperatorsMakeAndSteer) {
  Add();
  EXPECT_EQ(Send("POST", "/api/v2/backfills", kRange, "user-token").status, 403);
  EXPECT_EQ(Send("PUT", "/api/v2/backfills/7/pause", "", "viewer-token").status, 403);
  EXPECT_EQ(Send("GET", "/api/v2/backfills/7", "", "viewer-token").status, 200);
}

}  // namespace
}  // namespace pipelined::api
