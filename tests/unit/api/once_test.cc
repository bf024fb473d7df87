// Requests that name an Idempotency-Key.
#include "unit/api/api_test.h"

namespace pipelined::api {
namespace {

class OnceTest : public ApiTest {
 protected:
  OnceTest() { catalog_.AddDag("d"); }
  Response Trigger(const std::string& key, const std::string& body = R"({"logical_date": null})",
                   const std::string& token = "admin-token", const std::string& dag = "d") {
    Request request;
    request.method = "POST";
    request.path = "/api/v2/dags/" + dag + "/dagRuns";
    request.segments = ParseTarget(request.path)->segments;
    request.body = body;
    request.remote = "127.0.0.1";
    request.headers = {{"authorization", "Bearer " + token}, {"idempotency-key", key}};
    return Dispatch(service_, request);
  }
};

TEST_F(OnceTest, TheSameRequestIsCarriedOutOnceAndAnsweredAlike) {
  const Response first = Trigger("a");
  clock_.Advance(Seconds(10));
  const Response second = Trigger("a");
  EXPECT_EQ(first.status, 200) << first.body;
  EXPECT_EQ(second.status, 200);
  EXPECT_EQ(second.body, first.body);
  EXPECT_EQ(catalog_.triggers.size(), 1U);
  EXPECT_EQ(Find(first.headers, "Idempotent-Replayed"), nullptr);
  EXPECT_NE(Find(second.headers, "Idempotent-Replayed"), nullptr);
}

TEST_F(OnceTest, AnotherKeyIsAnotherRequest) {
  Trigger("a");
  clock_.Advance(Seconds(10));
  EXPECT_EQ(Trigger("b").status, 200);
  EXPECT_EQ(catalog_.triggers.size(), 2U);
}

TEST_F(OnceTest, TheSameKeyForAnotherRequestIsRefused) {
  catalog_.AddDag("e");
  Trigger("a");
  const Response other_body = Trigger("a", R"({"logical_date": null, "note": "n"})");
  EXPECT_EQ(other_body.status, 422);
  EXPECT_EQ(Field(other_body, "detail"), "\"another request: a new key\"");
  EXPECT_EQ(Trigger("a", R"({"logical_date": null})", "admin-token", "e").status, 422);
  EXPECT_EQ(catalog_.triggers.size(), 1U);
}

TEST_F(OnceTest, KeysAreOfTheirUser) {
  Trigger("a");
  clock_.Advance(Seconds(10));
  EXPECT_EQ(Trigger("a", R"({"logical_date": null})", "user-token").status, 200);
  EXPECT_EQ(catalog_.triggers.size(), 2U);
}

TEST_F(OnceTest, WhoIsMadeAnewWithTheSameNameIsAnother) {
  Trigger("a");
  clock_.Advance(Seconds(10));
  for (UserRow& user : catalog_.users) user.id += user.name == "admin" ? 100 : 0;
  EXPECT_EQ(Trigger("a").status, 200);
  EXPECT_EQ(catalog_.triggers.size(), 2U);
}

TEST_F(OnceTest, NothingIsKeptOfWhatFails) {
  EXPECT_EQ(Trigger("a", R"({"logical_date": null})", "admin-token", "later").status, 404);
  catalog_.AddDag("later");
  EXPECT_EQ(Trigger("a", R"({"logical_date": null})", "admin-token", "later").status, 200);
}

TEST_F(OnceTest, QuotesOfAStructuredFieldDoNotCount) {
  const Response first = Trigger("\"key\"");
  EXPECT_EQ(Trigger("key").body, first.body);
}

TEST_F(OnceTest, AKeyThatIsNoneIsRefused) {
  for (const std::string& key : {std::string(), std::string("\"\""), std::string("a b"), std::string(256, 'x')})
    EXPECT_EQ(Trigger(key).status, 400) << key;
  EXPECT_TRUE(catalog_.triggers.empty());
}

}  // namespace
}  // namespace pipelined::api
