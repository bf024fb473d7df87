// What the audit trail is told of requests.
#include <fmt/format.h>

#include "api/access/audit.h"
#include "api/access/denials.h"
#include "pipelined/secrets/password.h"
#include "unit/api/api_test.h"
#include "unit/api/vault_fixture.h"

namespace pipelined::api {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

class TrailTest : public VaultTest {
 protected:
  TrailTest() {
    catalog_.AddDag("sales");
    PoolRow pool;
    pool.name = "etl";
    pool.slots = 3;
    catalog_.pools.push_back(pool);
    catalog_.leader = [](const Command&) -> Result<CommandDone> { return CommandDone{}; };
  }
  std::vector<TrailEntry> Entries() { return catalog_.memory_trail.entries(); }
  TrailEntry Last() {
    const std::vector<TrailEntry> entries = Entries();
    return entries.empty() ? TrailEntry{} : entries.back();
  }
  static std::string Text(const Value& value) { return ToJson(value); }
};

TEST_F(TrailTest, AChangeSaysWhoAndWhatAndHowItWasBefore) {
  const auto* const body = R"({"pool": "etl", "slots": 7, "include_deferred": false})";
  ASSERT_EQ(Send("PATCH", "/api/v2/pools/etl", body, "op-token").status, 200);
  const TrailEntry entry = Last();
  EXPECT_EQ(entry.kind, TrailKind::kChange);
  EXPECT_EQ(entry.who, "oscar");
  EXPECT_EQ(entry.via, "token");
  EXPECT_EQ(entry.address, "127.0.0.1");
  EXPECT_EQ(entry.operation, "patch_pool");
  EXPECT_EQ(entry.method, "PATCH");
  EXPECT_EQ(entry.path, "/api/v2/pools/etl");
  EXPECT_EQ(entry.entity, "etl");
  ASSERT_TRUE(entry.outcome.has_value());
  EXPECT_EQ(entry.outcome->status, 200);
  EXPECT_THAT(Text(entry.outcome->before), HasSubstr("\"slots\":3"));
}

TEST_F(TrailTest, WhatIsMadeIsNamedByItsBody) {
  Send("POST", "/api/v2/pools", R"({"name": "etl", "slots": 1})");
  EXPECT_EQ(Last().entity, "etl");
  EXPECT_EQ(Last().outcome->status, 409);  // it is there already
}

TEST_F(TrailTest, WhatOnlyLooksIsNotAudited) {
  Get("/api/v2/pools");
  Send("POST", "/api/v2/dags/sales/dagRuns/list", "{}");
  Send("POST", "/api/v2/backfills/dry_run", "{}");
  EXPECT_THAT(Entries(), IsEmpty());
}

TEST_F(TrailTest, WithoutATrailNothingIsChanged) {
  catalog_.memory_trail.broken = Error{ErrorCode::kUnavailable, "the database is away", ""};
  const auto* const body = R"({"pool": "etl", "slots": 7, "include_deferred": false})";
  EXPECT_EQ(Send("PATCH", "/api/v2/pools/etl", body).status, 503);
  EXPECT_TRUE(catalog_.commands.empty());
}

TEST_F(TrailTest, AChangeWhoseEndCannotBeWrittenKeepsItsBeginning) {
  catalog_.memory_trail.broken_end = Error{ErrorCode::kUnavailable, "the database is away", ""};
  const auto* const body = R"({"pool": "etl", "slots": 7, "include_deferred": false})";
  EXPECT_EQ(Send("PATCH", "/api/v2/pools/etl", body).status, 200);
  EXPECT_EQ(Last().operation, "patch_pool");
  EXPECT_FALSE(Last().outcome.has_value());
}

TEST_F(TrailTest, AFailedChangeSaysWhyAndHasNoAfter) {
  EXPECT_EQ(Send("PATCH", "/api/v2/pools/nothing", R"({"pool": "nothing", "slots": 1})").status, 404);
  EXPECT_EQ(Last().outcome->status, 404);
  EXPECT_FALSE(Last().outcome->reason.empty());
  EXPECT_TRUE(Last().outcome->after.is_null());
}

TEST_F(TrailTest, AVariablesValueIsNeverThere) {
  ASSERT_EQ(Send("POST", "/api/v2/variables", R"({"key": "region", "value": "Zq7xW4mK"})").status, 201);
  ASSERT_EQ(Send("PATCH", "/api/v2/variables/region", R"({"key": "region", "value": "Yq7xW4mK"})").status, 200);
  EXPECT_EQ(Send("PATCH", "/api/v2/variables/region", R"({"key": "region", "value": {"Xq7xW4mK": 1}, "no": 1})").status,
            422);
  ASSERT_EQ(Send("DELETE", "/api/v2/variables/region").status, 204);
  ASSERT_THAT(Entries(), SizeIs(4));
  for (const TrailEntry& entry : Entries()) {
    const std::string all = Text(entry.outcome->before) + Text(entry.outcome->after) + entry.outcome->reason;
    EXPECT_THAT(all, Not(HasSubstr("q7xW4mK")));
    EXPECT_EQ(entry.entity, "region");
  }
  EXPECT_THAT(Text(Entries()[1].outcome->after), HasSubstr("\"value_set\":true"));
  EXPECT_TRUE(Entries()[1].outcome->in_history);
  EXPECT_FALSE(Entries()[2].outcome->in_history);
}

TEST_F(TrailTest, AConnectionsPasswordAndExtraAreNeverThere) {
  const auto* const body =
      R"({"connection_id": "wh", "conn_type": "postgres", "host": "db", "password": "Zq7xW4mK",
          "extra": "{\"a\": \"Yq7xW4mK\"}"})";
  ASSERT_EQ(Send("POST", "/api/v2/connections", body).status, 201);
  ASSERT_EQ(Send("DELETE", "/api/v2/connections/wh").status, 204);
  for (const TrailEntry& entry : Entries()) {
    const std::string all = Text(entry.outcome->before) + Text(entry.outcome->after);
    EXPECT_THAT(all, Not(HasSubstr("q7xW4mK")));
    EXPECT_THAT(all, HasSubstr("\"host\":\"db\""));
  }
}

