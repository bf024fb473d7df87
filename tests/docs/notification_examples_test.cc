// The examples of docs/notifications.md: the DAG file is loaded, the settings are read, and they belong together.
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

// The ```yaml block whose first line is `head`, without that line.
std::string Block(const std::string& head) {
  std::ifstream file(std::string(PIPELINED_SOURCE_DIR) + "/docs/notifications.md");
  std::string text, before;
  bool inside = false;
  for (std::string line; std::getline(file, line); before = line) {
    if (inside && line == "```") return text;
    if (inside) text += line + "\n";
    if (before == "```yaml" && line.starts_with(head)) inside = true;
  }
  ADD_FAILURE() << "no block " << head;
  return {};
}

DagPtr Example() {
  const SystemZones zones;
  const LoadOptions options{"/dags/sales.yaml", "sales.yaml", "", {}, {}};
  const LoadResult result = LoadText(Block("# dags/sales.yaml"), options, zones);
  EXPECT_TRUE(result.diagnostics.empty()) << Format(result.diagnostics);
  return result.dags.size() == 1 ? result.dags[0].dag : nullptr;
}

std::vector<ChannelSettings> Channels() {
  std::string home = ::testing::TempDir() + "docs_XXXXXX";
  EXPECT_NE(mkdtemp(home.data()), nullptr);
  std::ofstream(home + "/pipelined.yaml") << Block("# pipelined.yaml");
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
  const DagPtr dag = Example();
  ASSERT_NE(dag, nullptr);
  std::set<std::string> known;
  for (const ChannelSettings& channel : Channels()) known.insert(channel.name);
  EXPECT_EQ(known.size(), 5U);
  const std::vector<NotifyUse> uses = UsesOf(*dag);
  EXPECT_GE(uses.size(), 5U);
  for (const NotifyUse& use : uses) EXPECT_TRUE(known.contains(use.channel)) << use.channel;
}

TEST(NotificationExamples, ItsTemplatesGiveTexts) {
  const DagPtr dag = Example();
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
