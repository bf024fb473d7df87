// What is taken away by hand, outputs that are set by hand, and many changes in one request.
#include "unit/api/steering_fixture.h"

namespace pipelined::api {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

class RemovalsTest : public SteeringTest {
 protected:
  RemovalsTest() {
    catalog_.AddRun("sales", "now", RunState::kRunning);
    catalog_.outputs["load"] = Value::Map{{"rows", 42}};
    catalog_.leader = [this](const Command& command) -> Result<CommandDone> {
      if (const auto* run = std::get_if<pipelined::DeleteRun>(&command.what))
        std::erase_if(catalog_.runs, [&](const RunRow& row) { return row.info.id == run->run; });
      if (const auto* pool = std::get_if<SetPool>(&command.what)) {
        PoolRow row;
        row.name = pool->name;
        row.slots = pool->slots;
        std::erase_if(catalog_.pools, [&](const PoolRow& known) { return known.name == row.name; });
        catalog_.pools.push_back(row);
      }
      return CommandDone{};
    };
  }
};

TEST_F(RemovalsTest, AnEndedRunIsDeletedByTheLeader) {
  EXPECT_EQ(Send("DELETE", DAY2).status, 204);
  EXPECT_EQ(Filed<pipelined::DeleteRun>()->run_id, "day2");
  EXPECT_EQ(Get(DAY2).status, 404);
  EXPECT_EQ(Send("DELETE", DAY2).status, 404);
}

TEST_F(RemovalsTest, ARunThatRunsStays) {
  EXPECT_EQ(Send("DELETE", SALES "/dagRuns/now").status, 409);
  EXPECT_TRUE(catalog_.commands.empty());
}

TEST_F(RemovalsTest, ADeletedInstanceIsAsIfUntouched) {
  EXPECT_EQ(Send("DELETE", DAY2 "/taskInstances/load").status, 200);
  EXPECT_THAT(Filed<pipelined::ClearTasks>()->tasks.ids, ElementsAre("load"));
  EXPECT_FALSE(Filed<pipelined::ClearTasks>()->reset_runs);
  EXPECT_EQ(Send("DELETE", DAY2 "/taskInstances/part?map_index=4294967297").status, 404) << "not that of its low bits";
  EXPECT_EQ(Send("DELETE", DAY2 "/taskInstances/part?map_index=1").status, 200);
  EXPECT_EQ(Filed<pipelined::ClearTasks>()->tasks.instances.front().second, 1);
  EXPECT_EQ(Send("DELETE", DAY2 "/taskInstances/none").status, 404);
}

TEST_F(RemovalsTest, OutputsAreMadeChangedAndTakenAway) {
  const Response made = Send("POST", DAY2 "/taskInstances/load/xcomEntries", R"({"key": "k", "value": {"a": null}})");
  EXPECT_EQ(made.status, 201);
  EXPECT_EQ(Field(made, "value"), R"({"a":null})");
  EXPECT_EQ(Filed<EditOutput>()->key, "k");
  EXPECT_EQ(Send("POST", DAY2 "/taskInstances/load/xcomEntries", R"({"key": "rows", "value": 1})").status, 409);
  EXPECT_EQ(Field(Send("PATCH", DAY2 "/taskInstances/load/xcomEntries/rows", R"({"value": 43})"), "value"), "43");
  EXPECT_EQ(*Filed<EditOutput>()->value, Value(43));
  EXPECT_EQ(Send("DELETE", DAY2 "/taskInstances/load/xcomEntries/rows").status, 204);
  EXPECT_FALSE(Filed<EditOutput>()->value.has_value());
}

TEST_F(RemovalsTest, MistakesWithOutputsAreRefused) {
  EXPECT_EQ(Send("PATCH", DAY2 "/taskInstances/load/xcomEntries/none", R"({"value": 1})").status, 404);
  EXPECT_EQ(Send("DELETE", DAY2 "/taskInstances/load/xcomEntries/none").status, 404);
  EXPECT_EQ(Send("POST", DAY2 "/taskInstances/none/xcomEntries", R"({"key": "k", "value": 1})").status, 404);
  EXPECT_EQ(Field(Send("POST", DAY2 "/taskInstances/load/xcomEntries", R"({"key": "k"})"), "detail.0.loc"),
            R"(["body","value"])");
  EXPECT_EQ(Send("POST", DAY2 "/taskInstances/load/xcomEntries", R"({"key": "", "value": 1})").status, 422);
  EXPECT_TRUE(catalog_.commands.empty());
}

TEST_F(RemovalsTest, PoolsAreChangedInBulk) {
  const Response response = Send("PATCH", "/api/v2/pools",
                                 R"({"actions": [{"action": "create", "entities": [{"name": "a", "slots": 1},
                                                                                   {"name": "b", "slots": 2}]},
                                                 {"action": "delete", "entities": ["none"]}]})");
  EXPECT_EQ(Field(response, "create"), R"({"success":["a","b"],"errors":[]})");
  EXPECT_EQ(Field(response, "update"), "null");
  EXPECT_EQ(Field(response, "delete.errors.0.status_code"), "404");
}

