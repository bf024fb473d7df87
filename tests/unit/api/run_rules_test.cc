// Deadlines of a run and the history of a DAG over REST.
#include "unit/api/api_test.h"

namespace pipelined::api {
namespace {

class RunRulesTest : public ApiTest {
 protected:
  RunRulesTest() {
    catalog_.AddDag("sales");
    catalog_.AddRun("sales", "r1", RunState::kRunning);
  }
};

TEST_F(RunRulesTest, DeadlinesOfARun) {
  const Instant at = *ParseInstant("2026-01-31T06:15:00Z");
  catalog_.deadlines = {DeadlineRow{StoredDeadline{0, at, DeadlineState::kMissed}, "15m after it was queued", at},
                        DeadlineRow{StoredDeadline{1, at, DeadlineState::kDue}, "1h after its logical date", {}}};
  const Response response = Get("/api/ext/v1/dags/sales/dagRuns/r1/deadlines");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body,
            R"({"deadlines":[{"number":0,"deadline":"15m after it was queued","due_at":"2026-01-31T06:15:00Z",)"
            R"("state":"missed","ended_at":"2026-01-31T06:15:00Z"},{"number":1,"deadline":"1h after its logical date",)"
            R"("due_at":"2026-01-31T06:15:00Z","state":"due","ended_at":null}],"total_entries":2})");
  EXPECT_EQ(Get("/api/ext/v1/dags/sales/dagRuns/r2/deadlines").status, 404);
}

TEST_F(RunRulesTest, TheHistoryOfADag) {
  catalog_.dag_events = {DagEventRow{*ParseInstant("2026-01-31T06:00:00Z"), "scheduler", "dag", "paused", "it failed"}};
  const Response response = Get("/api/ext/v1/dags/sales/history");
  EXPECT_EQ(response.body,
            R"({"events":[{"when":"2026-01-31T06:00:00Z","who":"scheduler","kind":"dag","event":"paused",)"
            R"("why":"it failed"}],"total_entries":1})");
  EXPECT_EQ(Get("/api/ext/v1/dags/gone/history").status, 404);
}

}  // namespace
}  // namespace pipelined::api