TEST_F(TrailTest, ManyAtOnceAreNamedOneByOne) {
  const auto* const body = R"({"actions": [{"action": "create", "entities": [
      {"key": "a", "value": "1"}, {"key": "b", "value": "2"}]}, {"action": "delete", "entities": ["gone"]}]})";
  ASSERT_EQ(Send("PATCH", "/api/v2/variables", body).status, 200);
  EXPECT_THAT(Text(Last().outcome->after), HasSubstr("\"a\":{"));
  EXPECT_THAT(Text(Last().outcome->after), HasSubstr("\"b\":{"));
  EXPECT_THAT(Last().outcome->reason, HasSubstr("gone"));
}

TEST_F(TrailTest, ATriggerNamesTheRunAndMasksItsConf) {
  const auto* const body = R"({"logical_date": null, "conf": {"db_password": "Zq7xW4mK", "region": "eu"}})";
  const Response answer = Send("POST", "/api/v2/dags/sales/dagRuns", body, "user-token");
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(Last().dag_id, "sales");
  EXPECT_THAT(Last().run_id, HasSubstr("manual__"));
  EXPECT_THAT(Text(Last().outcome->after), HasSubstr("\"region\":\"eu\""));
  EXPECT_THAT(Text(Last().outcome->after), Not(HasSubstr("Zq7xW4mK")));
  EXPECT_TRUE(Last().outcome->in_history);
}

TEST_F(TrailTest, AParamThatIsRefusedIsNotRepeatedWhenItIsASecret) {
  catalog_.dags.back().params = Value(Value::Map{
      {"api_key", Value::Map{{"value", "okay"}, {"schema", Value::Map{{"type", "string"}, {"pattern", "^ok"}}}}}});
  const Response refused =
      Send("POST", "/api/v2/dags/sales/dagRuns", R"({"logical_date": null, "conf": {"api_key": "Zq7xW4mK"}})");
  EXPECT_EQ(refused.status, 400);
  EXPECT_THAT(refused.body, HasSubstr("params.api_key"));
  EXPECT_THAT(refused.body + Last().outcome->reason, Not(HasSubstr("Zq7xW4mK")));
}

