// Users, roles, grants and tokens over a real database: nobody gains more than he has, and what is taken away is gone.
#include <fmt/format.h>

#include "integration/api_access/access_fixture.h"

namespace pipelined::api {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const std::string kExt = "/api/ext/v1/";
constexpr const char* kPassword = "gravel-orbit-77";

class AccountsTest : public AccessTest {
 protected:
  Response Post(const std::string& path, const std::string& body, const std::string& who = "admin") {
    return Send("POST", kExt + path, who, body);
  }
  static std::string Text(const Response& response, std::string_view key) {
    const Result<Value> body = ParseJson(response.body);
    const Value* value = body.ok() ? body->Find(key) : nullptr;
    return value != nullptr && value->is_string() ? value->string() : "";
  }
  Response LogIn(const std::string& name, const std::string& password) {
    return Send("POST", "/auth/token", "", fmt::format(R"({{"username": "{}", "password": "{}"}})", name, password));
  }
  // The number of a grant of `account`.
  std::int64_t GrantOf(const std::string& account) { return accounts().Find(account)->grants.at(0).id; }
};

TEST_F(AccountsTest, AUserIsMadeLogsInAndIsGone) {
  const Response made =
      Post("users", fmt::format(R"({{"name": "ann", "password": "{}", "roles": ["user"]}})", kPassword));
  ASSERT_EQ(made.status, 201) << made.body;
  EXPECT_THAT(made.body, Not(HasSubstr(kPassword)));
  EXPECT_EQ(Post("users", fmt::format(R"({{"name": "ann", "password": "{}"}})", kPassword)).status, 409);
  const std::string token = Text(LogIn("ann", kPassword), "access_token");
  EXPECT_EQ(Status("GET", "/api/v2/dags/own", token), 200);
  EXPECT_EQ(Status("DELETE", kExt + "users/ann", "admin"), 204);
  EXPECT_EQ(Status("GET", "/api/v2/dags/own", token), 403);
  EXPECT_EQ(LogIn("ann", kPassword).status, 401);
}

// Operation, before and after of what was done last.
TEST_F(AccountsTest, TheTrailSaysHowAccountsRolesGrantsAndTokensWereAndAre) {
  const auto told = [&] {
    const auto entries = catalog_->trail().List({}, 1);
    EXPECT_TRUE(entries.ok() && !entries->empty());
    const TrailEntry& entry = entries->front();
    return fmt::format("{} {} -> {}", entry.operation, ToJson(entry.outcome->before), ToJson(entry.outcome->after));
  };
  std::string all;
  const auto expect = [&](const Response& answer, const std::vector<std::string>& parts) {
    EXPECT_LT(answer.status, 300) << answer.body;
    const std::string text = told();
    all += text;
    for (const std::string& part : parts) EXPECT_THAT(text, HasSubstr(part));
  };
  expect(Post("users", fmt::format(R"({{"name": "ann", "password": "{}", "roles": ["user"]}})", kPassword)),
         {"ext_post_user null -> {\"name\":\"ann\"", "\"role\":\"user\""});
  expect(Send("PATCH", kExt + "users/ann", "admin", R"({"disabled": true})"),
         {"ext_patch_user {\"name\":\"ann\",\"kind\":\"user\",\"disabled\":false",
          "-> {\"name\":\"ann\",\"kind\":\"user\",\"disabled\":true"});
  const std::string hash = (*catalog_->FindUser("ann"))->password_hash;
  expect(Post("roles", R"({"name": "peek", "permissions": ["runs.read"]})"),
         {"ext_post_role null -> {\"name\":\"peek\"", "[\"runs.read\"]"});
  expect(Send("PATCH", kExt + "roles/peek", "admin", R"({"permissions": ["dags.read"]})"),
         {"[\"runs.read\"]} -> {", "[\"dags.read\"]}"});
  expect(Post("grants", R"({"account": "ann", "role": "peek", "dag_id": "own"})"),
         {"ext_post_grant null -> {", "\"role\":\"peek\",\"dag_id\":\"own\""});
  const std::int64_t grant = accounts().Find("ann")->grants.back().id;
  expect(Send("DELETE", kExt + fmt::format("grants/{}", grant), "admin"),
         {"ext_delete_grant {", "\"account\":\"ann\",\"role\":\"peek\"", "-> null"});
  const Response token = Post("tokens", R"({"name": "laptop"})");
  expect(token, {"ext_post_token null -> {", "\"name\":\"laptop\""});
  expect(Send("DELETE", kExt + fmt::format("tokens/{}", ParseJson(token.body)->Find("token_id")->integer()), "admin"),
         {"ext_delete_token {", "\"name\":\"laptop\"", "-> null"});
  expect(Send("DELETE", kExt + "roles/peek", "admin"), {"ext_delete_role {\"name\":\"peek\"", "-> null"});
  expect(Send("DELETE", kExt + "users/ann", "admin"), {"ext_delete_user {\"name\":\"ann\"", "-> null"});
  for (const std::string& secret : {std::string(kPassword), hash, Text(token, "token")}) {
    ASSERT_FALSE(secret.empty());
    EXPECT_THAT(all, Not(HasSubstr(secret)));
  }
}

TEST_F(AccountsTest, BadNamesAndPasswordsAreRefusedAndNotRepeated) {
  for (const char* password : {"Tiny7", "Password1234", "ann-ann-ann"}) {
    const Response refused = Post("users", fmt::format(R"({{"name": "ann", "password": "{}"}})", password));
    EXPECT_EQ(refused.status, 422) << password;
    EXPECT_THAT(refused.body, Not(HasSubstr(password)));
  }
  for (const char* name : {"", "..", "a b", "a/b", "~"})
    EXPECT_EQ(Post("service-accounts", fmt::format(R"({{"name": "{}"}})", name)).status, 422) << name;
  EXPECT_EQ(Post("service-accounts", R"({"name": "ci", "roles": ["boss"]})").status, 400);
}

TEST_F(AccountsTest, ANewPasswordEndsTheLogIns) {
  Post("users", fmt::format(R"({{"name": "ann", "password": "{}", "roles": ["viewer"]}})", kPassword));
  const std::string login = Text(LogIn("ann", kPassword), "access_token");
  const std::string made = Text(Post("tokens", R"({"name": "laptop"})", login), "token");
  EXPECT_EQ(Post("me/password", R"({"current_password": "wrong", "new_password": "another-orbit-5"})", login).status,
            401);
  EXPECT_EQ(Post("me/password",
                 fmt::format(R"({{"current_password": "{}", "new_password": "another-orbit-5"}})", kPassword), login)
                .status,
            204);
  EXPECT_EQ(Status("GET", kExt + "me", login), 403) << "its log-in is over";
  EXPECT_EQ(Status("GET", kExt + "me", made), 200) << "a token of its own is not";
  EXPECT_EQ(Status("GET", kExt + "sessions", made), 200);
  const std::string narrow = Text(Post("tokens", R"({"name": "ci", "permissions": ["runs.read"]})", made), "token");
  EXPECT_EQ(Status("GET", kExt + "sessions", narrow), 403);
  EXPECT_EQ(Status("DELETE", kExt + "sessions", narrow), 403);
  EXPECT_EQ(LogIn("ann", kPassword).status, 401);
  EXPECT_EQ(LogIn("ann", "another-orbit-5").status, 201);
}

TEST_F(AccountsTest, LoggingOutEndsTheToken) {
  Post("users", fmt::format(R"({{"name": "ann", "password": "{}", "roles": ["viewer"]}})", kPassword));
  const std::string login = Text(LogIn("ann", kPassword), "access_token");
  EXPECT_EQ(Status("GET", "/api/v2/auth/logout", login), 307);
  EXPECT_EQ(Status("GET", kExt + "me", login), 403);
}

TEST_F(AccountsTest, WhoIsDisabledIsRefusedAtOnceAndLetInAgain) {
  EXPECT_EQ(Status("PATCH", kExt + "service-accounts/service", "admin", R"({"disabled": true})"), 200);
  EXPECT_EQ(Status("GET", "/api/v2/dags", "service"), 403);
  EXPECT_EQ(Status("PATCH", kExt + "service-accounts/service", "admin", R"({"disabled": false})"), 200);
  EXPECT_EQ(Status("GET", "/api/v2/dags", "service"), 200);
  EXPECT_EQ(Status("PATCH", kExt + "users/service", "admin", R"({"disabled": true})"), 404) << "it is no user";
}

TEST_F(AccountsTest, TheLastAdminStays) {
  EXPECT_EQ(Status("DELETE", kExt + "users/admin", "admin"), 409);
  EXPECT_EQ(Status("PATCH", kExt + "users/admin", "admin", R"({"disabled": true})"), 409);
  const std::string grant = fmt::format("{}grants/{}", kExt, GrantOf("admin"));
  EXPECT_EQ(Status("DELETE", grant, "admin"), 409);
  EXPECT_EQ(Post("grants", R"({"account": "service", "role": "admin"})").status, 201);
  EXPECT_EQ(Status("DELETE", grant, "admin"), 409) << "a service account lets nobody in";
  EXPECT_EQ(Post("grants", R"({"account": "op", "role": "admin"})").status, 201);
  EXPECT_EQ(Status("DELETE", grant, "admin"), 204) << "there is another one";
  EXPECT_EQ(Status("GET", kExt + "users", "admin"), 403);
  EXPECT_EQ(Status("DELETE", kExt + "users/op", "op"), 409);
}

TEST_F(AccountsTest, NobodyGivesMoreThanHeHas) {
  EXPECT_TRUE(accounts()
                  .PutRole(RoleRow{"registrar", "", {"users.read", "users.edit", "roles.edit", "tokens.edit"}}, true)
                  .ok());
  Add("reg", {GrantRow{0, "reg", "registrar", GrantScope::kAll, ""}, GrantRow{0, "reg", "user", GrantScope::kAll, ""}});
  EXPECT_EQ(Post("grants", R"({"account": "viewer", "role": "user"})", "reg").status, 201);
  EXPECT_EQ(Post("grants", R"({"account": "reg", "role": "admin"})", "reg").status, 403);
  EXPECT_EQ(Post("grants", R"({"account": "reg", "role": "op", "dag_id": "own"})", "reg").status, 403);
  EXPECT_EQ(Post("service-accounts", R"({"name": "x", "roles": ["admin"]})", "reg").status, 403);
  EXPECT_EQ(Post("roles", R"({"name": "r", "permissions": ["audit.read"]})", "reg").status, 403);
  EXPECT_EQ(Post("roles", R"({"name": "r", "permissions": ["runs.read"]})", "reg").status, 201);
  EXPECT_EQ(Post("roles", R"({"name": "auditor", "permissions": ["audit.read"]})").status, 201);
  EXPECT_EQ(Status("PATCH", kExt + "roles/auditor", "reg", R"({"permissions": []})"), 403)
      << "nor takes away what he has not";
  EXPECT_EQ(Status("DELETE", kExt + "roles/auditor", "reg"), 403);
  EXPECT_EQ(Status("DELETE", kExt + "roles/r", "reg"), 204);
  // Somebody else's password or token is all that he may do.
  EXPECT_EQ(Status("PATCH", kExt + "users/admin", "reg", fmt::format(R"({{"password": "{}"}})", kPassword)), 403);
  EXPECT_EQ(Post("tokens", R"({"name": "t", "account": "admin"})", "reg").status, 403);
  EXPECT_EQ(Status("DELETE", kExt + "users/op", "reg"), 403);
  EXPECT_EQ(Post("tokens", R"({"name": "t", "account": "service"})", "reg").status, 201);
}

// Nobody gives, takes or borrows what he has not, also where a tag stands for no DAG yet.
TEST_F(AccountsTest, ATagCountsBeforeAnyDagHasIt) {
  EXPECT_TRUE(accounts().PutRole(RoleRow{"registrar", "", {"users.edit", "users.read", "tokens.edit"}}, true).ok());
  AddWithRole("reg", "registrar");
  Add("tagged", {GrantRow{0, "tagged", "user", GrantScope::kTag, "nobody-has-it"}});
  const std::string password = fmt::format(R"({{"password": "{}"}})", kPassword);
  EXPECT_EQ(Status("PATCH", kExt + "users/tagged", "reg", password), 403);
  EXPECT_EQ(Post("tokens", R"({"name": "t", "account": "tagged"})", "reg").status, 403);
  EXPECT_EQ(Status("DELETE", kExt + "users/tagged", "reg"), 403);
  EXPECT_EQ(Post("grants", R"({"account": "reg", "role": "user", "tag": "nobody-has-it"})", "reg").status, 403);
  Add("peer", {GrantRow{0, "peer", "registrar", GrantScope::kAll, ""},
               GrantRow{0, "peer", "user", GrantScope::kTag, "nobody-has-it"}});
  EXPECT_EQ(Status("PATCH", kExt + "users/tagged", "peer", password), 200) << "who has the same grant";
  EXPECT_EQ(Post("grants", R"({"account": "reg", "role": "user", "tag": "other-tag"})", "peer").status, 403);
}

TEST_F(AccountsTest, WhatEndsLeavesNothingThatDoesNot) {
  Post("users", fmt::format(R"({{"name": "ann", "password": "{}", "roles": ["viewer"]}})", kPassword));
  const std::string login = Text(LogIn("ann", kPassword), "access_token");
  EXPECT_EQ(Post("tokens", R"({"name": "t", "expires_at": null})", login).status, 403);
  EXPECT_EQ(Post("tokens", R"({"name": "t", "expires_at": "2999-01-01T00:00:00Z"})", login).status, 403);
  const std::string laptop = Text(Post("tokens", R"({"name": "t"})", login), "token");
  EXPECT_EQ(Post("tokens", R"({"name": "t", "expires_at": null})", laptop).status, 403) << "nor by a detour";
  EXPECT_EQ(Post("tokens", R"({"name": "t", "expires_at": null})", "viewer").status, 201);
  const Response of_local = Post("tokens", R"({"name": "t", "account": "ann", "expires_at": null})", "local-token");
  EXPECT_EQ(of_local.status, 201);
}

TEST_F(AccountsTest, NamesDifferInMoreThanCapitals) {
  EXPECT_EQ(Post("service-accounts", R"({"name": "Admin"})").status, 409);
  EXPECT_EQ(Post("service-accounts", R"({"name": "Deploy"})").status, 201);
  EXPECT_EQ(Post("service-accounts", R"({"name": "deploy"})").status, 409);
}

TEST_F(AccountsTest, AGrantOfARoleThatIsGoneIsNone) {
  EXPECT_EQ(Status("DELETE", kExt + "roles/starter", "admin"), 204);
  const Result<GrantRow> late = accounts().AddGrant(GrantRow{0, "viewer", "starter", GrantScope::kAll, ""});
  ASSERT_FALSE(late.ok());
  EXPECT_EQ(late.error().code, ErrorCode::kInvalid);
  EXPECT_TRUE(accounts().PutRole(RoleRow{"starter", "", {"pools.read"}}, true).ok());
  EXPECT_EQ(Status("GET", "/api/v2/pools", "custom"), 403) << "the grant of before went with the role";
}

TEST_F(AccountsTest, ATokenIsShownOnceAndRevokedAtOnce) {
  const Response made = Post("tokens", R"({"name": "ci", "permissions": ["runs.read"], "dag_ids": ["own"]})", "user");
  ASSERT_EQ(made.status, 201) << made.body;
  const std::string token = Text(made, "token");
  EXPECT_EQ(Status("GET", "/api/v2/dags/own/dagRuns", token), 200);
  EXPECT_EQ(Status("GET", "/api/v2/dags/other/dagRuns", token), 403);
  const Response listed = Send("GET", kExt + "tokens", "user");
  EXPECT_THAT(listed.body, HasSubstr("\"ci\""));
  EXPECT_THAT(listed.body, Not(HasSubstr(token)));
  EXPECT_EQ(Status("GET", kExt + "tokens?account=admin", "user"), 403);
  const std::int64_t id = ParseJson(made.body)->Find("token_id")->integer();
  EXPECT_EQ(Status("DELETE", fmt::format("{}tokens/{}", kExt, id), "viewer"), 403);
  EXPECT_EQ(Status("DELETE", fmt::format("{}tokens/{}", kExt, id), "user"), 204);
  EXPECT_EQ(Status("GET", "/api/v2/dags/own/dagRuns", token), 403);
  EXPECT_EQ(Post("tokens", R"({"name": "ci", "expires_at": "2020-01-01T00:00:00Z"})", "user").status, 422);
  EXPECT_EQ(Post("tokens", R"({"name": "ci", "permissions": ["everything"]})", "user").status, 422);
}

TEST_F(AccountsTest, ARoleChangesForAllWhoHaveIt) {
  EXPECT_EQ(Status("GET", "/api/v2/pools", "custom"), 403);
  EXPECT_EQ(Status("PATCH", kExt + "roles/starter", "admin", R"({"permissions": ["pools.read"]})"), 200);
  EXPECT_EQ(Status("GET", "/api/v2/pools", "custom"), 200);
  EXPECT_EQ(Status("GET", "/api/v2/dags/own/dagRuns", "custom"), 403);
  EXPECT_EQ(Status("DELETE", kExt + "roles/starter", "admin"), 204);
  EXPECT_EQ(Status("GET", "/api/v2/pools", "custom"), 403);
  EXPECT_EQ(Status("DELETE", kExt + "roles/admin", "admin"), 409) << "built in";
}

TEST_F(AccountsTest, MeSaysWhatOneMayDoAndWhere) {
  const Value me = Get(kExt + "me", "of-other");
  EXPECT_EQ(me.Find("name")->string(), "of-other");
  const Value& first = me.Find("permissions")->list().at(0);
  EXPECT_EQ(first.Find("permission")->string(), "dags.read");
  EXPECT_EQ(*first.Find("dag_ids"), Value(Value::List{"other"}));
  EXPECT_EQ(*Get(kExt + "me", "admin").Find("permissions")->list().at(0).Find("dag_ids"), Value());
}

}  // namespace
}  // namespace pipelined::api
