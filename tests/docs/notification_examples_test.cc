// The examples of docs/notifications.md and docs/channels: DAG files are loaded, settings are read, and they belong
// together.
#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "pipelined/config/settings.h"
#include "pipelined/dagfile/load.h"
#include "pipelined/notify/message.h"
#include "pipelined/zoneinfo/system_zones.h"

namespace pipelined {
namespace {

constexpr const char* kOverview = "notifications.md";

// The ```yaml block of a page whose first line begins with `head`, without that line.
std::string Block(const std::string& page, const std::string& head) {
  std::ifstream file(std::string(PIPELINED_SOURCE_DIR) + "/docs/" + page);
  std::string text, before;
  bool inside = false;
  for (std::string line; std::getline(file, line); before = line) {
    if (inside && line == "```") return text;
    if (inside) text += line + "\n";
    if (before == "```yaml" && line.starts_with(head)) inside = true;
  }
  ADD_FAILURE() << page << " has no block " << head;
  return {};
}

DagPtr Example(const std::string& page) {
  const SystemZones zones;
  const LoadOptions options{"/dags/sales.yaml", "sales.yaml", "", {}, {}};
  const LoadResult result = LoadText(Block(page, "# dags/"), options, zones);
  EXPECT_TRUE(result.diagnostics.empty()) << Format(result.diagnostics);
  return result.dags.size() == 1 ? result.dags[0].dag : nullptr;
}

std::vector<ChannelSettings> Channels(const std::string& page) {
  std::string home = ::testing::TempDir() + "docs_XXXXXX";
  EXPECT_NE(mkdtemp(home.data()), nullptr);
  std::ofstream(home + "/pipelined.yaml") << Block(page, "# pipelined.yaml");
  SettingsSources sources;
  sources.home = home;
  sources.working_dir = "/";
  sources.variables = {{"HOOK_SECRET", "a"}, {"SLACK_URL", "https://hooks.slack.com/x"}, {"MAIL_PASSWORD", "b"}};
  const auto loaded = LoadSettings(sources);
  EXPECT_TRUE(loaded.ok()) << loaded.error().message;
  std::filesystem::remove_all(home);
  return loaded ? loaded->settings.alerts.channels : std::vector<ChannelSettings>();
}

std::vector<NotifyUse> UsesOf(const Dag& dag) {
  std::vector<NotifyUse> all;
  const auto add = [&](const std::vector<NotifyUse>& uses) { all.insert(all.end(), uses.begin(), uses.end()); };
  const auto add_rules = [&](const NotifyRulesPtr& rules) {
    if (rules == nullptr) return;
    for (const std::vector<NotifyUse>& uses : rules->on) add(uses);
  };
  add_rules(dag.notify);
  for (const Deadline& deadline : dag.deadlines) add(deadline.on_missed);
  for (const Task& task : dag.tasks) add_rules(task.notify);
  return all;
}

TEST(NotificationExamples, EveryChannelOfTheFileIsOneOfTheSettings) {
  const DagPtr dag = Example(kOverview);
  ASSERT_NE(dag, nullptr);
  std::set<std::string> known;
  for (const ChannelSettings& channel : Channels(kOverview)) known.insert(channel.name);
  EXPECT_EQ(known.size(), 5U);
  const std::vector<NotifyUse> uses = UsesOf(*dag);
  EXPECT_GE(uses.size(), 5U);
  for (const NotifyUse& use : uses) EXPECT_TRUE(known.contains(use.channel)) << use.channel;
}

TEST(NotificationExamples, APageOfAChannelIsAboutOneOfItsType) {
  for (const char* type : {"webhook", "slack", "mail", "alertmanager", "command"}) {
    const std::string page = std::string("channels/") + type + ".md";
    const std::vector<ChannelSettings> channels = Channels(page);
    ASSERT_EQ(channels.size(), 1U) << page;
    EXPECT_EQ(channels[0].type, type);
    const DagPtr dag = Example(page);
    ASSERT_NE(dag, nullptr);
    const std::vector<NotifyUse> uses = UsesOf(*dag);
    EXPECT_FALSE(uses.empty());
    for (const NotifyUse& use : uses) EXPECT_EQ(use.channel, channels[0].name) << page;
  }
}

TEST(NotificationExamples, ItsTemplatesGiveTexts) {
  const DagPtr dag = Example(kOverview);
  ASSERT_NE(dag, nullptr);
  for (const NotifyUse& use : UsesOf(*dag)) {
    Notification row;
    row.use = use;
    row.dag_id = dag->id;
    row.run_id = "r";
    row.facts = Value::Map{{"logical_date", "2026-01-01T00:00:00+00:00"}, {"duration", 12.5}};
    const notify::Message message = notify::MakeMessage(row, {"i", "https://x"});
    EXPECT_EQ(message.text.find("template of this message failed"), message.text.npos) << message.text;
  }
}

}  // namespace
}  // namespace pipelined
