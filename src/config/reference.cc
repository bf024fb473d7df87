#include <fmt/format.h>

#include "config/channel_table.h"
#include "config/setting_table.h"

namespace pipelined {
namespace {

using config::Setting;
using config::Type;

std::string Commented(std::string_view text) {
  std::string out = "  # ";
  for (const char c : text) {
    out += c;
    if (c == '\n') out += "  # ";
  }
  return out + "\n";
}

std::string Range(const Setting& setting) {
  switch (setting.type) {
    case Type::kInteger:
      return fmt::format("A whole number from {} to {}.", setting.least, setting.most);
    case Type::kFlag:
      return "true or false.";
    case Type::kDuration:
      return "A duration: 500ms, 30s, 5m, 1h30m, 2d.";
    case Type::kSize:
      return "A size in bytes, or with KiB, MiB, GiB.";
    case Type::kChoice: {
      std::string words;
      for (const char c : setting.choices) words += c == '|' ? std::string(", ") : std::string(1, c);
      return fmt::format("One of {}.", words);
    }
    case Type::kPaths:
      return "A path, or a list of them.";
    case Type::kSecret:
    case Type::kHidden:
      return "Masked wherever settings are shown.";
    case Type::kRollout:
      return "on, off, or a percentage of the DAGs such as 25% or 0.5%: a DAG that is in stays in when it grows.";
    case Type::kText:
    case Type::kWords:
      return {};
  }
  return {};
}

constexpr std::string_view kHead =
    "# Every setting of pipelined with its default. Copy what you change to pipelined.yaml in the home folder "
    "(--home,\n"
    "# $PIPELINED_HOME, ~/.pipelined). This file itself is not read.\n"
    "#\n"
    "# Order, last wins: the default, <environment>.yaml beside this file (--env or PIPELINED_ENV: development, "
    "testing,\n"
    "# production), pipelined.yaml in the home, an environment variable PIPELINED__SECTION__KEY such as "
    "PIPELINED__API__PORT,\n"
    "# the command line. `pipelined config show` prints what is in effect and where it came from; `pipelined config "
    "lint` checks.\n"
    "#\n"
    "# A value may hold ${env:NAME} and ${file:PATH}, and may be {command: PROGRAM} instead, whose output is then the "
    "value.\n";

}  // namespace

std::string SettingsReference() {
  std::string out(kHead);
  std::string_view section;
  for (const Setting& setting : config::Table()) {
    if (setting.section != section) out += fmt::format("\n{}:\n", setting.section);
    if (setting.section == section) out += "\n";
    section = setting.section;
    out += Commented(setting.meaning);
    if (const std::string range = Range(setting); !range.empty()) out += Commented(range);
    out += fmt::format("  # {}: {}\n", setting.key, setting.default_text.empty() ? "\"\"" : setting.default_text);
  }
  return out + config::ChannelReference();
}

std::vector<SettingMeaning> SettingMeanings() {
  std::vector<SettingMeaning> all;
  for (const Setting& setting : config::Table()) {
    std::string meaning(setting.meaning);
    if (const std::string range = Range(setting); !range.empty()) meaning += "\n" + range;
    all.push_back({setting.name(), std::string(setting.default_text), std::move(meaning)});
  }
  for (const config::ChannelSetting& setting : config::ChannelTable())
    all.push_back({fmt::format("alerts.channels.NAME.{}", setting.key), std::string(setting.default_text),
                   std::string(setting.meaning)});
  return all;
}

}  // namespace pipelined
