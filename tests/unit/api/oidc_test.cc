// Sign-ins with a provider that is a function: who may make this server ask it, and how often.
#include <fmt/format.h>

#include "api/access/away.h"
#include "pipelined/oidc/provider.h"
#include "unit/api/api_test.h"

namespace pipelined::api {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kIssuer = "https://id.example.com";

secrets::KeyRing Keys() {
  return *secrets::KeyRing::Parse(secrets::NewKey());
}

TEST(AwayTest, ComesBackAsItWentForTenMinutes) {
  const secrets::KeyRing keys = Keys();
  const Instant now = *ParseInstant("2026-02-01T12:00:00Z");
  for (const char* next : {"", "/docs?a=b", "/files/a.b.html"}) {
    const std::string cookie = NewAway(keys, now, next);
    const auto away = ReadAway(keys, cookie, now + kLongestAway);
    ASSERT_TRUE(away) << next;
    EXPECT_EQ(away->next, next);
    EXPECT_EQ(away->secret, cookie);
    EXPECT_FALSE(ReadAway(keys, cookie, now + kLongestAway + Seconds(1))) << "too old";
    EXPECT_FALSE(ReadAway(keys, cookie, now - Seconds(1))) << "of the future";
  }
  EXPECT_NE(NewAway(keys, now, ""), NewAway(keys, now, ""));
}

TEST(AwayTest, WhatWasNotMadeHereIsNone) {
  const secrets::KeyRing keys = Keys();
  const Instant now = *ParseInstant("2026-02-01T12:00:00Z");
  const std::string cookie = NewAway(keys, now, "/docs");
  EXPECT_FALSE(ReadAway(Keys(), cookie, now)) << "of other keys";
  EXPECT_FALSE(ReadAway(keys, cookie + "x", now));
  EXPECT_FALSE(ReadAway(keys, cookie.substr(1), now));
  EXPECT_FALSE(ReadAway(keys, cookie.substr(cookie.find('.')), now)) << "without the mark";
  for (const char* made_up : {"", ".", "...", "1769947200.secret.%2Fdocs"}) EXPECT_FALSE(ReadAway(keys, made_up, now));
}

ApiOptions WithProvider(int& asked) {
  oidc::ProviderOptions provider;
  provider.issuer = kIssuer;
  provider.client_id = "pipelined";
  ApiOptions options;
  options.oidc = *oidc::Provider::Make(provider, SystemClock(), [&asked](const HttpRequest& request) {
    ++asked;
    if (!request.url.ends_with("/.well-known/openid-configuration"))
      return Result<HttpResponse>(HttpResponse{400, {}, R"({"error": "invalid_grant"})"});
    return Result<HttpResponse>(
        HttpResponse{200,
                     {},
                     ToJson(Value::Map{{"issuer", kIssuer},
                                       {"authorization_endpoint", "https://id.example.com/auth"},
                                       {"token_endpoint", "https://id.example.com/token"},
                                       {"jwks_uri", "https://id.example.com/keys"}})});
  });
  options.oidc_roles = "*=viewer";
  options.public_url = "https://pipelined.example.com";
  options.threads = 3;
  return options;
}

class OidcTest : public ApiTest {
 protected:
  OidcTest() : ApiTest(WithProvider(asked_)) {}

  Response Ask(const std::string& target, const std::string& cookie = "", bool secure = false) {
    const Result<Target> parsed = ParseTarget(target);
    Request request;
    request.method = "GET";
    request.path = parsed->path;
    request.segments = parsed->segments;
    request.query = parsed->query;
    request.remote = remote_;
    request.host = "pipelined.example.com";
    request.secure = secure;
    if (!cookie.empty()) request.headers.emplace_back("cookie", "pipelined_oidc=" + cookie);
    return Dispatch(service_, request);
  }
  Response Back(const std::string& cookie) {
    return Ask("/auth/oidc/callback?code=c&state=" + oidc::BindingsOf(cookie).state, cookie);
  }
  static std::string CookieOf(const Response& response) {
    const std::string& set = *Find(response.headers, "Set-Cookie");
    return set.substr(set.find('=') + 1, set.find(';') - set.find('=') - 1);
  }

  int asked_ = 0;
};

TEST_F(OidcTest, WhoseCookieWasMadeElsewhereMakesNobodyAsk) {
  const std::string made_up = fmt::format("{}.secret.%2Fdocs", service_.Now().time_since_epoch() / Seconds(1));
  for (const std::string& cookie : {made_up, NewAway(Keys(), service_.Now(), "/docs"), std::string()}) {
    const Response refused = Back(cookie);
    EXPECT_EQ(refused.status, 403) << cookie;
    EXPECT_THAT(refused.body, HasSubstr("not begun in this browser"));
  }
  EXPECT_EQ(asked_, 0);
}

TEST_F(OidcTest, WhoWasSentAwayFromHereIsAskedAbout) {
  const Response begun = Ask("/auth/oidc/login?next=/docs");
  ASSERT_EQ(begun.status, 302);
  EXPECT_EQ(asked_, 1);
  const Response back = Back(CookieOf(begun));
  EXPECT_THAT(back.body, HasSubstr("does not take this code"));
  EXPECT_EQ(asked_, 2);
  EXPECT_EQ(Ask("/auth/oidc/callback?code=c&state=x", CookieOf(begun)).status, 403) << "the state of another";
  EXPECT_EQ(asked_, 2);
}

TEST_F(OidcTest, AThreadIsAlwaysLeftForOthers) {
  const std::string cookie = CookieOf(Ask("/auth/oidc/login"));
  service_.at_provider = 2;  // of three threads
  for (const Response& busy : {Ask("/auth/oidc/login"), Back(cookie)}) {
    EXPECT_EQ(busy.status, 503);
    EXPECT_EQ(*Find(busy.headers, "Retry-After"), "1");
    EXPECT_EQ(Find(busy.headers, "Set-Cookie"), nullptr) << "he may come again";
  }
  EXPECT_EQ(Back("made up").status, 403) << "who is refused anyway takes no place";
  EXPECT_EQ(asked_, 1);
  service_.at_provider = 1;
  EXPECT_EQ(Back(cookie).status, 403);
  EXPECT_EQ(asked_, 2);
}

TEST_F(OidcTest, ANetworkHasSixtyStepsAndThenOneASecond) {
  for (int i = 0; i < 30; ++i) {
    remote_ = "2001:db8:0:1::" + std::to_string(i + 1);
    EXPECT_EQ(Ask("/auth/oidc/login").status, 302);
    EXPECT_EQ(Back("made up").status, 403);
  }
  for (const Response& refused : {Ask("/auth/oidc/login"), Back("made up")}) {
    EXPECT_EQ(refused.status, 429);
    EXPECT_EQ(*Find(refused.headers, "Retry-After"), "1");
  }
  remote_ = "2001:db8:0:2::1";
  EXPECT_EQ(Ask("/auth/oidc/login").status, 302);
  remote_ = "2001:db8:0:1::1";
  clock_.Advance(Seconds(1));
  EXPECT_EQ(Ask("/auth/oidc/login").status, 302);
}

TEST_F(OidcTest, TheCookieOfTheWayOutGoesOverTlsWhereThereIsSome) {
  EXPECT_THAT(*Find(Ask("/auth/oidc/login", "", true).headers, "Set-Cookie"), HasSubstr("; Secure"));
  EXPECT_THAT(*Find(Ask("/auth/oidc/login").headers, "Set-Cookie"), Not(HasSubstr("; Secure")));
}

}  // namespace
}  // namespace pipelined::api
