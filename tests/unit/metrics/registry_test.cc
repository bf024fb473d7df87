#include "pipelined/metrics/registry.h"

#include <gmock/gmock.h>

namespace pipelined::metrics {
namespace {

using ::testing::HasSubstr;

TEST(Registry, WritesWhatWasCounted) {
  Registry registry;
  registry.AddCounter("a_total", "How often.", {{"state", "failed"}}).Add();
  registry.AddCounter("a_total", "How often.", {{"state", "failed"}}).Add(2);
  registry.AddGauge("b", "How much.").Set(1.5);
  const std::string text = registry.Text();
  EXPECT_THAT(text, HasSubstr("# HELP a_total How often.\n# TYPE a_total counter\na_total{state=\"failed\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("# TYPE b gauge\nb 1.5\n"));
}

TEST(Registry, AHistogramCountsInSeconds) {
  Registry registry;
  Histogram& took = registry.AddHistogram("took_seconds", "How long.", {0.001, 1});
  took.Observe(Micros(500));
  took.Observe(Millis(20));
  const std::string text = registry.Text();
  EXPECT_THAT(text, HasSubstr("took_seconds_bucket{le=\"0.001\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("took_seconds_bucket{le=\"1\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("took_seconds_count 2\n"));
}

TEST(Registry, ALabelCannotEndItsLine) {
  Registry registry;
  registry.AddGauge("b", "How much.", {{"pool", "a\"b\nc\\d"}}).Set(1);
  EXPECT_THAT(registry.Text(), HasSubstr("b{pool=\"a\\\"b\\nc\\\\d\"} 1\n"));
}

}  // namespace
}  // namespace pipelined::metrics
