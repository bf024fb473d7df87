// Assets, what happened to them, and what people say and ask of them.
#include "unit/api/api_test.h"

namespace pipelined::api {
namespace {

class AssetsTest : public ApiTest {
 protected:
  AssetsTest() {
    for (const char* id : {"lake", "mart", "report"}) catalog_.AddDag(id);
    AssetRow& raw = assets().Of("s3://raw");
    raw.outlets = {AssetUse{"lake", "load", At("2026-01-02T00:00:00Z")}};
    raw.inlets = {AssetUse{"mart", "read", At("2026-01-02T00:00:00Z")}};
    raw.schedules = {AssetUse{"report", "", At("2026-01-03T00:00:00Z")}};
    assets().Of("s3://both").outlets = {AssetUse{"lake", "load", {}}, AssetUse{"mart", "read", {}}};
    assets().Of("s3://none").inlets = {AssetUse{"mart", "read", {}}};
  }
  testing::MemoryAssets& assets() { return catalog_.memory_assets; }
  Response Event(const std::string& body, const std::string& token = "admin-token") {
    return Send("POST", "/api/v2/assets/events", body, token);
  }
  Response Materialize(int id, const std::string& body = "", const std::string& token = "admin-token") {
    return Send("POST", "/api/v2/assets/" + std::to_string(id) + "/materialize", body, token);
  }
  static std::string Detail(const Response& response) { return Field(response, "detail"); }
};

TEST_F(AssetsTest, AreShownWithWhoNamesThem) {
  assets().Of("s3://raw").latest = AssetRow::Latest{7, At("2026-01-31T00:00:00Z")};
  const Response all = Get("/api/v2/assets");
  EXPECT_EQ(Field(all, "total_entries"), "3");
  EXPECT_EQ(Field(all, "assets.0.uri"), "\"s3://raw\"");
  EXPECT_EQ(Field(all, "assets.0.name"), "\"s3://raw\"");
  EXPECT_EQ(Field(all, "assets.0.group"), "\"asset\"");
  EXPECT_EQ(
      Field(all, "assets.0.producing_tasks"),
      R"([{"dag_id":"lake","task_id":"load","created_at":"2026-01-02T00:00:00Z","updated_at":"2026-01-02T00:00:00Z"}])");
  EXPECT_EQ(Field(all, "assets.0.consuming_tasks.0.task_id"), "\"read\"");
  EXPECT_EQ(Field(all, "assets.0.scheduled_dags"),
            R"([{"dag_id":"report","created_at":"2026-01-03T00:00:00Z","updated_at":"2026-01-03T00:00:00Z"}])");
  EXPECT_EQ(Field(all, "assets.0.last_asset_event"), R"({"id":7,"timestamp":"2026-01-31T00:00:00Z"})");
  EXPECT_EQ(Field(all, "assets.1.last_asset_event"), "null");
  EXPECT_EQ(Field(Get("/api/v2/assets/1"), "uri"), "\"s3://raw\"");
}

TEST_F(AssetsTest, AreAskedForWithEveryFilter) {
  Get("/api/v2/"
      "assets?name_pattern=a&uri_prefix_pattern=s3&dag_ids=x&dag_ids=y&only_active=false&order_by=-uri&limit=3");
  EXPECT_EQ(assets().asked.name.pattern, "a");
  EXPECT_EQ(assets().asked.uri.prefix, "s3");
  EXPECT_EQ(assets().asked.dag_ids, (std::vector<std::string>{"x", "y"}));
  EXPECT_FALSE(assets().asked.only_active);
  EXPECT_EQ(assets().page_asked.order_by, std::vector<std::string>{"-uri"});
  EXPECT_EQ(assets().page_asked.limit, 3);
  Get("/api/v2/assets");
  EXPECT_TRUE(assets().asked.only_active);
}

TEST_F(AssetsTest, WhatIsNoAssetIsRefused) {
  EXPECT_EQ(Get("/api/v2/assets/99").status, 404);
  EXPECT_EQ(Get("/api/v2/assets/x").status, 422);
  EXPECT_EQ(Get("/api/v2/assets?only_active=perhaps").status, 422);
  EXPECT_EQ(Get("/api/v2/assets/events?asset_id=x").status, 422);
  EXPECT_EQ(Get("/api/v2/assets/events?source_map_index=99999999999").status, 422);
  EXPECT_EQ(Get("/api/v2/assets/events?timestamp_gte=soon").status, 422);
  EXPECT_EQ(Get("/api/v2/assets/99/queuedEvents").status, 404);
}

TEST_F(AssetsTest, EventsAreAskedForWithEveryFilter) {
  Get("/api/v2/assets/events?asset_id=3&source_dag_id=d&source_run_id=r&source_task_id=t&source_map_index=-1"
      "&name_pattern=n&name_prefix_pattern=p&timestamp_gte=2026-01-01T00:00:00Z&timestamp_lt=2026-01-02T00:00:00Z");
  const AssetEventFilter& asked = assets().events_asked;
  EXPECT_EQ(asked.asset_id, 3);
  EXPECT_EQ(asked.dag_id, "d");
  EXPECT_EQ(asked.run_id, "r");
  EXPECT_EQ(asked.task_id, "t");
  EXPECT_EQ(asked.map_index, -1);
  EXPECT_EQ(asked.name.pattern, "n");
  EXPECT_EQ(asked.name.prefix, "p");
  EXPECT_EQ(asked.at.gte, At("2026-01-01T00:00:00Z"));
  EXPECT_EQ(asked.at.lte, At("2026-01-01T23:59:59.999999Z"));
  EXPECT_EQ(assets().page_asked.order_by, std::vector<std::string>{"timestamp"});
  Get("/api/v2/assets/events");
  EXPECT_FALSE(assets().events_asked.asset_id || assets().events_asked.map_index || assets().events_asked.dag_id);
}

TEST_F(AssetsTest, AnEventOfATaskNamesIt) {
  AssetEventRow event;
  event.id = 5;
  event.asset_id = 1;
  event.uri = "s3://raw";
  event.at = At("2026-01-31T00:00:00Z");
  event.extra = Value(Value::Map{{"rows", 42}});
  event.dag_id = "lake";
  event.run_id = "r1";
  event.task_id = "load";
  event.map_index = 2;
  assets().events = {event};
  EXPECT_EQ(Field(Get("/api/v2/assets/events"), "asset_events.0"),
            R"({"id":5,"asset_id":1,"uri":"s3://raw","name":"s3://raw","group":"asset","extra":{"rows":42},)"
            R"("source_task_id":"load","source_dag_id":"lake","source_run_id":"r1","source_map_index":2,)"
            R"("created_dagruns":[],"timestamp":"2026-01-31T00:00:00Z","partition_key":null})");
}

TEST_F(AssetsTest, AReportedEventSaysThatNoTaskMadeIt) {
  const Response made =
      Event(R"({"asset_id": 1, "extra": {"k": 1}, "partition_key": "2026-01", "access_control": null})");
  EXPECT_EQ(made.status, 200) << made.body;
  EXPECT_EQ(Field(made, "extra"), R"({"k":1,"from_rest_api":true})");
  EXPECT_EQ(Field(made, "source_dag_id"), "null");
  EXPECT_EQ(Field(made, "source_map_index"), "-1");
  EXPECT_EQ(Field(made, "partition_key"), "\"2026-01\"");
  EXPECT_EQ(Field(Event(R"({"asset_id": 1})"), "extra"), R"({"from_rest_api":true})");
  EXPECT_EQ(assets().events.size(), 2U);
}

struct Bad {
  const char* body;
  int status;
  const char* says;
};
class BadEvent : public AssetsTest, public ::testing::WithParamInterface<Bad> {};

TEST_P(BadEvent, IsRefusedAndNotKept) {
  const Response refused = Event(GetParam().body);
  EXPECT_EQ(refused.status, GetParam().status) << refused.body;
  EXPECT_THAT(refused.body, ::testing::HasSubstr(GetParam().says));
  EXPECT_TRUE(assets().events.empty());
}

INSTANTIATE_TEST_SUITE_P(
    All, BadEvent,
    ::testing::Values(Bad{"{}", 422, "Field required"}, Bad{R"({"asset_id": null})", 422, "asset_id"},
                      Bad{R"({"asset_id": 99})", 404, "The Asset with ID: `99` was not found"},
                      Bad{R"({"asset_id": 1, "extra": 5})", 422, "extra"},
                      Bad{R"({"asset_id": 1, "extra": null})", 422, "extra"},
                      Bad{R"({"asset_id": 1, "uri": "x"})", 422, "uri"},
                      Bad{R"({"asset_id": 1, "partition_key": "  "})", 422, "pattern"},
                      Bad{R"({"asset_id": 1, "access_control": {"consumer_teams": ["a"]}})", 422, "no teams"},
                      Bad{R"({"asset_id": 1, "access_control": {"allow_global": false}})", 422, "no teams"},
                      Bad{R"({"asset_id": 1, "extra": {"a": "\u0000"}})", 422, ""}));

TEST_F(AssetsTest, AReportIsAudited) {
  Event(R"({"asset_id": 1, "extra": {"password": "s3cret"}})");
  const auto trail = catalog_.memory_trail.List({}, 10);
  ASSERT_EQ(trail->size(), 1U);
  const TrailEntry& entry = (*trail)[0];
  EXPECT_EQ(entry.operation, "create_asset_event");
  EXPECT_EQ(entry.entity, "s3://raw");
  EXPECT_TRUE(entry.outcome->in_history);
  EXPECT_THAT(ToJson(entry.outcome->after), ::testing::Not(::testing::HasSubstr("s3cret")));
}

TEST_F(AssetsTest, MaterializingStartsTheDagThatWritesIt) {
  const Response made = Materialize(1, R"({"conf": {"a": 1}, "note": "by hand"})");
  EXPECT_EQ(made.status, 200) << made.body;
  EXPECT_EQ(Field(made, "dag_id"), "\"lake\"");
  ASSERT_EQ(catalog_.triggers.size(), 1U);
  EXPECT_EQ(catalog_.triggers[0].dag_id, "lake");
  EXPECT_EQ(ToJson(catalog_.triggers[0].conf), R"({"a":1})");
  EXPECT_EQ(catalog_.triggers[0].who, "admin");
  EXPECT_FALSE(catalog_.triggers[0].logical_date.has_value());
}

TEST_F(AssetsTest, MaterializingNeedsNoBody) {
  EXPECT_EQ(Materialize(1).status, 200);
  EXPECT_EQ(Materialize(1, R"({"dag_run_id": "two"})").status, 200);
  EXPECT_EQ(catalog_.triggers.size(), 2U);
}

TEST_F(AssetsTest, OneDagMustWriteWhatIsMaterialized) {
  EXPECT_EQ(Detail(Materialize(3)), "\"No DAG materializes asset with ID: 3\"");
  EXPECT_EQ(Materialize(3).status, 404);
  EXPECT_EQ(Materialize(2).status, 409);
  EXPECT_THAT(Detail(Materialize(2)), ::testing::HasSubstr("lake, mart"));
  EXPECT_EQ(Materialize(99).status, 404);
  EXPECT_EQ(Materialize(1, R"({"conf": 5})").status, 422);
  EXPECT_EQ(Materialize(1, R"({"partition_key": "x"})").status, 422);
  EXPECT_EQ(Materialize(1, R"({"dag_run_id": "scheduled__1"})").status, 400);
  EXPECT_TRUE(catalog_.triggers.empty());
}

TEST_F(AssetsTest, ReportingAndMaterializingAreForOperators) {
  EXPECT_EQ(Event(R"({"asset_id": 1})", "op-token").status, 200);
  EXPECT_EQ(Event(R"({"asset_id": 1})", "user-token").status, 403);
  EXPECT_EQ(Materialize(1, "", "op-token").status, 200);
  EXPECT_EQ(Materialize(1, "", "viewer-token").status, 403);
}

TEST_F(AssetsTest, DagsAreFoundByWhatTheyWaitFor) {
  catalog_.AddDag("waits", [](DagRow& row) { row.schedule.assets = {"s3://Raw/orders"}; });
  const Response found = Get("/api/v2/dags?asset_dependency=raw");
  EXPECT_EQ(Field(found, "total_entries"), "1");
  EXPECT_EQ(Field(found, "dags.0.dag_id"), "\"waits\"");
  EXPECT_EQ(Field(Get("/api/v2/dags?asset_dependency=none"), "total_entries"), "0");
}

}  // namespace
}  // namespace pipelined::api
