#include "api/runs/run_diff.h"
#include "api/runs/when.h"
#include "unit/api/api_test.h"

namespace pipelined::api {
namespace {

const std::string kRun = "/api/ext/v1/dags/sales/dagRuns/r1";

// The server's clock stands at 2026-02-01T12:00:00Z; the run began at 11:00:00.
class TravelTest : public ApiTest {
 protected:
  TravelTest() {
    catalog_.AddDag("sales");
    AddRun("r1", "2026-02-01T11:00:00Z", "2026-02-01T11:00:10Z");
    AddTask("r1", "load", TaskState::kSuccess, "2026-02-01T11:00:00Z", "2026-02-01T11:00:10Z");
    RunHistory& history = catalog_.histories["r1"];
    history.created = At("2026-02-01T10:59:00Z");
    history.first_version = VersionId{1};
    history.versions[VersionId{1}] = HistoryVersion{3, {"load"}};
    history.state = RunState::kSuccess;
    history.events = {
        {At("2026-02-01T11:00:00Z"), RunMoved{RunState::kQueued, RunState::kRunning}},
        {At("2026-02-01T11:00:00Z"), TaskMoved{0, TaskState::kNone, TaskState::kRunning, 1}},
        {At("2026-02-01T11:00:10Z"), TaskMoved{0, TaskState::kRunning, TaskState::kSuccess, 1}},
        {At("2026-02-01T11:00:10Z"), RunMoved{RunState::kRunning, RunState::kSuccess}},
    };
  }
  void AddRun(const std::string& id, const std::string& start, const std::string& end, const std::string& conf = "{}") {
    catalog_.AddRun("sales", id, RunState::kSuccess, [&](RunRow& row) {
      row.info.start_date = At(start);
      row.end_date = At(end);
      row.info.conf = *ParseJson(conf);
    });
  }
  void AddTask(const std::string& run, const std::string& id, TaskState state, const std::string& start,
               const std::string& end) {
    catalog_.AddTask("sales", run, id, state, [&](TaskInstanceRow& row) {
      row.start_date = At(start);
      row.end_date = At(end);
    });
  }
};

TEST_F(TravelTest, ARunIsShownAsItWas) {
  const Response response = Get(kRun + "/at?t=2026-02-01T11:00:05Z");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(
      response.body,
      R"({"dag_id":"sales","dag_run_id":"r1","at":"2026-02-01T11:00:05Z","state":"running",)"
      R"("since":"2026-02-01T11:00:00Z","version_number":3,"tasks":[{"task_id":"load","map_index":-1,"state":"running",)"
      R"("try_number":1,"since":"2026-02-01T11:00:00Z"}]})");
}

TEST_F(TravelTest, AnInstantMayBeRelative) {
  EXPECT_EQ(Field(Get(kRun + "/at?t=%2B5s"), "at"), "\"2026-02-01T11:00:05Z\"");
  EXPECT_EQ(Field(Get(kRun + "/at?t=-59m58s"), "at"), "\"2026-02-01T11:00:02Z\"");
  EXPECT_EQ(Field(Get(kRun + "/at?t=-1h"), "tasks.0.state"), "\"running\"");
}

TEST_F(TravelTest, WhatCannotBeSaidIsRefusedWithItsReason) {
  const struct {
    std::string target;
    int status;
    std::string words;
  } kCases[] = {
      {kRun + "/at", 422, "Field required"},
      {kRun + "/at?t=soon", 400, R"(\"soon\" is no instant)"},
      {kRun + "/at?t=2026-02-01T12:00:01Z", 400,
       "lies in the future: by the server's clock it is 2026-02-01T12:00:00Z"},
      {kRun + "/at?t=2026-02-01T10:00:00Z", 404,
       "the run r1 did not exist at 2026-02-01T10:00:00Z: it was created at 2026-02-01T10:59:00Z"},
      {"/api/ext/v1/dags/sales/dagRuns/nope/at?t=-1s", 404, "was not found"},
      {kRun + "/diff", 422, "Field required"},
      {kRun + "/diff?with=nope", 404, "was not found"},
  };
  for (const auto& [target, status, words] : kCases) {
    const Response response = Get(target);
    EXPECT_EQ(response.status, status) << target;
    EXPECT_THAT(response.body, ::testing::HasSubstr(words)) << target;
  }
}

TEST_F(TravelTest, AHistoryThatWasCleanedIsGone) {
  catalog_.histories["r1"].events.clear();
  const Response response = Get(kRun + "/at?t=-1s");
  EXPECT_EQ(response.status, 410);
  EXPECT_THAT(response.body, ::testing::HasSubstr("no event of it is left (pipelined db clean"));
}

TEST_F(TravelTest, TwoRunsAreComparedTaskByTask) {
  AddRun("r2", "2026-02-01T11:00:00Z", "2026-02-01T11:00:15Z", R"({"region": "us"})");
  AddTask("r2", "load", TaskState::kFailed, "2026-02-01T11:00:00Z", "2026-02-01T11:00:12.5Z");
  catalog_.AddTask("sales", "r2", "check", TaskState::kNone);
  const Response response = Get(kRun + "/diff?with=r2");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(Field(response, "differs"), "true");
  EXPECT_EQ(Field(response, "params"), R"([{"key":"region","a":null,"b":{"value":"us"}}])");
  EXPECT_EQ(Field(response, "duration"), R"({"a":10.0,"b":15.0,"change":5.0,"change_percent":50.0,"differs":true})");
  EXPECT_EQ(Field(response, "tasks.0.b.state"), "\"failed\"");
  EXPECT_EQ(Field(response, "tasks.0.duration.change_percent"), "25.0");
  EXPECT_EQ(Field(response, "tasks.1.a"), "null");
  EXPECT_EQ(Field(response, "tasks.1.b.state"), "null");
  EXPECT_EQ(Field(response, "tasks.1.differs"), "true");
}

TEST_F(TravelTest, ARunDoesNotDifferFromItself) {
  const Response response = Get(kRun + "/diff?with=r1");
  EXPECT_EQ(Field(response, "differs"), "false");
  EXPECT_EQ(Field(response, "tasks.0.differs"), "false");
}

TEST(When, EachFormIsRead) {
  const Instant now = *ParseInstant("2026-02-01T12:00:00Z"), start = *ParseInstant("2026-02-01T11:00:00Z");
  const struct {
    std::string text, expected;
  } kCases[] = {
      {"2026-02-01T10:00:00+01:00", "2026-02-01T09:00:00Z"},
      {"2026-02-01T10:00", "2026-02-01T10:00:00Z"},
      {"2026-02-01 10:00:00.5", "2026-02-01T10:00:00.500000Z"},
      {"2026-02-01", "2026-02-01T00:00:00Z"},
      {"1769940000", "2026-02-01T10:00:00Z"},
      {"-90s", "2026-02-01T11:58:30Z"},
      {"+5m", "2026-02-01T11:05:00Z"},
      {" 5m", "2026-02-01T11:05:00Z"},
      {"+60m", "2026-02-01T12:00:00Z"},
  };
  for (const auto& [text, expected] : kCases) {
    const Result<Instant> at = ParseWhen(text, now, start);
    ASSERT_TRUE(at.ok()) << text << ": " << at.error().message;
    EXPECT_EQ(FormatInstant(*at), expected) << text;
  }
  for (const std::string text : {"", "-", "+", "soon", "-soon", "+61m", "--5m", "2026-02-30T00:00:00Z"})
    EXPECT_EQ(ParseWhen(text, now, start).error().code, ErrorCode::kInvalid) << text;
}

TEST(RunDiff, DurationsDifferByASecondAndATenth) {
  const auto differs = [](int a_ms, int b_ms) { return DurationDiff{Millis(a_ms), Millis(b_ms)}.differs(); };
  EXPECT_FALSE(differs(10, 900));  // less than a second
  EXPECT_TRUE(differs(10, 1010));
  EXPECT_TRUE(differs(1010, 10));
  EXPECT_FALSE(differs(100'000, 109'000));  // less than a tenth
  EXPECT_TRUE(differs(90'000, 100'000));
  EXPECT_FALSE((DurationDiff{Millis(5000), std::nullopt}.differs()));
}

TEST(RunDiff, ParamsAreComparedAsJson) {
  RunSide a, b;
  a.params = *ParseJson(R"({"same": {"x": 1, "y": [2]}, "number": 1, "changed": "eu", "gone": null})");
  b.params = *ParseJson(R"({"changed": "us", "number": 1.0, "same": {"y": [2], "x": 1}, "new": true})");
  std::string keys;
  for (const ConfDiff& param : Compare(a, b).params) keys += param.key + " ";
  EXPECT_EQ(keys, "changed gone new ");
}

}  // namespace
}  // namespace pipelined::api
