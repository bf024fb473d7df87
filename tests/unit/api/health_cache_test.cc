#include "api/monitor/health_cache.h"

#include <gmock/gmock.h>

#include <functional>

#include "unit/api/fake_catalog.h"

namespace pipelined::api {
namespace {

// A database that takes two seconds to answer.
class SlowCatalog : public testing::FakeCatalog {
 public:
  Result<Health> CheckHealth() override {
    ++asked;
    clock.Advance(Seconds(2));
    if (meanwhile) meanwhile();
    return FakeCatalog::CheckHealth();
  }

  ManualClock clock{Instant{}};
  int asked = 0;
  std::function<void()> meanwhile;
};

TEST(HealthCache, AnAnswerIsFreshFromWhenItCame) {
  SlowCatalog catalog;
  HealthCache cache;
  EXPECT_TRUE(cache.Ask(catalog, catalog.clock).ok());
  catalog.clock.Advance(Millis(499));
  EXPECT_TRUE(cache.Ask(catalog, catalog.clock).ok());
  EXPECT_EQ(catalog.asked, 1);
  catalog.clock.Advance(Millis(1));
  EXPECT_TRUE(cache.Ask(catalog, catalog.clock).ok());
  EXPECT_EQ(catalog.asked, 2);
}

TEST(HealthCache, WhoComesWhileOneAsksGetsTheLastKnownAnswer) {
  SlowCatalog catalog;
  HealthCache cache;
  EXPECT_TRUE(cache.Ask(catalog, catalog.clock).ok());
  catalog.clock.Advance(Seconds(1));
  catalog.health.database = false;
  bool came = false;
  catalog.meanwhile = [&] {
    came = true;
    EXPECT_TRUE(cache.Ask(catalog, catalog.clock)->database);
  };
  EXPECT_FALSE(cache.Ask(catalog, catalog.clock)->database);
  EXPECT_TRUE(came);
}

}  // namespace
}  // namespace pipelined::api
