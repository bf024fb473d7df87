#include "api/access/login_limits.h"

#include <gmock/gmock.h>

#include "api/http/network.h"
#include "api/http/rate_limit.h"

namespace pipelined::api {
namespace {

using ::testing::ElementsAre;

TEST(NetworkTest, IsWhatOneSubscriberHas) {
  EXPECT_EQ(NetworkOf("192.0.2.7"), "192.0.2.7");
  EXPECT_EQ(NetworkOf("::ffff:192.0.2.7"), "192.0.2.7") << "not one with all of IPv4";
  EXPECT_EQ(NetworkOf("2001:db8:1:2:3::4"), "2001:db8:1:2::/64");
  EXPECT_EQ(NetworkOf("unix"), "unix");
  EXPECT_EQ(NetworkOf(""), "");
}

TEST(NetworkTest, ANeighbourhoodIsMoreThanThat) {
  EXPECT_EQ(NeighbourhoodOf("192.0.2.7"), "192.0.2.0/24");
  EXPECT_EQ(NeighbourhoodOf("::ffff:192.0.2.7"), "192.0.2.0/24");
  EXPECT_EQ(NeighbourhoodOf("2001:db8:1:2:3::4"), "2001:db8:1::/48");
  EXPECT_EQ(NeighbourhoodOf("unix"), "unix");
}

constexpr Pace kTwoFree{2, Seconds(10), Seconds(60), std::chrono::hours(1), 3};

TEST(RateLimitTest, WaitsDoubleUpToTheLongest) {
  RateLimit limit(kTwoFree);
  std::vector<std::int64_t> waits;
  Micros now = Seconds(100);
  for (int i = 0; i < 7; ++i) {
    limit.Count("n", now);
    waits.push_back(limit.RetryAfter("n", now));
    now += Seconds(waits.back());
  }
  EXPECT_THAT(waits, ElementsAre(0, 10, 20, 40, 60, 60, 60));
  EXPECT_EQ(limit.RetryAfter("n", now - Seconds(1)), 1);
  EXPECT_EQ(limit.RetryAfter("n", now), 0);
  EXPECT_EQ(limit.RetryAfter("other", now), 0);
}

TEST(RateLimitTest, OneIsForgivenAfterTheOther) {
  RateLimit limit(kTwoFree);
  for (int i = 0; i < 3; ++i) limit.Count("n", Seconds(0));
  limit.Count("n", std::chrono::hours(2));
  EXPECT_EQ(limit.RetryAfter("n", std::chrono::hours(2)), 10) << "two of them: not the fourth";
  EXPECT_TRUE(limit.Spent("n", std::chrono::hours(2)));
  EXPECT_FALSE(limit.Spent("n", std::chrono::hours(4)));
}

TEST(RateLimitTest, WhatIsForgottenIsFreeAgain) {
  RateLimit limit(kTwoFree);
  for (int i = 0; i < 3; ++i) limit.Count("n", Seconds(1));
  limit.Forget("n");
  limit.Count("n", Seconds(2));
  EXPECT_EQ(limit.RetryAfter("n", Seconds(2)), 0);
}

TEST(RateLimitTest, AFloodOfNamesRefusesNobodyAndFreesNobody) {
  RateLimit limit(kTwoFree);  // remembers three
  for (int i = 0; i < 4; ++i) limit.Count("guesser", Seconds(1));
  for (int i = 0; i < 100; ++i) limit.Count("n" + std::to_string(i), Seconds(2));
  EXPECT_EQ(limit.RetryAfter("new", Seconds(3)), 0);
  EXPECT_GT(limit.RetryAfter("guesser", Seconds(3)), 0);
}

class LoginLimitsTest : public ::testing::Test {
 protected:
  void Fail(int times, const std::string& address, const std::string& name) {
    for (int i = 0; i < times; ++i) limits_.Failed(address, name, now_);
  }
  std::int64_t Wait(const std::string& address, const std::string& name) {
    return limits_.RetryAfter(address, name, now_);
  }
  // Somebody else than the one before each time.
  void AttackFromEverywhere(const std::string& name) {
    for (int i = 0; i < 60; ++i) Fail(1, "203.0.113." + std::to_string(i), name);
  }

