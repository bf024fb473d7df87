#include "store/known_counts.h"

#include <gtest/gtest.h>

namespace pipelined {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(KnownCounts, WhatIsCountedFastIsCountedAnew) {
  KnownCounts counts;
  counts.Learn("few", 3, false, milliseconds(999), seconds(1));
  EXPECT_EQ(counts.Find("few", seconds(1)), std::nullopt);
}

TEST(KnownCounts, ThatTheBoundIsReachedIsKnownForAMinute) {
  KnownCounts counts;
  counts.Learn("many", 100, true, milliseconds(1), seconds(1));
  EXPECT_EQ(counts.Find("many", seconds(60)), 100);
  EXPECT_EQ(counts.Find("other", seconds(60)), std::nullopt);
  EXPECT_EQ(counts.Find("many", seconds(61)), std::nullopt);
}

TEST(KnownCounts, WhatTookLongIsKnownTwentyTimesAsLong) {
  KnownCounts counts;
  counts.Learn("rare", 7, false, seconds(2), seconds(10));
  EXPECT_EQ(counts.Find("rare", seconds(49)), 7);
  EXPECT_EQ(counts.Find("rare", seconds(50)), std::nullopt);
}

TEST(KnownCounts, OnlyOneCountsAnew) {
  KnownCounts counts;
  counts.Learn("many", 100, true, milliseconds(1), seconds(0));
  EXPECT_EQ(counts.Find("many", seconds(60)), std::nullopt);
  EXPECT_EQ(counts.Find("many", seconds(61)), 100);
}

TEST(KnownCounts, AListingThatHasShrunkIsForgotten) {
  KnownCounts counts;
  counts.Learn("many", 100, true, milliseconds(1), seconds(0));
  counts.Learn("many", 5, false, milliseconds(1), seconds(70));
  EXPECT_EQ(counts.Find("many", seconds(70)), std::nullopt);
}

}  // namespace
}  // namespace pipelined
