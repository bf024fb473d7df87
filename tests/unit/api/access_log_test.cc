#include "api/http/access_log.h"

#include <gmock/gmock.h>

namespace pipelined::api {
namespace {

TEST(AccessLog, ALineIsKeysAndValues) {
  EXPECT_EQ(AccessLine({"GET", "/a?b=\"c\"", "127.0.0.1", "curl/8\n", "uma", 200, 12, Millis(3), "abc"}),
            R"(request method="GET" target="/a?b=\"c\"" status=200 bytes=12 ms=3.0 peer=127.0.0.1 user="uma" )"
            R"(agent="curl/8\x0a" id=abc)");
}

TEST(AccessLog, WhatAClientChoosesIsCut) {
  EXPECT_LT(AccessLine({"GET", std::string(5000, 'a'), "", std::string(5000, 'b'), "", 200, 0, Micros(0), ""}).size(),
            800U);
}

TEST(AccessLog, WhatHasTheNameOfASecretInTheQueryIsNotShown) {
  const auto target = [](const std::string& text) {
    const std::string line = AccessLine({"GET", text, "", "", "", 200, 0, Micros(0), ""});
    const std::size_t begin = line.find("target=\"") + 8;
    return line.substr(begin, line.find('"', begin) - begin);
  };
  EXPECT_EQ(target("/a?limit=1&access_token=s3cret&x=y"), "/a?limit=1&access_token=***&x=y");
  EXPECT_EQ(target("/a?db_password=s3cret"), "/a?db_password=***");
  EXPECT_EQ(target("/a?token"), "/a?token");
  EXPECT_EQ(target("/a?&=&?token=s3cret"), "/a?&=&?token=***");
}

TEST(AccessLog, CodesOfAProviderAreNotWritten) {
  const auto line = [](const std::string& target) {
    return AccessLine({"GET", target, "", "", "", 403, 0, Micros(0), ""});
  };
  EXPECT_THAT(line("/auth/oidc/callback?code=c0de"), ::testing::HasSubstr("target=\"/auth/oidc/callback?***\""));
  EXPECT_THAT(line("/api/v2/dags?limit=1"), ::testing::HasSubstr("limit=1"));
}

TEST(AccessLog, TheSettingSaysWhichRequestsAreWritten) {
  const auto which = [](AccessLog log) {
    return std::vector<bool>{IsLogged(log, "GET", 200), IsLogged(log, "POST", 200), IsLogged(log, "GET", 404)};
  };
  using ::testing::ElementsAre;
  EXPECT_THAT(which(AccessLogFromString("none")), ElementsAre(false, false, false));
  EXPECT_THAT(which(AccessLogFromString("errors")), ElementsAre(false, false, true));
  EXPECT_THAT(which(AccessLogFromString("changes")), ElementsAre(false, true, true));
  EXPECT_THAT(which(AccessLogFromString("all")), ElementsAre(true, true, true));
}

}  // namespace
}  // namespace pipelined::api