TEST_F(TrailTest, AnXComSaysHowItWasAndIsWithoutSecrets) {
  catalog_.AddRun("sales", "r1", RunState::kSuccess);
  catalog_.AddTask("sales", "r1", "load", TaskState::kSuccess);
  catalog_.outputs["load"] = Value::Map{{"rows", 42}, {"api_key", "Zq7xW4mK"}};
  const std::string path = "/api/v2/dags/sales/dagRuns/r1/taskInstances/load/xcomEntries";
  ASSERT_EQ(Send("PATCH", path + "/rows", R"({"value": 43})").status, 200);
  EXPECT_EQ(Text(Last().outcome->before), R"({"rows":42})");
  EXPECT_EQ(Text(Last().outcome->after), R"({"rows":43})");
  ASSERT_EQ(Send("POST", path, R"({"key": "new", "value": {"password": "Yq7xW4mK", "n": 1}})").status, 201);
  EXPECT_EQ(Text(Last().outcome->before), "null");
  EXPECT_EQ(Text(Last().outcome->after), R"({"new":{"password":"***","n":1}})");
  ASSERT_EQ(Send("DELETE", path + "/api_key").status, 204);
  EXPECT_EQ(Text(Last().outcome->before), R"({"api_key":"***"})");
}

// Every route that is not GET either changes or is one of these: a new one is audited by itself.
TEST(AuditedRoutesTest, OnlyTheseLookWithoutGet) {
  std::vector<std::string_view> looks;
  for (const Route& route : Routes()) {
    if (route.method != "GET" && !IsAudited(route)) looks.push_back(route.operation_id);
  }
  EXPECT_THAT(looks, ::testing::UnorderedElementsAre("get_list_dag_runs_batch", "get_task_instances_batch",
                                                     "create_backfill_dry_run", "patch_task_instance_dry_run",
                                                     "patch_task_instance_dry_run_by_map_index",
                                                     "patch_task_group_instances_dry_run", "ext_simulate"));
}

// The log of denials has a thread of its own; it has written all when it is gone.
class DenialTest : public ::testing::Test {
 protected:
  static TrailEntry Denied(const std::string& who, const std::string& path = "/api/v2/config", int status = 403) {
    TrailEntry entry;
    entry.kind = TrailKind::kDenied;
    entry.who = who;
    entry.path = path;
    entry.outcome = TrailOutcome{};
    entry.outcome->status = status;
    return entry;
  }
  std::int64_t Times() {
    std::int64_t all = 0;
    for (const TrailEntry& entry : trail_.entries()) all += entry.times;
    return all;
  }
  testing::MemoryTrail trail_;
  ManualClock clock_{*ParseInstant("2026-02-01T12:00:00Z")};
};

TEST_F(DenialTest, AlikeOnesAreOneEntryWithTheirNumber) {
  {
    DenialLog log(trail_, clock_);
    for (int i = 0; i < 1000; ++i) log.Add(Denied("vera"));
  }
  EXPECT_LE(trail_.entries().size(), 10U);  // as often as it wrote meanwhile
  EXPECT_EQ(Times(), 1000);
}

TEST_F(DenialTest, AFloodOfDifferentOnesIsCountedAndBounded) {
  {
    DenialLog log(trail_, clock_);
    for (int i = 0; i < 5000; ++i) log.Add(Denied("vera", "/" + std::to_string(i)));
  }
  EXPECT_LE(trail_.entries().size(), static_cast<std::size_t>(DenialLog::kBurst) + 2);
  EXPECT_EQ(Times(), 5000);
}

