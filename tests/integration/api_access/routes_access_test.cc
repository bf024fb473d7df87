// Who gets which answer from which route: the table in routes.table says it, independently of the router's own.
#include <fmt/format.h>

#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "integration/api_access/access_fixture.h"

namespace pipelined::api {
namespace {

using ::testing::AnyOf;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

// A line of the table.
struct Expected {
  std::string operation, method, target, permission, lowest, where;
  int status = 0;        // for who may
  int other_status = 0;  // for who may for another DAG
  std::string body;
};

std::vector<Expected> ReadTable() {
  std::ifstream file(PIPELINED_SOURCE_DIR "/tests/integration/api_access/routes.table");
  std::vector<Expected> table;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line.front() == '#') continue;
    Expected row;
    std::istringstream words(line);
    words >> row.operation >> row.method >> row.target >> row.permission >> row.lowest >> row.where >> row.status >>
        row.other_status;
    std::getline(words >> std::ws, row.body);
    table.push_back(std::move(row));
  }
  return table;
}

std::vector<std::string> NotInTable(std::span<const Route> routes, const std::vector<Expected>& table) {
  std::set<std::string> known;
  for (const Expected& row : table) known.insert(row.operation);
  std::vector<std::string> missing;
  for (const Route& route : routes) {
    if (!known.contains(std::string(route.operation_id))) missing.emplace_back(route.operation_id);
  }
  return missing;
}

int StatusFor(const Expected& row, const std::string& who) {
  static const std::map<std::string, int> kRank{{"viewer", 0}, {"user", 1}, {"op", 2}, {"admin", 3}, {"service", 1}};
  if (row.where == "public") return row.status;
  if (who.empty()) return 401;
  if (who == "bad" || who == "expired" || who == "revoked") return 403;
  if (row.where == "self") return row.status;
  if (who == "custom") return row.permission == "runs.read" || row.permission == "runs.trigger" ? row.status : 403;
  if (who == "of-other") return row.where == "dags" ? row.other_status : 403;
  return kRank.at(who) >= kRank.at(row.lowest) ? row.status : 403;
}

class RoutesAccessTest : public AccessTest {};

TEST_F(RoutesAccessTest, EveryRouteAnswersEverybodyAsTheTableSays) {
  for (const Expected& row : ReadTable()) {
    for (const char* who :
         {"", "bad", "expired", "revoked", "viewer", "user", "op", "admin", "service", "custom", "of-other"}) {
      const Response response = Send(row.method, row.target, who, row.body);
      EXPECT_EQ(response.status, StatusFor(row, who))
          << row.operation << " as " << (*who == '\0' ? "nobody" : who) << ": " << response.body.substr(0, 200);
    }
  }
}

TEST_F(RoutesAccessTest, TheTableKnowsEveryRouteAndItsExamplesLeadThere) {
  const std::vector<Expected> table = ReadTable();
  EXPECT_THAT(NotInTable(Routes(), table), IsEmpty());
  for (const Expected& row : table) {
    const Match match = FindRoute(row.method, ParseTarget(row.target)->segments);
    ASSERT_NE(match.route, nullptr) << row.operation;
    EXPECT_EQ(match.route->operation_id, row.operation);
  }
}

TEST_F(RoutesAccessTest, ARouteThatTheTableDoesNotKnowIsFound) {
  std::vector<Route> routes(Routes().begin(), Routes().end());
  routes.push_back(Route{"GET", "/api/ext/v1/new", "ext_new", Need::Public(), routes[0].handler});
  EXPECT_THAT(NotInTable(routes, ReadTable()), ElementsAre("ext_new"));
}

TEST_F(RoutesAccessTest, TricksWithPathsMethodsAndHeadersGetNobodyPast) {
  for (const char* target :
       {"/api/v2/dags/own/", "//api/v2/dags/own", "/api//v2/dags/own", "/api/v2/dags/own;x=1", "/api/v2/dags/own%20",
        "/api/v2/dags/own.json", "/API/V2/DAGS/own", "/api/v2/dags/%2e%2e/version", "/api/v2/version/../dags/own",
        "/api/v2/monitor/health/../../dags/own", "/api/v2/dags/own%2fdetails", "/api/v2/dags/own%00",
        "/api/v2/dags/own?/api/v2/version", "/api/v2/dags/own#/api/v2/version", "/auth/token/../../api/v2/dags",
        "/api/v2/%64ags/own", "/metrics/", "/metrics"}) {
    EXPECT_THAT(Status("GET", target, ""), AnyOf(400, 401, 404, 405)) << target;
    EXPECT_THAT(Status("HEAD", target, ""), AnyOf(400, 401, 404, 405)) << target;
    EXPECT_THAT(Status("GET", target, "of-other"), AnyOf(400, 403, 404, 405)) << target;
  }
  EXPECT_EQ(Status("HEAD", "/api/v2/dags/own", "viewer"), 200);
  EXPECT_EQ(Status("get", "/api/v2/dags/own", ""), 405);
  for (const char* header : {"x-http-method-override", "x-method-override", "x-http-method"})
    EXPECT_EQ(Send("GET", "/api/v2/dags/own", "viewer", "", {{header, "DELETE"}}).status, 200) << header;
  EXPECT_EQ(Send("GET", "/api/v2/dags/own", "", "", {{"x-forwarded-user", "admin"}}).status, 401);
  EXPECT_EQ(Send("GET", "/api/v2/dags/own", "", "", {{"authorization", "Basic YWRtaW46YWRtaW4="}}).status, 401);
  EXPECT_TRUE(catalog_->Dag("own").ok()) << "nothing was deleted";
}

