// Values from anywhere in a URL.
#include <gmock/gmock.h>

#include "pipelined/template/template.h"

namespace pipelined {
namespace {

using ::testing::HasSubstr;

std::string Url(const std::string& text, const std::string& value) {
  RenderOptions options;
  options.quote = Quote::kUrl;
  const auto rendered = Template::Parse(text)->Render(*MakeValueScope(Value::Map{{"x", Value(value)}}, true), options);
  return rendered ? *rendered : "refused: " + rendered.error().message;
}

TEST(UrlTemplate, AValueIsOnePartOfThePathOrTheQuery) {
  EXPECT_EQ(Url("http://h/a/{{ x }}/b", "plain"), "http://h/a/plain/b");
  EXPECT_EQ(Url("http://h/a/{{ x }}", "a/b?c=d&e#f"), "http://h/a/a%2Fb%3Fc%3Dd%26e%23f");
  EXPECT_EQ(Url("http://h/?q={{ x }}&r=1", "a b&c=d"), "http://h/?q=a%20b%26c%3Dd&r=1");
  EXPECT_EQ(Url("/path/{{ x }}", "ä\r\n%"), "/path/%C3%A4%0D%0A%25");
}

TEST(UrlTemplate, AtTheBeginningItMayBeAUrl) {
  EXPECT_EQ(Url("{{ x }}/v1", "http://h:8080"), "http://h:8080/v1");
  EXPECT_THAT(Url("{{ x }}/v1", "http://h\r\nX: y"), HasSubstr("refused"));
}

TEST(UrlTemplate, InTheHostItIsAPartOfAName) {
  EXPECT_EQ(Url("http://{{ x }}.example.org/", "eu-1"), "http://eu-1.example.org/");
  for (const char* hostile : {"evil.org/", "a@evil.org", "evil.org#", "a b", "evil.org?"})
    EXPECT_THAT(Url("http://{{ x }}.example.org/", hostile), HasSubstr("host name")) << hostile;
}

TEST(UrlTemplate, DoesNotClimb) {
  EXPECT_THAT(Url("http://h/a/{{ x }}/b", ".."), HasSubstr("change the way"));
  EXPECT_EQ(Url("http://h/a/{{ x }}", "../b"), "http://h/a/..%2Fb");
  EXPECT_EQ(Url("http://h/?a={{ x }}", ".."), "http://h/?a=..");
}

TEST(UrlTemplate, RawPastesIt) {
  EXPECT_EQ(Url("http://h/{{ x | raw }}", "a/b?c"), "http://h/a/b?c");
}

TEST(UrlTemplate, ANulIsRefused) {
  EXPECT_THAT(Url("http://h/{{ x }}", std::string("a\0b", 3)), HasSubstr("NUL"));
}

}  // namespace
}  // namespace pipelined
