#include "api/http/target.h"

#include <gmock/gmock.h>

namespace pipelined::api {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

TEST(Target, SegmentsAndQueryAreDecoded) {
  const Result<Target> target =
      ParseTarget("/api/v2/dags/a%20b+c/dagRuns/manual__2026-01-01T00:00:00+00:00?tags=x%26y&tags=p+q&limit");
  ASSERT_TRUE(target.ok());
  EXPECT_THAT(target->segments,
              ElementsAre("api", "v2", "dags", "a b+c", "dagRuns", "manual__2026-01-01T00:00:00+00:00"));
  EXPECT_THAT(target->query, ElementsAre(Pair("tags", "x&y"), Pair("tags", "p q"), Pair("limit", "")));
}

TEST(Target, TrailingAndDoubleSlashesAreEmptySegments) {
  EXPECT_THAT(ParseTarget("/api/dags/")->segments, ElementsAre("api", "dags", ""));
  EXPECT_THAT(ParseTarget("//api")->segments, ElementsAre("", "api"));
}

class Refused : public ::testing::TestWithParam<const char*> {};

TEST_P(Refused, IsInvalid) {
  EXPECT_EQ(ParseTarget(GetParam()).error().code, ErrorCode::kInvalid);
}

INSTANTIATE_TEST_SUITE_P(Target, Refused,
                         ::testing::Values("", "api", "/a/../b", "/a/./b", "/a/%2e%2e/b", "/a/.%2E", "/a%2fb", "/a%2Fb",
                                           "/a%5cb", "/a\\b", "/a%00", "/a%0d%0ab", "/a%7f", "/%", "/%4", "/%zz",
                                           "/%g1", "/a?x=%zz", "/a?%=1", "/a?x=%00", "/%ff", "/%c0%af", "/%e0%80%af",
                                           "/%ed%a0%80", "/%f4%90%80%80", "/%c3", "/a?x=%ff"));

TEST(Target, Utf8IsKept) {
  EXPECT_THAT(ParseTarget("/%C3%BC%E2%82%AC%F0%9F%98%80")->segments, ElementsAre("ü€😀"));
}

TEST(Target, AnEscapedPercentIsDecodedOnce) {
  EXPECT_THAT(ParseTarget("/%252e%252e")->segments, ElementsAre("%2e%2e"));
}

}  // namespace
}  // namespace pipelined::api