// 5,000 different ones from one place, and one attempt of another kind, user or place among them.
TEST_F(DenialTest, AFloodHidesNoOther) {
  const auto probe = [](const std::string& who, const std::string& operation, const std::string& address) {
    TrailEntry entry = Denied(who, "/probe");
    entry.operation = operation;
    entry.address = address;
    return entry;
  };
  {
    DenialLog log(trail_, clock_);
    for (int i = 0; i < 5000; ++i) {
      TrailEntry flood = probe("", "get_dag", "203.0.113.9");
      flood.path = "/" + std::to_string(i);
      log.Add(std::move(flood));
      if (i == 1000) log.Add(probe("vera", "get_dag", "203.0.113.10"));
      if (i == 2000) log.Add(probe("", "get_config", "203.0.113.9"));
      if (i == 3000) log.Add(probe("", "get_dag", "198.51.100.1"));
    }
  }
  std::vector<std::string> probes;
  for (const TrailEntry& entry : trail_.entries()) {
    if (entry.path == "/probe") probes.push_back(entry.who + " " + entry.operation + " " + entry.address);
  }
  EXPECT_THAT(probes, ::testing::UnorderedElementsAre("vera get_dag 203.0.113.10", " get_config 203.0.113.9",
                                                      " get_dag 198.51.100.1"));
  EXPECT_EQ(Times(), 5003);
  EXPECT_LE(trail_.entries().size(), static_cast<std::size_t>(DenialLog::kBurst) + 6);
}

TEST_F(DenialTest, AThousandNamesThatAreOnlyClaimedAreNoThousandUsers) {
  {
    DenialLog log(trail_, clock_);
    for (int i = 0; i < 5000; ++i) {
      TrailEntry guess = Denied("n" + std::to_string(i));
      guess.via = "password";
      log.Add(std::move(guess));
    }
  }
  EXPECT_LE(trail_.entries().size(), static_cast<std::size_t>(DenialLog::kBurst) + 2);
}

TEST(FirstSightsTest, EachKindIsNewOnceInEachTime) {
  FirstSights sights(Seconds(10), 100, 100);
  EXPECT_TRUE(sights.IsNew("a", "x", Seconds(1)));
  EXPECT_FALSE(sights.IsNew("a", "x", Seconds(10)));
  EXPECT_TRUE(sights.IsNew("b", "x", Seconds(10)));
  EXPECT_TRUE(sights.IsNew("a", "y", Seconds(10)));
  EXPECT_TRUE(sights.IsNew("a", "x", Seconds(11)));
}

TEST(FirstSightsTest, NeitherOneNorAllTakeMoreRoomThanThereIs) {
  FirstSights sights(Seconds(10), 3, 2);
  EXPECT_TRUE(sights.IsNew("a", "1", Seconds(1)));
  EXPECT_TRUE(sights.IsNew("a", "2", Seconds(1)));
  EXPECT_FALSE(sights.IsNew("a", "3", Seconds(1))) << "one source has two";
  EXPECT_TRUE(sights.IsNew("b", "1", Seconds(1)));
  EXPECT_FALSE(sights.IsNew("c", "1", Seconds(1))) << "all have three";
  EXPECT_TRUE(sights.IsNew("c", "1", Seconds(11))) << "what is old makes room";
  EXPECT_TRUE(sights.IsNew("a", "3", Seconds(11)));
}

TEST_F(DenialTest, WhatCannotBeWrittenStopsNobody) {
  trail_.broken = Error{ErrorCode::kUnavailable, "the database is away", ""};
  DenialLog log(trail_, clock_);
  for (int i = 0; i < 5000; ++i) log.Add(Denied("vera", "/" + std::to_string(i)));
  SUCCEED();
}

