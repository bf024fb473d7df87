// The request that an action becomes; hostile values in every part of it.
#include "worker/http_request.h"

#include <gmock/gmock.h>

#include "pipelined/schema/json.h"

namespace pipelined::worker {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Pair;

HttpRequest Make(const std::string& json) {
  const auto request = MakeRequest(*ParseJson(json));
  EXPECT_TRUE(request.ok()) << json << ": " << request.error().message;
  return request ? *request : HttpRequest();
}
std::string WhyNot(const Value& spec) {
  const auto request = MakeRequest(spec);
  return request ? "made: " + request->url : request.error().message;
}

TEST(HttpRequest, IsAGetUnlessSomethingIsSent) {
  EXPECT_EQ(Make(R"({"url": "http://h/"})").method, "GET");
  EXPECT_EQ(Make(R"({"url": "http://h/", "json": {"a": 1}})").method, "POST");
  EXPECT_EQ(Make(R"({"url": "http://h/", "json": 1, "method": "PUT"})").method, "PUT");
}

TEST(HttpRequest, ParamsAreEncodedIntoTheQuery) {
  EXPECT_EQ(Make(R"({"url": "http://h/a", "params": {"q": "x&y=z", "n": 2, "l": ["a", "b"], "none": null}})").url,
            "http://h/a?q=x%26y%3Dz&n=2&l=a&l=b");
  EXPECT_EQ(Make(R"({"url": "http://h/a?b=1", "params": {"c": "d"}})").url, "http://h/a?b=1&c=d");
}

TEST(HttpRequest, BodiesHaveTheirType) {
  const HttpRequest json = Make(R"({"url": "http://h/", "json": {"a": "\"}, evil: {"}})");
  EXPECT_EQ(json.body, R"({"a":"\"}, evil: {"})");
  EXPECT_THAT(json.headers, Contains(Pair("Content-Type", "application/json")));
  const HttpRequest form = Make(R"({"url": "http://h/", "form": {"a b": "c&d"}})");
  EXPECT_EQ(form.body, "a%20b=c%26d");
  EXPECT_THAT(form.headers, Contains(Pair("Content-Type", "application/x-www-form-urlencoded")));
  const HttpRequest own = Make(R"({"url": "http://h/", "body": "<a/>", "headers": {"content-type": "text/xml"}})");
  EXPECT_EQ(own.headers.size(), 1u);
}

TEST(HttpRequest, AHeaderIsOneLine) {
  for (const char* hostile : {"a\r\nX-Evil: 1", "a\nb", "a\rb", "a\x01", "a\x7f"})
    EXPECT_THAT(WhyNot(Value::Map{{"url", "http://h/"}, {"headers", Value::Map{{"X", hostile}}}}),
                HasSubstr("one line"));
  EXPECT_THAT(WhyNot(Value::Map{{"url", "http://h/"}, {"headers", Value::Map{{"X", std::string("a\0b", 3)}}}}),
              HasSubstr("one line"));
  EXPECT_THAT(WhyNot(Value::Map{{"url", "http://h/"}, {"headers", Value::Map{{"X: a\r\nY", "b"}}}}),
              HasSubstr("one line"));
}

TEST(HttpRequest, GoesToHttpOnly) {
  for (const char* url :
       {"file:///etc/passwd", "ftp://h/", "gopher://h/", "", "/path", "HTTP//h", "http://h/ x", "http://h/\r\nX: y"})
    EXPECT_THAT(WhyNot(Value::Map{{"url", url}}), Not(HasSubstr("made"))) << url;
}

TEST(HttpRequest, AConnectionSaysWhereAndWho) {
  const auto at = [](const std::string& connection, const std::string& url) {
    return Make(R"({"connection": )" + connection + R"(, "url": ")" + url + R"("})");
  };
  EXPECT_EQ(at(R"({"conn_type": "http", "host": "h", "port": 8080})", "/a").url, "http://h:8080/a");
  EXPECT_EQ(at(R"({"conn_type": "http", "host": "h", "schema": "https"})", "a").url, "https://h/a");
  EXPECT_EQ(at(R"({"conn_type": "https", "host": "h"})", "").url, "https://h");
  EXPECT_EQ(at(R"({"conn_type": "http", "host": "https://h/api/"})", "/a").url, "https://h/api/a");
  const HttpRequest request = at(
      R"({"conn_type": "http", "host": "h", "login": "u", "password": "p", "extra": "{\"X-Key\": \"k\", \"timeout\": 3}"})",
      "/a");
  EXPECT_EQ(request.username + ":" + request.password, "u:p");
  EXPECT_THAT(request.headers, testing::ElementsAre(Pair("X-Key", "k")));
}

TEST(HttpRequest, IsShownWithoutItsSecrets) {
  EXPECT_EQ(Make(R"({"url": "http://h/a?x=1", "params": {"api_key": "s3cret", "b": 2}})").shown_url,
            "http://h/a?x=1&api_key=***&b=2");
  EXPECT_EQ(ShowUrl("http://h/?access_token=abc&password="), "http://h/?access_token=***&password=***");
}

}  // namespace
}  // namespace pipelined::worker
