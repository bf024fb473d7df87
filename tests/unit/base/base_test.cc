#include <gtest/gtest.h>

#include "pipelined/base/hash.h"
#include "pipelined/base/near_match.h"
#include "pipelined/base/time.h"
#include "pipelined/base/value.h"

namespace pipelined {
namespace {

using namespace std::chrono_literals;

TEST(Instant, IsReadWithItsOffsetAndPrintedInUtc) {
  EXPECT_EQ(FormatInstant(*ParseInstant("2026-03-29T02:30:00+02:00")), "2026-03-29T00:30:00Z");
  EXPECT_EQ(FormatInstant(*ParseInstant("2026-03-29T02:30:00.25Z")), "2026-03-29T02:30:00.250000Z");
  EXPECT_EQ(FormatIso(*ParseInstant("1969-12-31T23:59:59Z")), "1969-12-31T23:59:59+00:00");
}

TEST(Instant, NeedsAnOffset) {
  for (const char* text : {"", "2026-01-01", "2026-01-01T00:00:00", "2026-02-30T00:00:00Z", "2026-01-01T24:00:00Z",
                           "2026-01-01T00:00:00Zx"}) {
    EXPECT_FALSE(ParseInstant(text).ok()) << text;
  }
}

TEST(Duration, IsReadInAllItsForms) {
  const std::pair<const char*, Micros> kForms[] = {{"500ms", 500ms}, {"30s", 30s},   {"5m", 5min},    {"1h30m", 90min},
                                                   {"2d", 48h},      {"PT5M", 5min}, {"P1DT1H", 25h}, {"90", 90s},
                                                   {"0.5", 500ms},   {"1.5h", 90min}};
  for (const auto& [text, micros] : kForms) EXPECT_EQ(*ParseDuration(text), micros) << text;
  for (const char* text : {"", "x", "-5s", "5x", "P", "1h30", "1e99d", "5 m"})
    EXPECT_FALSE(ParseDuration(text).ok()) << text;
}

TEST(Duration, PrintsWhatItReads) {
  for (const char* text : {"1h30m", "500ms", "2d", "0s", "1m1s"}) EXPECT_EQ(FormatDuration(*ParseDuration(text)), text);
}

TEST(NearMatch, FindsASwapAndATypo) {
  constexpr std::string_view kWords[] = {"extract", "load", "report"};
  EXPECT_EQ(NearMatch("extarct", kWords), "extract");
  EXPECT_EQ(NearMatch("laod", kWords), "load");
  EXPECT_EQ(NearMatch("something", kWords), std::nullopt);
}

TEST(Hash, AgreesWithTheStandard) {
  EXPECT_EQ(Sha256Hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  const auto sha1 = Sha1("abc");
  EXPECT_EQ(Hex(sha1.data(), sha1.size()), "a9993e364706816aba3e25717850c26c9cd0d89d");
}

TEST(Value, KeepsTheOrderOfItsEntries) {
  Value v;
  v.Set("b", 1);
  v.Set("a", "x");
  v.Set("b", 2);
  EXPECT_EQ(v.map().front().first, "b");
  EXPECT_EQ(v.Find("b")->integer(), 2);
  EXPECT_EQ(v.Find("c"), nullptr);
}

}  // namespace
}  // namespace pipelined
