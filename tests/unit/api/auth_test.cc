#include "pipelined/secrets/password.h"
#include "unit/api/api_test.h"

namespace pipelined::api {
namespace {

class TokenTest : public ApiTest {
 protected:
  TokenTest() {
    for (UserRow& user : catalog_.users) {
      if (user.name == "admin") user.password_hash = *secrets::HashPassword("right");
    }
  }
  Response LogIn(const std::string& body) { return Send("POST", "/auth/token", body, ""); }
};

TEST_F(TokenTest, TheRightPasswordGivesATokenThatWorks) {
  const Response response = LogIn(R"({"username": "admin", "password": "right"})");
  ASSERT_EQ(response.status, 201);
  const std::string token = BodyOf(response).Find("access_token")->string();
  EXPECT_EQ(Send("GET", "/api/v2/dags", "", token).status, 200);
}

TEST_F(TokenTest, AWrongPasswordAndAnUnknownNameLookTheSame) {
  const Response wrong = LogIn(R"({"username": "admin", "password": "wrong"})");
  const Response nobody = LogIn(R"({"username": "nobody", "password": "wrong"})");
  EXPECT_EQ(wrong.status, 401);
  EXPECT_EQ(nobody.status, 401);
  EXPECT_EQ(wrong.body, nobody.body);
}

TEST_F(TokenTest, AMissingFieldOrNoJsonIs422) {
  EXPECT_EQ(LogIn(R"({"username": "admin"})").status, 422);
  EXPECT_EQ(LogIn("username=admin").status, 422);
  EXPECT_EQ(LogIn(R"({"username": 1, "password": []})").status, 422);
}

TEST_F(TokenTest, NobodyLogsInWithAPasswordThatWasChangedWhileItWasChecked) {
  catalog_.after_lookup = [](UserRow& user) { user.password_hash = "$argon2id$another"; };
  EXPECT_EQ(LogIn(R"({"username": "admin", "password": "right"})").status, 401);
  EXPECT_EQ(catalog_.tokens.size(), 4U) << "none but those of the fixture";
}

TEST_F(TokenTest, NobodyLogsInWhoWasDisabledWhileHisPasswordWasChecked) {
  catalog_.after_lookup = [](UserRow& user) { user.disabled = true; };
  EXPECT_EQ(LogIn(R"({"username": "admin", "password": "right"})").status, 401);
  EXPECT_EQ(catalog_.tokens.size(), 4U);
}

TEST_F(TokenTest, WrongPasswordsFromElsewhereDoNotLockTheOwnerOut) {
  remote_ = "198.51.100.7";
  for (int i = 0; i < 5; ++i) EXPECT_EQ(LogIn(R"({"username": "admin", "password": "wrong"})").status, 401);
  const Response waits = LogIn(R"({"username": "admin", "password": "right"})");
  EXPECT_EQ(waits.status, 429);
  EXPECT_EQ(*Find(waits.headers, "Retry-After"), "30");
  remote_ = "203.0.113.1";
  EXPECT_EQ(LogIn(R"({"username": "admin", "password": "right"})").status, 201);
}

}  // namespace
}  // namespace pipelined::api
