#include "pipelined/base/rollout.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

namespace pipelined {
namespace {

int In(const Rollout& rollout, int dags) {
  int in = 0;
  for (int i = 0; i < dags; ++i) in += rollout.Includes(fmt::format("dag_{}", i)) ? 1 : 0;
  return in;
}

// Worked out with another program: a change of the hash would move DAGs in and out at an upgrade.
TEST(Rollout, PlacesAreThoseOfTheDocumentation) {
  EXPECT_EQ(RolloutPlace("notifications", "sales"), 6110);
  EXPECT_EQ(RolloutPlace("log_retention", "sales"), 5535);
  EXPECT_EQ(RolloutPlace("notifications", ""), 2539);
}

TEST(Rollout, OnIsEveryDagAndOffIsNone) {
  EXPECT_EQ(In({"f", kWholeRollout}, 1000), 1000);
  EXPECT_EQ(In({"f", 0}, 1000), 0);
}

TEST(Rollout, AShareThatGrowsTakesNoDagOut) {
  for (int i = 0; i < 500; ++i) {
    const std::string dag = fmt::format("dag_{}", i);
    bool was_in = false;
    for (std::int32_t share = 0; share <= kWholeRollout; share += 50) {
      const bool in = Rollout{"f", share}.Includes(dag);
      EXPECT_TRUE(in || !was_in) << dag << " at " << share;
      was_in = in;
    }
    EXPECT_TRUE(was_in);
  }
}

// Within five standard deviations of what chance would give.
TEST(Rollout, SharesAreMetByNamesThatAreAlike) {
  EXPECT_NEAR(In({"notifications", 100}, 20'000), 200, 71);
  EXPECT_NEAR(In({"notifications", 2'500}, 20'000), 5'000, 307);
  EXPECT_NEAR(In({"log_retention", 5'000}, 20'000), 10'000, 354);
  EXPECT_NEAR(In({"log_retention", 9'900}, 20'000), 19'800, 71);
}

TEST(Rollout, TwoFeaturesDoNotPickTheSameDags) {
  int both = 0;
  for (int i = 0; i < 20'000; ++i) {
    const std::string dag = fmt::format("dag_{}", i);
    both += Rollout{"notifications", 5'000}.Includes(dag) && Rollout{"log_retention", 5'000}.Includes(dag) ? 1 : 0;
  }
  EXPECT_NEAR(both, 5'000, 307);
}

TEST(Rollout, SharesReadAndPrint) {
  for (const char* text : {"on", "off", "25%", "0.5%", "99.99%", "1.05%"})
    EXPECT_EQ(FormatShare(*ParseShare(text)), text);
  EXPECT_EQ(*ParseShare("100%"), kWholeRollout);
  EXPECT_EQ(*ParseShare("0%"), 0);
  EXPECT_EQ(*ParseShare("12.50%"), 1'250);
  for (const char* text :
       {"", "%", "25", "true", "On", "-1%", "101%", "100.01%", "1.005%", ".5%", "5.%", "1e1%", " 5%", "1,5%"})
    EXPECT_FALSE(ParseShare(text).ok()) << text;
}

}  // namespace
}  // namespace pipelined