TEST_F(RemovalsTest, OneThatClashesFailsItsWholeAction) {
  Send("PATCH", "/api/v2/pools", R"({"actions": [{"action": "create", "entities": [{"name": "a", "slots": 1}]}]})");
  const char* const again =
      R"({"actions": [{"action": "create", %"entities": [{"name": "b", "slots": 1}, {"name": "a", "slots": 5}]}]})";
  const auto with = [&](const std::string& word) {
    std::string body = again;
    return body.replace(body.find('%'), 1, word);
  };
  EXPECT_EQ(Field(Send("PATCH", "/api/v2/pools", with("")), "create.errors.0.status_code"), "409");
  EXPECT_THAT(catalog_.pools, SizeIs(1));
  EXPECT_EQ(Field(Send("PATCH", "/api/v2/pools", with(R"("action_on_existence": "skip", )")), "create.success"),
            R"(["b"])");
  EXPECT_EQ(Field(Send("PATCH", "/api/v2/pools", with(R"("action_on_existence": "overwrite", )")), "create.success"),
            R"(["b","a"])");
  EXPECT_EQ(Field(Get("/api/v2/pools/a"), "slots"), "5");
}

TEST_F(RemovalsTest, BulkBodiesAreCheckedAsAWhole) {
  const auto refused = [&](const char* path, const char* body) {
    const Response response = Send("PATCH", path, body);
    EXPECT_EQ(response.status, 422) << body;
    return Field(response, "detail.0.loc");
  };
  EXPECT_EQ(refused("/api/v2/pools", R"({"actions": [{"action": "create", "entities": [{"name": "a"}]}]})"),
            R"(["body","actions",0,"create","entities",0,"slots"])");
  EXPECT_EQ(refused("/api/v2/pools", R"({"actions": [{"action": "burn", "entities": []}]})"),
            R"(["body","actions",0])");
  EXPECT_EQ(refused("/api/v2/pools", R"({"actions": [{"action": "delete"}]})"),
            R"(["body","actions",0,"delete","entities"])");
  refused("/api/v2/pools", "{}");
  refused("/api/v2/pools", R"({"actions": [{"action": "create", "entities": [1]}]})");
  refused("/api/v2/pools", R"({"actions": [{"action": "create", "entities": [], "action_on_existence": "x"}]})");
  refused(SALES "/dagRuns",
          R"({"actions": [{"action": "update", "entities": [{"dag_run_id": "day2", "state": "x"}]}]})");
  EXPECT_TRUE(catalog_.commands.empty());
}

TEST_F(RemovalsTest, RunsAreMarkedAndDeletedInBulk) {
  const Response response =
      Send("PATCH", SALES "/dagRuns",
           R"({"actions": [{"action": "update", "entities": [{"dag_run_id": "day1", "state": "failed"}]},
                      {"action": "delete", "entities": ["day2"]}, {"action": "create", "entities": []}]})");
  EXPECT_EQ(Field(response, "update.success"), R"(["sales.day1"])");
  EXPECT_EQ(Field(response, "delete.success"), R"(["sales.day2"])");
  EXPECT_EQ(std::get<MarkRun>(catalog_.commands.front().what).state, RunState::kFailed);
  EXPECT_EQ(Send("PATCH", "/api/v2/dags/~/dagRuns",
                 R"({"actions": [{"action": "delete", "entities": [{"dag_run_id": "day1", "dag_id": "sales"}]}]})")
                .status,
            200);
  EXPECT_EQ(Filed<pipelined::DeleteRun>()->run_id, "day1");
}

TEST_F(RemovalsTest, InstancesAreMarkedAndDeletedInBulk) {
  const Response response =
      Send("PATCH", DAY2 "/taskInstances",
           R"({"actions": [{"action": "update", "entities": [{"task_id": "load", "new_state": "success"},
                                                        {"task_id": "part", "map_index": 1, "note": "seen"}]},
                      {"action": "delete", "entities": ["extract", {"task_id": "none"}],
                       "action_on_non_existence": "skip"}]})");
  EXPECT_EQ(Field(response, "update.success"), R"(["sales.day2.load[-1]","sales.day2.part[1]"])");
  EXPECT_EQ(Field(response, "delete"), R"({"success":["sales.day2.extract[-1]"],"errors":[]})");
}

TEST_F(RemovalsTest, RunsAreClearedTogether) {
  const char* const both = R"({"dag_runs": [{"dag_run_id": "day1"}, {"dag_run_id": "day2"}]})";
  EXPECT_EQ(Field(Send("POST", SALES "/clearDagRuns", both), "total_entries"), "10");
  EXPECT_TRUE(catalog_.commands.empty());  // a dry run, unless it is said otherwise
  const Response done = Send("POST", SALES "/clearDagRuns",
                             R"({"dry_run": false, "dag_runs": [{"dag_run_id": "day1"}, {"dag_run_id": "day2"}]})");
  EXPECT_EQ(Field(done, "dag_runs.1.dag_run_id"), "\"day2\"");
  EXPECT_THAT(catalog_.commands, SizeIs(2));
  EXPECT_EQ(Send("POST", SALES "/clearDagRuns", R"({"dag_runs": [{"dag_run_id": "none"}]})").status, 404);
  EXPECT_EQ(Send("POST", SALES "/clearDagRuns", R"({"partition_key": "x"})").status, 422);
}

TEST_F(RemovalsTest, ABulkRequestIsNotEndless) {
  std::string names = "\"p\"";
  for (int i = 0; i < 10'000; ++i) names += ",\"p\"";
  const std::string body = R"({"actions": [{"action": "delete", "entities": [)" + names + "]}]}";
  EXPECT_EQ(Send("PATCH", "/api/v2/pools", body).status, 413);
  EXPECT_TRUE(catalog_.commands.empty());
}

}  // namespace

}  // namespace pipelined::api
