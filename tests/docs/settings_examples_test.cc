// The settings that docs/environments.md and docs/retention.md show are read, without a mistake.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "pipelined/config/lint.h"
#include "pipelined/config/settings.h"

namespace pipelined {
namespace {

// The one ```yaml block of a page.
std::string Block(const std::string& page) {
  std::ifstream file(std::string(PIPELINED_SOURCE_DIR) + "/docs/" + page);
  std::string text;
  bool inside = false;
  for (std::string line; std::getline(file, line);) {
    if (inside && line == "```") return text;
    if (inside) text += line + "\n";
    if (line == "```yaml") inside = true;
  }
  ADD_FAILURE() << "no block in " << page;
  return {};
}

Settings Read(const std::string& page) {
  std::string home = ::testing::TempDir() + "docs_XXXXXX";
  EXPECT_NE(mkdtemp(home.data()), nullptr);
  std::ofstream(home + "/pipelined.yaml") << Block(page);
  SettingsSources sources;
  sources.home = home;
  sources.working_dir = "/";
  const auto loaded = LoadSettings(sources);
  EXPECT_TRUE(loaded.ok()) << loaded.error().message;
  std::filesystem::remove_all(home);
  if (!loaded) return {};
  EXPECT_TRUE(LintSettings(*loaded, "production").empty());
  return loaded->settings;
}

TEST(SettingsExamples, ThoseOfThePageOnEnvironmentsMeanWhatItSays) {
  const Settings settings = Read("environments.md");
  EXPECT_EQ(settings.api.port, 8090);
  EXPECT_EQ(settings.features.notifications.share, 2'500);
  EXPECT_EQ(settings.logging.retention, std::chrono::days(90));
}

TEST(SettingsExamples, ThoseOfThePageOnRetentionMeanWhatItSays) {
  const Settings settings = Read("retention.md");
  EXPECT_EQ(settings.logging.retention, std::chrono::days(90));
  EXPECT_EQ(settings.logging.retention_runs, 1'000);
  EXPECT_EQ(settings.logging.retention_interval, std::chrono::hours(1));
  EXPECT_EQ(settings.features.log_retention.share, kWholeRollout);
}

}  // namespace
}  // namespace pipelined
