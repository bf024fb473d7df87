#include "api/http/own_hosts.h"

#include <gtest/gtest.h>

namespace pipelined::api {
namespace {

OwnHosts Hosts(std::string_view bound, std::string_view allowed = "", std::string_view public_url = "") {
  const Result<OwnHosts> hosts = OwnHosts::Make(bound, allowed, public_url);
  EXPECT_TRUE(hosts.ok()) << allowed;
  return hosts.ok() ? *hosts : OwnHosts();
}

TEST(OwnHostsTest, OnTheLoopbackItsNamesAlone) {
  for (const char* bound : {"127.0.0.1", "::1", "localhost"}) {
    const OwnHosts hosts = Hosts(bound);
    for (const char* own : {"localhost", "LOCALHOST:8080", "a.localhost", "127.0.0.1:8080", "127.1.2.3", "[::1]:8080",
                            "[::1]", "localhost.", ""})
      EXPECT_TRUE(hosts.Has(own)) << own;
    for (const char* foreign : {"evil.example", "evil.example:8080", "localhost.evil.example", "127.0.0.1.evil.example",
                                "127.evil.example", "10.1.2.3", "[2001:db8::1]", "evillocalhost"})
      EXPECT_FALSE(hosts.Has(foreign)) << foreign;
  }
}

TEST(OwnHostsTest, ElsewhereAnythingUntilNamesAreAllowed) {
  EXPECT_TRUE(Hosts("0.0.0.0").Has("whatever.example"));
  const OwnHosts hosts = Hosts("10.1.2.3", "pipelined.example.com, Other.example fd00::1");
  for (const char* own : {"pipelined.example.com:8443", "PIPELINED.example.com.", "other.example", "[fd00::1]:80",
                          "10.1.2.3:8080", "localhost"})
    EXPECT_TRUE(hosts.Has(own)) << own;
  EXPECT_FALSE(hosts.Has("evil.example"));
  EXPECT_FALSE(hosts.Has("a.pipelined.example.com"));
}

TEST(OwnHostsTest, ThePublicUrlNamesOne) {
  const OwnHosts hosts = Hosts("127.0.0.1", "", "https://pipelined.example.com:8443");
  EXPECT_TRUE(hosts.Has("pipelined.example.com"));
  EXPECT_FALSE(hosts.Has("evil.example"));
  EXPECT_TRUE(Hosts("127.0.0.1", "*").Has("evil.example")) << "who says so";
}

TEST(OwnHostsTest, WhatIsNoHostIsNamed) {
  for (const char* bad : {"https://a.example", "a/b", "a_b!", ":", "10.0.0.0/8"}) {
    const Result<OwnHosts> hosts = OwnHosts::Make("127.0.0.1", bad, "");
    ASSERT_FALSE(hosts.ok()) << bad;
    EXPECT_NE(hosts.error().message.find(bad), std::string::npos);
  }
}

}  // namespace
}  // namespace pipelined::api