  LoginLimits limits_;
  Micros now_ = std::chrono::hours(1);
};

TEST_F(LoginLimitsTest, FiveAreFreeThenEachDoublesTheWaitUpToAnHour) {
  Fail(4, "192.0.2.1", "ann");
  EXPECT_EQ(Wait("192.0.2.1", "ann"), 0);
  std::vector<std::int64_t> waits;
  for (int i = 0; i < 9; ++i) {
    Fail(1, "192.0.2.1", "ann");
    waits.push_back(Wait("192.0.2.1", "ann"));
  }
  EXPECT_THAT(waits, ElementsAre(30, 60, 120, 240, 480, 960, 1920, 3600, 3600));
}

TEST_F(LoginLimitsTest, TheRightPasswordEndsTheWaits) {
  Fail(4, "192.0.2.1", "ann");
  limits_.Succeeded("192.0.2.1", "ann", now_);
  Fail(4, "192.0.2.1", "ann");
  EXPECT_EQ(Wait("192.0.2.1", "ann"), 0);
}

TEST_F(LoginLimitsTest, NobodyLocksTheOwnerOutFromElsewhere) {
  Fail(40, "192.0.2.1", "ann");
  EXPECT_GT(Wait("192.0.2.1", "ann"), 0);
  EXPECT_EQ(Wait("198.51.100.1", "ann"), 0);
  EXPECT_EQ(Wait("192.0.2.1", "bob"), 0) << "one name is not the other";
}

TEST_F(LoginLimitsTest, InIpv6ASubscriberIsOneHoweverManyAddressesHeHas) {
  for (int i = 1; i <= 5; ++i) Fail(1, "2001:db8:0:1::" + std::to_string(i), "ann");
  EXPECT_EQ(Wait("2001:db8:0:1:ffff::", "ann"), 30);
  EXPECT_EQ(Wait("2001:db8:0:2::1", "ann"), 0);
}

TEST_F(LoginLimitsTest, ManyNamesFromOneNetworkAreTooMany) {
  for (int i = 0; i < 49; ++i) Fail(1, "192.0.2.1", "n" + std::to_string(i));
  EXPECT_EQ(Wait("192.0.2.1", "ann"), 0);
  Fail(1, "192.0.2.1", "n49");
  EXPECT_EQ(Wait("192.0.2.1", "ann"), 30);
  limits_.Succeeded("192.0.2.1", "mallory", now_);
  EXPECT_EQ(Wait("192.0.2.1", "ann"), 30) << "a name of one's own clears nothing";
  EXPECT_EQ(Wait("198.51.100.1", "ann"), 0);
}

TEST_F(LoginLimitsTest, ANameUnderAttackIsSlowForStrangersAlone) {
  limits_.Succeeded("192.0.2.1", "ann", now_);
  AttackFromEverywhere("ann");
  EXPECT_EQ(Wait("198.51.100.1", "ann"), 0) << "one try is everybody's";
  Fail(1, "198.51.100.1", "ann");
  EXPECT_EQ(Wait("198.51.100.1", "ann"), 30);
  Fail(4, "192.0.2.1", "ann");
  EXPECT_EQ(Wait("192.0.2.1", "ann"), 0) << "where she has signed in before";
  Fail(1, "198.51.100.1", "bob");
  EXPECT_EQ(Wait("198.51.100.1", "bob"), 0);
}

TEST_F(LoginLimitsTest, AnAttackThatIsOverIsForgotten) {
  AttackFromEverywhere("ann");
  now_ += std::chrono::hours(1);
  Fail(4, "198.51.100.1", "ann");
  EXPECT_EQ(Wait("198.51.100.1", "ann"), 0);
}

}  // namespace
}  // namespace pipelined::api
