#include <algorithm>

#include "pipelined/secrets/password.h"
#include "pipelined/secrets/token.h"
#include "unit/api/api_test.h"

namespace pipelined::api {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const std::string& RightHash() {
  static const std::string hash = *secrets::HashPassword("right");
  return hash;
}

std::vector<std::string> CookiesSet(const Response& response) {
  std::vector<std::string> cookies;
  for (const auto& [name, value] : response.headers) {
    if (name == "Set-Cookie") cookies.push_back(value);
  }
  return cookies;
}

// The value that the answer gives the cookie.
std::string CookieIn(const Response& response, const std::string& name) {
  for (const std::string& cookie : CookiesSet(response)) {
    if (cookie.starts_with(name + "=")) return cookie.substr(name.size() + 1, cookie.find(';') - name.size() - 1);
  }
  return {};
}

class SessionTest : public ApiTest {
 protected:
  explicit SessionTest(ApiOptions options = {}) : ApiTest(std::move(options)) {
    for (UserRow& user : catalog_.users) user.password_hash = RightHash();
  }

  Response Ask(const std::string& method, const std::string& target, const Pairs& headers = {},
               const std::string& body = "") {
    const Result<Target> parsed = ParseTarget(target);
    Request request;
    request.method = method;
    request.path = parsed->path;
    request.segments = parsed->segments;
    request.query = parsed->query;
    request.headers = headers;
    request.body = body;
    request.remote = remote_;
    request.host = "pipelined.example.com";
    request.secure = secure_;
    request.proxy_user = proxy_user_;
    return Dispatch(service_, request);
  }

  Response LogIn(const std::string& user, const Pairs& headers = {}, const std::string& password = "right") {
    return Ask("POST", "/auth/login", headers, ToJson(Value::Map{{"username", user}, {"password", password}}));
  }
  // Headers with the session of an answer and, with `csrf`, its token.
  static Pairs With(const Response& login, bool csrf = true) {
    Pairs headers{{"cookie", "a=b; pipelined_session=" + CookieIn(login, "pipelined_session")}};
    if (csrf) headers.emplace_back("x-csrf-token", CookieIn(login, "pipelined_csrf"));
    return headers;
  }
  static Pairs Add(Pairs headers, const std::string& name, const std::string& value) {
    headers.emplace_back(name, value);
    return headers;
  }

