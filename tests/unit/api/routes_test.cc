// Every route, without a token and with each role: nothing is reachable that should not be.
#include "api/routes.h"

#include "unit/api/api_test.h"

namespace pipelined::api {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// The pattern with something plausible for each variable.
std::string Example(std::string_view pattern) {
  std::string out;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == '{') {
      i = pattern.find('}', i);
      out += "1";
    } else {
      out += pattern[i];
    }
  }
  return out;
}

// The first of the built-in roles that may take it.
access::BuiltIn LowestOf(const Route& route) {
  return route.need.NeedsPermission() ? access::InfoOf(route.need.permission()).lowest : access::BuiltIn::kViewer;
}

class RoutesTest : public ApiTest {};

TEST_F(RoutesTest, WithoutATokenOnlyThePublicOnesAnswer) {
  remote_ = "192.0.2.1";
  for (const Route& route : Routes()) {
    const Response response = Send(std::string(route.method), Example(route.pattern), "{}", "");
    if (route.need.IsPublic()) {
      EXPECT_NE(response.status, 401) << route.pattern;
    } else {
      EXPECT_EQ(response.status, 401) << route.method << " " << route.pattern;
      EXPECT_THAT(response.headers, ::testing::Contains(::testing::Pair("WWW-Authenticate", "Bearer")));
    }
  }
}

TEST_F(RoutesTest, ThePublicOnesAreTheseAlone) {
  std::vector<std::string> open;
  for (const Route& route : Routes()) {
    if (route.need.IsPublic()) open.emplace_back(route.operation_id);
  }
  EXPECT_THAT(open,
              ::testing::UnorderedElementsAre("get_health", "get_version", "create_token", "get_openapi", "get_docs",
                                              "login", "ext_login_page", "ext_login", "ext_logout_page", "ext_logout",
                                              "ext_oidc_login", "ext_oidc_callback"));
}

TEST_F(RoutesTest, AWrongTokenIsForbiddenEverywhere) {
  remote_ = "192.0.2.1";
  for (const Route& route : Routes()) {
    if (route.need.IsPublic()) continue;
    EXPECT_EQ(Send(std::string(route.method), Example(route.pattern), "{}", "nonsense").status, 403) << route.pattern;
  }
}

TEST_F(RoutesTest, AViewerMayReadAllButTheConfigurationVariablesAndConnections) {
  for (const Route& route : Routes()) {
    const bool vault =
        route.pattern.starts_with("/api/v2/variables") || route.pattern.starts_with("/api/v2/connections");
    const bool config = route.pattern.starts_with("/api/v2/config");
    const bool accounts = route.need.NeedsPermission() && LowestOf(route) == access::BuiltIn::kAdmin;
    const access::BuiltIn wanted = vault    ? access::BuiltIn::kOp
                                   : config ? access::BuiltIn::kAdmin
                                            : access::BuiltIn::kViewer;
    if (route.method == "GET" && (config || !accounts)) {
      EXPECT_EQ(LowestOf(route), wanted) << route.pattern;
    }
  }
}

TEST_F(RoutesTest, AViewerChangesNothing) {
  for (const Route& route : Routes()) {
    if (route.need.IsPublic()) continue;
    const Response response = Send(std::string(route.method), Example(route.pattern), "{}", "viewer-token");
    const bool chooses = route.pattern.ends_with("/list") || route.pattern.ends_with("/simulate");    // by a body
    const bool own = route.pattern.ends_with("/favorite") || route.pattern.ends_with("/unfavorite");  // own wishes
    const bool for_others = LowestOf(route) != access::BuiltIn::kViewer;
    if (!route.need.NeedsPermission()) continue;  // about himself
    if ((route.method == "GET" && !for_others) || chooses || own) {
      EXPECT_NE(response.status, 403) << route.pattern;
    } else {
      EXPECT_EQ(response.status, 403) << route.method << " " << route.pattern;
    }
  }
  for (const Command& command : catalog_.commands)
    EXPECT_TRUE(std::holds_alternative<ListQueue>(command.what));  // asks, and changes nothing
  EXPECT_THAT(catalog_.triggers, IsEmpty());
}

TEST_F(RoutesTest, TricksWithThePathReachNoRouteWithoutAToken) {
  remote_ = "192.0.2.1";
  for (const char* target :
       {"/api/v2/dags/x/monitor/health", "/api/v2/dags;/monitor/health", "/API/V2/dags", "/api/v2/dags%20",
        "/api/v2/dags/x.json", "/api/v2/version/dags", "/api/v2/dags/", "//api/v2/dags", "/auth/token/dags", "/metrics",
        "/api/v2/dags?x=/api/v2/monitor/health"}) {
    EXPECT_THAT(Send("GET", target, "", "").status, AnyOf(401, 404, 405)) << target;
  }
}