// What a list holds of a caller who may see one DAG alone.
TEST_F(RoutesAccessTest, ListsShowAndCountOnlyWhatIsTheCallers) {
  const auto total = [&](const std::string& target, const std::string& who) {
    const Value body = Get(target, who);
    return body.Find("total_entries")->integer();
  };
  for (const char* target :
       {"/api/v2/dags", "/api/v2/dags/~/dagRuns", "/api/v2/dags/~/dagVersions", "/api/v2/dagStats"}) {
    EXPECT_EQ(total(target, "viewer"), 2) << target;
    EXPECT_EQ(total(target, "of-other"), 1) << target;
  }
  const std::int64_t tasks = total("/api/v2/dags/~/dagRuns/~/taskInstances", "viewer");
  EXPECT_EQ(total("/api/v2/dags/~/dagRuns/~/taskInstances", "of-other") * 2, tasks);
  EXPECT_EQ(total("/api/v2/dags?limit=0", "of-other"), 1) << "counted in the database, too";
  EXPECT_EQ(total("/api/v2/dags/~/dagRuns?dag_id_pattern=own", "of-other"), 0);
  EXPECT_EQ(total("/api/v2/dagStats?dag_ids=own", "of-other"), 0);
}

TEST_F(RoutesAccessTest, WhatABodyNamesIsCheckedAsWhatAPathNames) {
  const Response listed = Send("POST", "/api/v2/dags/~/dagRuns/list", "of-other", R"({"dag_ids": ["own"]})");
  EXPECT_EQ(ParseJson(listed.body)->Find("total_entries")->integer(), 0);
  EXPECT_EQ(Status("POST", "/api/v2/backfills", "of-other",
                   R"({"dag_id": "own", "from_date": "2026-01-01T00:00:00Z", "to_date": "2026-01-02T00:00:00Z"})"),
            403);
  const Response bulk = Send(
      "PATCH", "/api/v2/dags/~/dagRuns", "of-other",
      R"({"actions": [{"action": "delete", "action_on_non_existence": "skip", "entities": [{"dag_id": "own", "dag_run_id": "r"}]}]})");
  EXPECT_EQ(bulk.status, 200) << bulk.body;
  EXPECT_TRUE(catalog_->Run("own", "r").ok());
  // One permission does not stand for another: runs.edit changes runs, and deletes none.
  EXPECT_TRUE(accounts().PutRole(RoleRow{"editor", "", {"runs.edit"}}, true).ok());
  AddWithRole("ed", "editor");
  const Response deleting =
      Send("PATCH", "/api/v2/dags/own/dagRuns", "ed", R"({"actions": [{"action": "delete", "entities": ["r"]}]})");
  EXPECT_THAT(deleting.body, ::testing::HasSubstr("runs.delete")) << deleting.body;
}

TEST_F(RoutesAccessTest, ATagStandsForTheDagsThatHaveIt) {
  Add("tagger", {GrantRow{0, "tagger", "user", GrantScope::kTag, "nobody has it"}});
  EXPECT_EQ(Status("GET", "/api/v2/dags/own", "tagger"), 403);
  EXPECT_EQ(Status("GET", "/api/v2/dags", "tagger"), 403) << "he may nowhere";
  Add("all-tagged", {GrantRow{0, "all-tagged", "user", GrantScope::kTag, "a tag"}});
  EXPECT_EQ(Status("GET", "/api/v2/dags/own", "all-tagged"), 200);
  EXPECT_EQ(Status("GET", "/api/v2/pools", "all-tagged"), 403);
}

TEST_F(RoutesAccessTest, ATokenOnlyTakesAwayFromItsAccount) {
  Token("user", "narrow", std::nullopt, {{"dags.read", "pools.edit"}}, {{"own"}});
  EXPECT_EQ(Status("GET", "/api/v2/dags/own", "narrow"), 200);
  EXPECT_EQ(Status("GET", "/api/v2/dags/other", "narrow"), 403);
  EXPECT_EQ(Status("GET", "/api/v2/dags/own/dagRuns", "narrow"), 403);
  EXPECT_EQ(Status("POST", "/api/v2/pools", "narrow", R"({"name": "p", "slots": 1})"), 403);
  EXPECT_EQ(Status("POST", "/api/ext/v1/tokens", "narrow", R"({"name": "more"})"), 403) << "it makes no others";
}

}  // namespace
}  // namespace pipelined::api
