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

TEST(RateLimitTest, FiveFailuresAMinuteAndThenAPause) {
  RateLimit limit;
  for (int i = 0; i < RateLimit::kFailuresPerMinute; ++i) {
    EXPECT_EQ(limit.RetryAfter("admin", Seconds(10 + i)), 0);
    limit.Failed("admin", Seconds(10 + i));
  }
  EXPECT_EQ(limit.RetryAfter("admin", Seconds(20)), 50);
  EXPECT_EQ(limit.RetryAfter("vera", Seconds(20)), 0);
  EXPECT_EQ(limit.RetryAfter("admin", Seconds(70)), 0);
}

TEST(RateLimitTest, AFloodOfNamesIsBounded) {
  RateLimit limit;
  for (std::size_t i = 0; i < RateLimit::kNames; ++i) limit.Failed("n" + std::to_string(i), Seconds(1));
  EXPECT_EQ(limit.RetryAfter("new", Seconds(2)), 60);
  EXPECT_EQ(limit.RetryAfter("new", Seconds(62)), 0);
}

TEST(RateLimitTest, SuccessForgetsTheFailures) {
  RateLimit limit;
  for (int i = 0; i < 4; ++i) limit.Failed("admin", Seconds(1));
  limit.Succeeded("admin");
  limit.Failed("admin", Seconds(2));
  EXPECT_EQ(limit.RetryAfter("admin", Seconds(3)), 0);
}

}  // namespace
}  // namespace pipelined::api
