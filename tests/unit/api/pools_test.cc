#include "unit/api/api_test.h"

namespace pipelined::api {
namespace {

class PoolsTest : public ApiTest {
 protected:
  PoolsTest() {
    PoolRow row;
    row.name = "default_pool";
    row.slots = 128;
    catalog_.pools.push_back(row);
    row.name = "etl";
    row.slots = 3;
    row.running_slots = 2;
    row.scheduled_slots = 5;
    catalog_.pools.push_back(row);
    catalog_.leader = [](const Command&) -> Result<CommandDone> { return CommandDone{}; };
  }
  // The last command, when it is a SetPool.
  const SetPool& Asked() { return std::get<SetPool>(catalog_.commands.back().what); }
};

TEST_F(PoolsTest, ShowWhatIsTakenAndWhatIsFree) {
  const Response response = Get("/api/v2/pools/etl");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(Field(response, "occupied_slots"), "2");
  EXPECT_EQ(Field(response, "open_slots"), "1");
  EXPECT_EQ(Field(response, "scheduled_slots"), "5");
}

TEST_F(PoolsTest, AreFoundByTheBeginningOfTheirNames) {
  EXPECT_EQ(Field(Get("/api/v2/pools?pool_name_prefix_pattern=de"), "pools.0.name"), "\"default_pool\"");
  EXPECT_EQ(Field(Get("/api/v2/pools?pool_name_prefix_pattern=de"), "total_entries"), "1");
  EXPECT_EQ(Field(Get("/api/v2/pools?pool_name_pattern=tl"), "pools.0.name"), "\"etl\"");
}

TEST_F(PoolsTest, AllAreInTheMetrics) {
  for (int i = 0; i < 1500; ++i) {
    PoolRow row;
    row.name = "pool" + std::to_string(i);
    catalog_.pools.push_back(std::move(row));
  }
  const std::string text = Get("/metrics").body;
  EXPECT_THAT(text, ::testing::HasSubstr("pipelined_pool_slots{pool=\"default_pool\"} 128\n"));
  EXPECT_THAT(text, ::testing::HasSubstr("pipelined_pool_slots{pool=\"pool1499\"} 0\n"));
}

TEST_F(PoolsTest, WithoutLimitAlwaysHaveOpenSlots) {
  catalog_.pools[1].slots = -1;
  EXPECT_EQ(Field(Get("/api/v2/pools/etl"), "open_slots"), "-1");
}

TEST_F(PoolsTest, PatchChangesWhatTheMaskNames) {
  EXPECT_EQ(Send("PATCH", "/api/v2/pools/etl?update_mask=slots",
                 R"({"pool": "etl", "slots": 7, "include_deferred": false, "description": "not named"})")
                .status,
            200);
  EXPECT_EQ(Asked().slots, 7);
  EXPECT_FALSE(Asked().description.has_value());
}

TEST_F(PoolsTest, PatchOfADescriptionKeepsTheSlots) {
  const auto* const body = R"({"pool": "etl", "slots": 9, "include_deferred": false, "description": "loads"})";
  EXPECT_EQ(Send("PATCH", "/api/v2/pools/etl?update_mask=description", body).status, 200);
  EXPECT_EQ(Asked().slots, 3);
  EXPECT_EQ(Asked().description, "loads");
}

TEST_F(PoolsTest, TheDefaultPoolKeepsItsName) {
  EXPECT_EQ(Send("PATCH", "/api/v2/pools/default_pool", R"({"pool": "other"})").status, 400);
  EXPECT_EQ(Send("PATCH", "/api/v2/pools/default_pool", R"({"slots": 4})").status, 200);
}

TEST_F(PoolsTest, TheDefaultPoolCannotBeDeleted) {
  EXPECT_EQ(Send("DELETE", "/api/v2/pools/default_pool").status, 400);
  EXPECT_TRUE(catalog_.commands.empty());
}

TEST_F(PoolsTest, DeleteAsksTheLeader) {
  EXPECT_EQ(Send("DELETE", "/api/v2/pools/etl").status, 204);
  EXPECT_EQ(std::get<pipelined::DeletePool>(catalog_.commands.back().what).name, "etl");
  EXPECT_EQ(Send("DELETE", "/api/v2/pools/nope").status, 404);
}

TEST_F(PoolsTest, ThoseWhoMayOnlyTriggerMayNotChangeThem) {
  const auto* const whole = R"({"pool": "etl", "slots": 4, "include_deferred": false})";
  EXPECT_EQ(Send("PATCH", "/api/v2/pools/etl", whole, "user-token").status, 403);
  EXPECT_EQ(Send("PATCH", "/api/v2/pools/etl", whole, "op-token").status, 200);
}

}  // namespace
}  // namespace pipelined::api
