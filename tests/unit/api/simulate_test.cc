// What a simulation is asked, and what it says.
#include "unit/api/api_test.h"

namespace pipelined::api {
namespace {

using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

// Says what it was asked.
class Listening : public Simulator {
 public:
  Result<Value> Simulate(const SimulationRequest& request) const override {
    asked = request;
    if (refusal) return *refusal;
    return Value(Value::Map{{"summary", Value::Map{}},
                            {"runs", Value::List{}},
                            {"total_runs", 0},
                            {"missed_slots", Value::List{}},
                            {"total_missed_slots", 0},
                            {"notes", Value::List{}}});
  }
  mutable SimulationRequest asked;
  std::optional<Error> refusal;
};

class SimulateTest : public ApiTest {
 protected:
  SimulateTest() : SimulateTest(std::make_shared<Listening>()) {}

  Response Ask(const std::string& fields) {
    return Send("POST", "/api/ext/v1/simulate",
                R"({"from": "2026-01-01T00:00:00Z", "to": "2026-01-02T00:00:00Z")" + fields + "}");
  }
  std::vector<std::string> Dags() const {
    std::vector<std::string> ids;
    for (const DagPtr& dag : simulator_->asked.dags) ids.push_back(dag->id);
    return ids;
  }

  std::shared_ptr<Listening> simulator_;

 private:
  explicit SimulateTest(std::shared_ptr<Listening> simulator)
      : ApiTest(Options(simulator)), simulator_(std::move(simulator)) {
    catalog_.AddDag("sales");
    catalog_.AddDag("gone", [](DagRow& row) { row.stale = true; });
  }
  static ApiOptions Options(std::shared_ptr<Listening> simulator) {
    ApiOptions options;
    options.simulator = std::move(simulator);
    options.load_dag = [](const DagSource&) -> Result<DagPtr> {
      auto dag = std::make_shared<Dag>();
      dag->id = "sales";
      dag->tasks.resize(1);
      dag->tasks[0].id = "load";
      return DagPtr(std::move(dag));
    };
    return options;
  }
};

TEST_F(SimulateTest, AllThatHaveAFileAreSimulatedAndAllIsPassedOn) {
  const Response answer = Ask(R"(, "parallelism": 3, "durations": {"sales.load": "5m"}, "default_duration": "10s",
                                 "failures": ["sales.load=1"], "pools": ["etl=2"], "limit": 7, "include_paused": true)");
  EXPECT_EQ(answer.status, 200) << answer.body;
  EXPECT_THAT(Dags(), UnorderedElementsAre("sales"));
  const SimulationRequest& asked = simulator_->asked;
  EXPECT_EQ(asked.from, At("2026-01-01T00:00:00Z"));
  EXPECT_EQ(asked.to, At("2026-01-02T00:00:00Z"));
  EXPECT_EQ(asked.parallelism, 3);
  EXPECT_EQ(asked.durations.at("sales.load"), std::chrono::minutes(5));
  EXPECT_EQ(asked.default_duration, Seconds(10));
  EXPECT_THAT(asked.failures, ::testing::ElementsAre("sales.load=1"));
  EXPECT_THAT(asked.pools, ::testing::ElementsAre("etl=2"));
  EXPECT_EQ(asked.most_runs, 7U);
  EXPECT_TRUE(asked.include_paused);
}

TEST_F(SimulateTest, MeasuredMeansTheMeanOfEarlierTries) {
  for (const int seconds : {10, 20}) {
    catalog_.AddTask("sales", "r", "load", TaskState::kSuccess, [&](TaskInstanceRow& row) {
      row.start_date = At("2026-01-01T00:00:00Z");
      row.end_date = *row.start_date + Seconds(seconds);
    });
  }
  EXPECT_EQ(Ask(R"(, "measured": true)").status, 200);
  EXPECT_EQ(simulator_->asked.measured.at({"sales", "load"}), Seconds(15));
}

TEST_F(SimulateTest, WhatCannotBeAskedIsRefusedWithItsPlace) {
  EXPECT_EQ(Send("POST", "/api/ext/v1/simulate", "{}").status, 422);
  EXPECT_THAT(Ask(R"(, "durations": {"load": "soon"})").body, HasSubstr("\\\"soon\\\" is not a duration"));
  EXPECT_THAT(Ask(R"(, "limit": 1001)").body, HasSubstr("limit"));
  EXPECT_THAT(
      Send("POST", "/api/ext/v1/simulate", R"({"from": "2026-01-02T00:00:00Z", "to": "2026-01-01T00:00:00Z"})").body,
      HasSubstr("from must lie before to"));
  EXPECT_EQ(Ask(R"(, "dag_ids": ["nowhere"])").status, 404);
  simulator_->refusal = Error{ErrorCode::kInvalid, "there would be more than 5 tasks", "ask for less"};
  EXPECT_EQ(Field(Ask(""), "detail"), "\"there would be more than 5 tasks: ask for less\"");
}

TEST_F(SimulateTest, OneAtATime) {
  const Place other(service_.simulating);
  EXPECT_EQ(Ask("").status, 429);
}

}  // namespace
}  // namespace pipelined::api