TEST(DeniedRequestTest, EveryRefusalIsThereWithItsReason) {
  testing::FakeCatalog catalog;
  ManualClock clock(*ParseInstant("2026-02-01T12:00:00Z"));
  catalog.AddUser("vera", "viewer", "viewer-token");
  catalog.users[0].password_hash = *secrets::HashPassword("right");
  ApiOptions options;
  options.clock = &clock;
  {
    Service service(catalog, options);
    const auto send = [&](const std::string& method, const std::string& target, const std::string& token,
                          const std::string& body = "") {
      Request request;
      request.method = method;
      request.path = ParseTarget(target)->path;
      request.segments = ParseTarget(target)->segments;
      request.remote = "10.1.2.3";
      request.id = "req-1";
      request.body = body;
      request.headers = {{"user-agent", "curl"}};
      if (!token.empty()) request.headers.emplace_back("authorization", "Bearer " + token);
      return Dispatch(service, request).status;
    };
    EXPECT_EQ(send("GET", "/api/v2/dags", ""), 401);
    EXPECT_EQ(send("GET", "/api/v2/dags", "Zq7xW4mK"), 403);
    EXPECT_EQ(send("DELETE", "/api/v2/pools/etl", "viewer-token"), 403);
    EXPECT_EQ(send("POST", "/auth/token", "", R"({"username": "vera", "password": "Zq7xW4mK"})"), 401);
    EXPECT_EQ(send("POST", "/auth/token", "", R"({"username": "vera", "password": "right"})"), 201);
  }
  std::vector<std::string> lines;
  for (const TrailEntry& entry : catalog.memory_trail.entries()) {
    lines.push_back(fmt::format("{} {} {} {} {}", ToString(entry.kind), entry.who, entry.operation, entry.entity,
                                entry.outcome->status));
    EXPECT_EQ(entry.address, "10.1.2.3");
    EXPECT_EQ(entry.request_id, "req-1");
    EXPECT_EQ(entry.agent, "curl");
    EXPECT_THAT(entry.outcome->reason + entry.path, Not(HasSubstr("Zq7xW4mK")));
  }
  EXPECT_THAT(lines, ::testing::UnorderedElementsAre(
                         "denied  get_dags  401", "denied  get_dags  403", "denied vera delete_pool etl 403",
                         "denied vera create_token vera 401", "log_in vera create_token vera 201"));
}

TEST_F(TrailTest, IsReadByAdminsPageByPage) {
  const auto* const body = R"({"pool": "etl", "slots": 7, "include_deferred": false})";
  for (int i = 0; i < 3; ++i) Send("PATCH", "/api/v2/pools/etl", body);
  EXPECT_EQ(Send("GET", "/api/ext/v1/audit", "", "op-token").status, 403);
  const Response first = Get("/api/ext/v1/audit?limit=2&operation=patch_pool");
  EXPECT_EQ(Field(first, "audit.0.operation"), "\"patch_pool\"");
  EXPECT_EQ(Field(first, "audit.0.status"), "200");
  EXPECT_EQ(Field(first, "audit.2.id"), "absent");
  const Response second = Get("/api/ext/v1/audit?limit=2&operation=patch_pool&before_id=" + Field(first, "next"));
  EXPECT_NE(Field(second, "audit.0.id"), "absent");
  EXPECT_EQ(Field(second, "audit.1.id"), "absent");
  EXPECT_EQ(Field(second, "next"), "null");
}

TEST_F(TrailTest, IsNarrowed) {
  const auto* const body = R"({"pool": "etl", "slots": 7, "include_deferred": false})";
  Send("PATCH", "/api/v2/pools/etl", body, "op-token");
  Send("DELETE", "/api/v2/pools/none");
  EXPECT_EQ(Field(Get("/api/ext/v1/audit?who=oscar"), "audit.1.id"), "absent");
  EXPECT_EQ(Field(Get("/api/ext/v1/audit?refused=true"), "audit.0.status"), "404");
  EXPECT_EQ(Field(Get("/api/ext/v1/audit?entity=nobody"), "audit.0.id"), "absent");
  EXPECT_EQ(Get("/api/ext/v1/audit?kind=nothing").status, 422);
  EXPECT_EQ(Get("/api/ext/v1/audit?since=yesterday").status, 422);
}

}  // namespace
}  // namespace pipelined::api
