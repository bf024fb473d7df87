#include "pipelined/base/percent.h"

#include <gmock/gmock.h>

namespace pipelined {
namespace {

TEST(PercentEncode, LeavesWhatStandsForItself) {
  EXPECT_EQ(PercentEncode(""), "");
  EXPECT_EQ(PercentEncode("AZaz09-._~"), "AZaz09-._~");
  EXPECT_EQ(PercentEncode("a b/c?d=e&f%"), "a%20b%2Fc%3Fd%3De%26f%25");
  EXPECT_EQ(PercentEncode("é\n"), "%C3%A9%0A");
  EXPECT_EQ(PercentEncode(std::string_view("\0\xff", 2)), "%00%FF");
}

}  // namespace
}  // namespace pipelined
