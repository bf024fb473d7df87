#include "api/http/cors.h"

#include "unit/api/api_test.h"

namespace pipelined::api {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Key;
using ::testing::Not;
using ::testing::Pair;

Pairs Allowed(const std::string& origins, const std::string& origin, const std::string& method = "GET") {
  Request request;
  request.method = method;
  if (!origin.empty()) request.headers.emplace_back("origin", origin);
  Response response = method == "OPTIONS" ? Options({"GET", "POST"}) : Json(200, Value());
  AllowOrigin(SplitOrigins(origins), request, response);
  return response.headers;
}

TEST(Cors, OriginsAreSplitAtBlanksAndCommas) {
  EXPECT_THAT(SplitOrigins(" https://a  https://b,https://c "), ElementsAre("https://a", "https://b", "https://c"));
}

TEST(Cors, AnOriginIsWhatABrowserSends) {
  for (const char* origin : {"*", "https://a.example.com", "http://localhost:3000", "http://[::1]:80"})
    EXPECT_TRUE(IsOrigin(origin)) << origin;
  for (const char* origin : {"", "a.example.com", "https://", "https://a/", "https://A", "https://a/b", "null", "://a"})
    EXPECT_FALSE(IsOrigin(origin)) << origin;
}

TEST(Cors, OnlyThePagesThatAreSetMayRead) {
  EXPECT_THAT(Allowed("", "https://a"), IsEmpty());
  EXPECT_THAT(Allowed("https://a https://b", "https://b"), Contains(Pair("Access-Control-Allow-Origin", "https://b")));
  for (const char* origin : {"https://c", "https://a.evil", "null", "HTTPS://A", ""})
    EXPECT_THAT(Allowed("https://a", origin), ElementsAre(Pair("Vary", "Origin"))) << origin;
  EXPECT_THAT(Allowed("*", "https://c"), Contains(Pair("Access-Control-Allow-Origin", "*")));
}

TEST(Cors, ABrowsersQuestionIsAnsweredWithMethodsAndHeaders) {
  const Pairs headers = Allowed("https://a", "https://a", "OPTIONS");
  EXPECT_THAT(headers, Contains(Pair("Access-Control-Allow-Methods", "GET, HEAD, POST, OPTIONS")));
  EXPECT_THAT(headers, Contains(Key("Access-Control-Allow-Headers")));
  EXPECT_THAT(Allowed("https://a", "https://b", "OPTIONS"), Not(Contains(Key("Access-Control-Allow-Methods"))));
}

using OptionsTest = ApiTest;

TEST_F(OptionsTest, OptionsTellsTheMethodsOfAPathWithoutAToken) {
  const Response response = Send("OPTIONS", "/api/v2/dags/x", "", "");
  EXPECT_EQ(response.status, 204);
  EXPECT_THAT(response.headers, Contains(Pair("Allow", "GET, HEAD, PATCH, DELETE, OPTIONS")));
  EXPECT_EQ(Send("OPTIONS", "/nowhere", "", "").status, 404);
  EXPECT_EQ(*Find(Send("BREW", "/api/v2/dags/x").headers, "Allow"), *Find(response.headers, "Allow"));
}

}  // namespace
}  // namespace pipelined::api