  bool secure_ = false;
  std::string proxy_user_;
};

TEST_F(SessionTest, ASessionIsItsUser) {
  const Response login = LogIn("vera");
  ASSERT_EQ(login.status, 200);
  EXPECT_EQ(Field(login, "username"), "\"vera\"");
  EXPECT_EQ(Ask("GET", "/api/v2/dags", With(login, false)).status, 200);
  EXPECT_EQ(Ask("GET", "/api/v2/dags").status, 401);
  EXPECT_EQ(Ask("GET", "/api/v2/variables", With(login)).status, 403) << "a viewer stays one";
  EXPECT_EQ(Ask("GET", "/api/v2/variables", With(LogIn("oscar"))).status, 200);
}

TEST_F(SessionTest, TheCookieIsForThisSiteAndNoScript) {
  const Response login = LogIn("vera");
  ASSERT_EQ(CookiesSet(login).size(), 2U);
  EXPECT_THAT(CookiesSet(login)[0], HasSubstr("; Path=/; SameSite=Strict; HttpOnly"));
  EXPECT_THAT(CookiesSet(login)[0], Not(HasSubstr("Secure")));
  EXPECT_EQ(CookieIn(login, "pipelined_session").size(), 43U);
  EXPECT_THAT(CookiesSet(login)[1], Not(HasSubstr("HttpOnly"))) << "the CSRF token is for scripts";
  EXPECT_EQ(catalog_.memory_sessions.rows.at(0).session.sha256,
            secrets::TokenHash(CookieIn(login, "pipelined_session")));
}

TEST_F(SessionTest, OverTlsTheCookieIsOfThisHostAlone) {
  secure_ = true;
  const Response login = LogIn("vera");
  EXPECT_THAT(CookiesSet(login)[0], ::testing::StartsWith("__Host-pipelined_session="));
  EXPECT_THAT(CookiesSet(login)[0], HasSubstr("; Secure"));
  const std::string id = CookieIn(login, "__Host-pipelined_session");
  EXPECT_EQ(Ask("GET", "/api/v2/dags", {{"cookie", "__Host-pipelined_session=" + id}}).status, 200);
  EXPECT_EQ(Ask("GET", "/api/v2/dags", {{"cookie", "pipelined_session=" + id}}).status, 401);
}

TEST_F(SessionTest, AWrongPasswordOpensNone) {
  const Response wrong = LogIn("vera", {}, "wrong");
  EXPECT_EQ(wrong.status, 401);
  EXPECT_TRUE(CookiesSet(wrong).empty());
  EXPECT_EQ(LogIn("nobody").status, 401);
  EXPECT_EQ(Ask("POST", "/auth/login", {}, "{}").status, 422);
  EXPECT_TRUE(catalog_.memory_sessions.rows.empty());
}

TEST_F(SessionTest, APasswordThatWasChangedWhileItWasCheckedOpensNone) {
  catalog_.after_lookup = [](UserRow& user) { user.password_hash = "$argon2id$another"; };
  const Response late = LogIn("vera");
  EXPECT_EQ(late.status, 401);
  EXPECT_TRUE(CookiesSet(late).empty());
  EXPECT_TRUE(catalog_.memory_sessions.rows.empty());
}

TEST_F(SessionTest, WhoSignsInWithAProviderHasNoPassword) {
  catalog_.users[0].password_hash.clear();
  for (const char* password : {"!", "", "right"}) EXPECT_EQ(LogIn("vera", {}, password).status, 401) << password;
}

TEST_F(SessionTest, AFormGoesOnToWhereItWasMeantAndNotElsewhere) {
  const Pairs form{{"content-type", "application/x-www-form-urlencoded"}, {"accept", "text/html"}};
  const Response good = Ask("POST", "/auth/login", form, "username=vera&password=right&next=%2Fdocs%3Fa%3Db");
  EXPECT_EQ(good.status, 303);
  EXPECT_EQ(*Find(good.headers, "Location"), "/docs?a=b");
  for (const char* next : {"https%3A%2F%2Fevil.example", "%2F%2Fevil.example", "%2F%5Cevil.example"}) {
    const Response answer = Ask("POST", "/auth/login", form, std::string("username=vera&password=right&next=") + next);
    EXPECT_EQ(*Find(answer.headers, "Location"), "/docs") << next;
  }
  const Response wrong = Ask("POST", "/auth/login", form, "username=vera&password=wrong&next=%22%3E%3Cbr");
  EXPECT_EQ(wrong.status, 401);
  EXPECT_THAT(wrong.body, HasSubstr("<form"));
  EXPECT_THAT(wrong.body, Not(HasSubstr("><br")));
  EXPECT_EQ(Ask("POST", "/api/v2/pools", form, "a=b").status, 401) << "forms are for these pages";
}

TEST_F(SessionTest, ChangesNeedTheTokenOfThisVerySession) {
  const Response oscar = LogIn("oscar"), other = LogIn("oscar");
  const std::string pool = R"({"name": "p", "slots": 1})";
  catalog_.leader = [](const Command&) -> Result<CommandDone> { return CommandDone{}; };
  EXPECT_EQ(Ask("POST", "/api/v2/pools", With(oscar, false), pool).status, 403);
  EXPECT_EQ(Ask("POST", "/api/v2/pools", Add(With(oscar, false), "x-csrf-token", "x"), pool).status, 403);
  EXPECT_EQ(
      Ask("POST", "/api/v2/pools", Add(With(oscar, false), "x-csrf-token", CookieIn(other, "pipelined_csrf")), pool)
          .status,
      403);
  EXPECT_TRUE(catalog_.commands.empty());
  EXPECT_NE(Ask("POST", "/api/v2/pools", With(oscar), pool).status, 403);
  EXPECT_EQ(catalog_.commands.size(), 1U);
}

TEST_F(SessionTest, PagesOfOtherOriginsChangeNothing) {
  const Response oscar = LogIn("oscar");
  const std::string pool = R"({"name": "p", "slots": 1})";
  for (const char* origin : {"https://evil.example", "null", "https://pipelined.example.com",  // another scheme
                             "http://pipelined.example.com:81", "http://pipelined.example.com.evil.example"}) {
    EXPECT_EQ(Ask("POST", "/api/v2/pools", Add(With(oscar), "origin", origin), pool).status, 403) << origin;
  }
  EXPECT_EQ(Ask("POST", "/api/v2/pools", Add(With(oscar), "sec-fetch-site", "cross-site"), pool).status, 403);
  EXPECT_EQ(Ask("POST", "/api/v2/pools", Add(With(oscar), "sec-fetch-site", "same-site"), pool).status, 403);
  EXPECT_TRUE(catalog_.commands.empty());
  EXPECT_EQ(LogIn("oscar", {{"origin", "https://evil.example"}}).status, 403) << "not even a sign-in";
  catalog_.leader = [](const Command&) -> Result<CommandDone> { return CommandDone{}; };
  Ask("POST", "/api/v2/pools", Add(With(oscar), "origin", "http://pipelined.example.com"), pool);
  EXPECT_EQ(catalog_.commands.size(), 1U);
}

TEST_F(SessionTest, AnIdThatTheBrowserCameWithIsNotKept) {
  const Response first = LogIn("vera");
  const Response second = LogIn("uma", With(first, false));
  EXPECT_NE(CookieIn(first, "pipelined_session"), CookieIn(second, "pipelined_session"));
  EXPECT_EQ(Ask("GET", "/api/v2/dags", With(first)).status, 401);
  EXPECT_EQ(Ask("GET", "/api/v2/dags", With(second)).status, 200);
  const Response planted = LogIn("vera", {{"cookie", "pipelined_session=planted"}});
  EXPECT_NE(CookieIn(planted, "pipelined_session"), "planted");
  EXPECT_EQ(Ask("GET", "/api/v2/dags", {{"cookie", "pipelined_session=planted"}}).status, 401);
}

TEST_F(SessionTest, ASignOutEndsItAtOnce) {
  const Response login = LogIn("vera");
  EXPECT_EQ(Ask("POST", "/auth/logout", With(login, false)).status, 403) << "no page of others signs anybody out";
  EXPECT_EQ(Ask("GET", "/auth/logout", With(login, false)).status, 200);
  EXPECT_EQ(Ask("GET", "/api/v2/dags", With(login)).status, 200) << "looking changes nothing";
  const Response out = Ask("POST", "/auth/logout", With(login));
  EXPECT_EQ(out.status, 204);
  EXPECT_THAT(CookiesSet(out).at(0), HasSubstr("Max-Age=0"));
  EXPECT_EQ(Ask("GET", "/api/v2/dags", With(login)).status, 401);
  EXPECT_EQ(Ask("POST", "/auth/logout", With(login)).status, 204) << "twice is fine";
  const Response again = LogIn("vera");
  EXPECT_EQ(Ask("POST", "/auth/logout", Add(With(again, false), "content-type", "application/x-www-form-urlencoded"),
                "csrf_token=" + CookieIn(again, "pipelined_csrf"))
                .status,
            303);
}

TEST_F(SessionTest, OnesOwnSessionsAreListedAndEnded) {
  const Response here = LogIn("vera"), there = LogIn("vera"), uma = LogIn("uma");
  const Response list = Ask("GET", "/api/ext/v1/sessions", With(here));
  ASSERT_EQ(list.status, 200);
  EXPECT_EQ(Field(list, "total_entries"), "2");
  EXPECT_EQ(Field(list, "sessions.0.current"), "false");
  EXPECT_EQ(Field(list, "sessions.1.current"), "true");
  EXPECT_THAT(list.body, Not(HasSubstr(CookieIn(here, "pipelined_session"))));
  const std::string others = Field(Ask("GET", "/api/ext/v1/sessions", With(uma)), "sessions.0.id");
  EXPECT_EQ(Ask("DELETE", "/api/ext/v1/sessions/" + others, With(here)).status, 404);
  EXPECT_EQ(Ask("DELETE", "/api/ext/v1/sessions/x", With(here)).status, 422);
  EXPECT_EQ(Ask("DELETE", "/api/ext/v1/sessions/" + Field(list, "sessions.0.id"), With(here)).status, 204);
  EXPECT_EQ(Ask("GET", "/api/v2/dags", With(there)).status, 401);
  EXPECT_EQ(Ask("DELETE", "/api/ext/v1/sessions", With(here)).status, 204);
  EXPECT_EQ(Ask("GET", "/api/v2/dags", With(here)).status, 401);
  EXPECT_EQ(Ask("GET", "/api/v2/dags", With(uma)).status, 200);
}

TEST_F(SessionTest, ALogOutIsInTheTrailWithWhoseItWas) {
  const Response vera = LogIn("vera");
  EXPECT_EQ(Ask("POST", "/auth/logout", With(vera, false)).status, 403);
  EXPECT_EQ(Ask("POST", "/auth/logout", With(vera)).status, 204);
  EXPECT_EQ(Ask("POST", "/auth/logout").status, 204) << "of nobody";
  EXPECT_EQ(Ask("POST", "/auth/logout", With(vera)).status, 204) << "it is over already";
  std::vector<std::string> told;
  for (const TrailEntry& entry : catalog_.memory_trail.entries()) {
    if (entry.kind == TrailKind::kDenied) continue;  // written later
    told.push_back(std::string(ToString(entry.kind)) + " " + entry.who + " " + entry.via);
  }
  EXPECT_THAT(told, ::testing::ElementsAre("log_in vera password", "log_out vera browser"));
}

TEST_F(SessionTest, APageThatRefusesALogInLeavesItsReasonInTheTrail) {
  {
    Service service(catalog_, service_.options);
    Request request;
    request.method = "POST";
    request.path = "/auth/login";
    request.segments = {"auth", "login"};
    request.headers = {{"content-type", "application/x-www-form-urlencoded"}, {"accept", "text/html"}};
    request.body = "username=vera&password=wrong";
    request.remote = remote_;
    EXPECT_EQ(Dispatch(service, request).status, 401);
  }
  ASSERT_EQ(catalog_.memory_trail.entries().size(), 1U);
  EXPECT_EQ(catalog_.memory_trail.entries()[0].who, "vera");
  EXPECT_EQ(catalog_.memory_trail.entries()[0].outcome->reason, "That is not the user's password.");
}

TEST_F(SessionTest, ATokenCountsBeforeACookie) {
  const Response vera = LogIn("vera");
  EXPECT_EQ(Ask("GET", "/api/v2/variables", Add(With(vera), "authorization", "Bearer op-token")).status, 200);
  EXPECT_EQ(Ask("GET", "/api/v2/dags", Add(With(vera), "authorization", "Bearer unknown")).status, 403);
}

TEST_F(SessionTest, WithoutADatabaseNobodyIsLetIn) {
  const Response login = LogIn("vera");
  catalog_.memory_sessions.broken = Error{ErrorCode::kUnavailable, "gone", ""};
  EXPECT_EQ(Ask("GET", "/api/v2/dags", With(login)).status, 503);
  EXPECT_EQ(LogIn("vera").status, 503);
  EXPECT_EQ(Ask("POST", "/auth/logout", With(login)).status, 503);
}

TEST_F(SessionTest, WhomAProxyNamesIsLetInIfHeIsKnown) {
  proxy_user_ = "oscar";
  EXPECT_EQ(Ask("GET", "/api/v2/variables").status, 200);
  EXPECT_EQ(Ask("DELETE", "/api/v2/pools/p", {{"origin", "https://evil.example"}}).status, 403);
  proxy_user_ = "nobody";
  EXPECT_EQ(Ask("GET", "/api/v2/dags").status, 403);
}

TEST_F(SessionTest, TheLoginPageIsPlainAndNotFramed) {
  const Response page = Ask("GET", "/auth/login?next=/docs", {{"accept", "text/html"}});
  EXPECT_EQ(page.status, 200);
  EXPECT_THAT(*Find(page.headers, "Content-Security-Policy"), HasSubstr("frame-ancestors 'none'"));
  EXPECT_THAT(page.body, Not(HasSubstr("oidc"))) << "there is no provider";
  EXPECT_EQ(Ask("GET", "/auth/login?next=//evil.example").status, 400);
  EXPECT_EQ(Ask("GET", "/auth/oidc/login").status, 404);
  EXPECT_EQ(Ask("GET", "/auth/oidc/callback").status, 404);
  const Response airflow = Ask("GET", "/api/v2/auth/login?next=/x");
  EXPECT_EQ(airflow.status, 307);
  EXPECT_EQ(*Find(airflow.headers, "Location"), "/auth/login?next=%2Fx");
}

}  // namespace
}  // namespace pipelined::api
