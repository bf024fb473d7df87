#include "api/transport/turnstile.h"

#include <gmock/gmock.h>

#include <vector>

namespace pipelined::api {
namespace {

using Entry = Turnstile::Entry;

TEST(Turnstile, WhoWaitsIsWokenInOrderAndTheLineIsLimited) {
  Turnstile turnstile(1, 2);
  std::vector<int> woken;
  const auto enter = [&](int who) { return turnstile.Enter([&woken, who] { woken.push_back(who); }); };
  EXPECT_EQ(enter(0), Entry::kNow);
  EXPECT_EQ(enter(1), Entry::kLater);
  EXPECT_EQ(enter(2), Entry::kLater);
  EXPECT_EQ(enter(3), Entry::kFull);
  turnstile.Leave();
  turnstile.Leave();
  EXPECT_THAT(woken, ::testing::ElementsAre(1, 2));
  EXPECT_EQ(enter(4), Entry::kLater) << "2 holds the place";
  turnstile.Leave();
  turnstile.Leave();
  EXPECT_EQ(enter(5), Entry::kNow);
}

}  // namespace
}  // namespace pipelined::api