TEST_F(RoutesTest, UnknownPathsAndWrongMethods) {
  const Response unknown = Get("/api/v2/nope");
  EXPECT_EQ(unknown.status, 404);
  EXPECT_NE(Field(unknown, "error"), "absent");
  const Response wrong = Send("PUT", "/api/v2/dags");
  EXPECT_EQ(wrong.status, 405);
  EXPECT_EQ(Field(wrong, "detail"), "\"Method Not Allowed\"");
  EXPECT_THAT(wrong.headers, ::testing::Contains(::testing::Pair("Allow", "GET, HEAD, PATCH, OPTIONS")));
}

TEST_F(RoutesTest, AnAnswerThatItsClientCannotReadIsNotMade) {
  EXPECT_EQ(Send("GET", "/api/v2/dags/nowhere", "", "admin-token", "text/html").status, 406) << "before the 404";
  EXPECT_EQ(Send("GET", "/api/v2/dags/nowhere", "", "", "text/html").status, 401);
  EXPECT_EQ(Send("GET", "/docs", "", "", "text/html").status, 200) << "no JSON";
}

TEST_F(RoutesTest, TheLogLearnsWhoAsked) {
  EXPECT_EQ(Send("GET", "/api/v2/dags", "", "user-token").user, "uma");
  EXPECT_EQ(Send("GET", "/api/v2/version", "", "user-token").user, "") << "nobody had to say";
}

TEST_F(RoutesTest, TheMoreLiteralPatternWins) {
  const std::vector<std::string> segments{"api", "v2", "dags", "d", "dagRuns", "r", "taskInstances", "t", "tries"};
  EXPECT_EQ(FindRoute("GET", segments).route->operation_id, "get_task_instance_tries");
}

TEST_F(RoutesTest, TheLocalTokenIsTheAdmin) {
  catalog_.AddDag("sales");
  catalog_.leader = [](const Command&) { return CommandDone{}; };
  EXPECT_EQ(Send("DELETE", "/api/v2/dags/sales", "", "local-token").status, 200);
  EXPECT_EQ(catalog_.commands.at(0).who, "admin");
}

TEST_F(RoutesTest, WithoutDatabaseAndWithoutLeaderItIs503) {
  catalog_.AddDag("sales");
  const Response no_leader = Send("PATCH", "/api/v2/dags/sales", R"({"is_paused": true})");
  EXPECT_EQ(no_leader.status, 503);
  EXPECT_THAT(no_leader.headers, ::testing::Contains(::testing::Pair("Retry-After", "1")));
  catalog_.broken = Error{ErrorCode::kUnavailable, "no database", ""};
  EXPECT_EQ(Send("GET", "/api/v2/dags", "", "local-token").status, 503);
  EXPECT_EQ(Send("GET", "/api/v2/dags").status, 503);  // not 403: nobody can tell whose token it is
  const Response health = Get("/api/v2/monitor/health");
  EXPECT_EQ(health.status, 200);
  EXPECT_EQ(Field(health, "metadatabase.status"), "\"unhealthy\"");
}

TEST_F(RoutesTest, HealthIsAskedForTwiceASecondAtMost) {
  const auto scheduler = [&] { return Field(Get("/api/v2/monitor/health"), "scheduler.status"); };
  catalog_.health.scheduler_leading = true;
  EXPECT_EQ(scheduler(), "\"healthy\"");
  catalog_.health.scheduler_leading = false;
  EXPECT_EQ(scheduler(), "\"healthy\"");
  clock_.Advance(Millis(500));
  EXPECT_EQ(scheduler(), "\"unhealthy\"");
}

TEST_F(RoutesTest, ABugTellsTheClientNothing) {
  catalog_.broken = Error{ErrorCode::kBug, "secret detail", ""};
  const Response response = Send("GET", "/api/v2/dags", "", "local-token");
  EXPECT_EQ(response.status, 500);
  EXPECT_THAT(response.body, Not(HasSubstr("secret")));
}

TEST_F(RoutesTest, MetricsAreForThisHostOrForAToken) {
  EXPECT_EQ(Send("GET", "/metrics", "", "").status, 200);
  remote_ = "192.0.2.1";
  EXPECT_EQ(Send("GET", "/metrics", "", "").status, 401);
  EXPECT_EQ(Send("GET", "/metrics", "", "viewer-token").status, 200);
}

TEST_F(RoutesTest, TheDescriptionNamesEveryRoute) {
  const Value document = BodyOf(Get("/openapi.json"));
  for (const Route& route : Routes()) {
    ASSERT_NE(document.Find("paths")->Find(route.pattern), nullptr) << route.pattern;
  }
}

}  // namespace
}  // namespace pipelined::api
