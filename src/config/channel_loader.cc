#include "config/channel_loader.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <sstream>
#include <utility>

#include "config/parse_value.h"
#include "pipelined/base/near_match.h"

namespace pipelined::config {
namespace {

constexpr std::size_t kLongestName = 64;

bool IsName(std::string_view name) {
  return !name.empty() && name.size() <= kLongestName && name != "." && name != ".." &&
         std::all_of(name.begin(), name.end(),
                     [](unsigned char c) { return std::isalnum(c) != 0 || c == '_' || c == '-' || c == '.'; });
}

std::string UnknownKey(const std::string& key) {
  std::vector<std::string_view> names;
  for (const ChannelSetting& setting : ChannelTable()) names.push_back(setting.key);
  if (const auto near = NearMatch(key, names))
    return fmt::format("a channel has no \"{}\"; did you mean \"{}\"?", key, *near);
  return fmt::format("a channel has no \"{}\"; it has {}", key, fmt::join(names, ", "));
}

// An address may hold a secret behind its host.
std::string ShowUrl(const std::string& url) {
  const std::size_t scheme = url.find("://");
  if (scheme == url.npos) return url.empty() ? "" : "***";
  const std::size_t end = url.find_first_of("/?#", scheme + 3);
  const std::string server = MaskPassword(url.substr(0, end));
  return end == url.npos || end + 1 == url.size() ? server : server + "/***";
}

std::string ShowKey(const ChannelSetting& setting, ChannelSettings& from) {
  return setting.key == "url" ? ShowUrl(from.url) : ShowIn(setting.AsSetting(), setting.slot(from));
}

// Where only one text can be given, blanks stand between the words of a list.
void SplitWords(std::string_view key, std::vector<std::string>& texts) {
  const ChannelSetting* setting = FindChannelSetting(key);
  if (setting == nullptr || setting->type != Type::kWords || texts.size() != 1) return;
  std::istringstream words(std::exchange(texts, {}).front());
  for (std::string word; words >> word;) texts.push_back(std::move(word));
}

bool RefersElsewhere(const ChannelLoader::Given& given) {
  return given.is_command || std::any_of(given.texts.begin(), given.texts.end(),
                                         [](const std::string& text) { return text.find("${") != text.npos; });
}

}  // namespace

ChannelLoader::Channel& ChannelLoader::Of(const std::string& name) {
  const auto [at, is_new] = channels_.try_emplace(name);
  if (!is_new) return at->second;
  at->second.settings.name = name;
  for (const ChannelSetting& setting : ChannelTable()) {
    if (setting.default_text.empty()) continue;
    (void)StoreIn(setting.AsSetting(), {std::string(setting.default_text)}, "", setting.slot(at->second.settings));
  }
  return at->second;
}

// What the texts refer to takes their place. False: they lead nowhere, which is said.
bool ChannelLoader::Resolve(const ChannelSetting& setting, Given& given, const std::string& name) {
  bool from_elsewhere = given.is_command;
  for (std::string& text : given.texts) {
    Result<std::string> value = given.is_command ? RunForValue(text, given.base_dir)
                                                 : Substitute(text, variables_, given.base_dir, from_elsewhere);
    if (!value) {
      problems_.push_back(fmt::format("{}: {}: {}", given.origin, name, value.error().message));
      return false;
    }
    text = std::move(*value);
  }
  if (!setting.by_reference || from_elsewhere || given.texts == std::vector<std::string>{""}) return true;
  problems_.push_back(
      fmt::format("{}: {}: a secret is not written out: say ${{env:NAME}}, ${{file:PATH}} or "
                  "{{command: PROGRAM}}",
                  given.origin, name));
  return false;
}

void ChannelLoader::Take(const std::string& channel, const std::string& key, Given given) {
  const std::string name = fmt::format("alerts.channels.{}.{}", channel, key);
  const ChannelSetting* setting = FindChannelSetting(key);
  if (!IsName(channel)) {
    problems_.push_back(
        fmt::format("{}: \"{}\" cannot be the name of a channel: letters, digits, _, - and .", given.origin, channel));
  } else if (setting == nullptr) {
    problems_.push_back(fmt::format("{}: {}", given.origin, UnknownKey(key)));
  } else if (!resolves_ && RefersElsewhere(given)) {
    Channel& into = Of(channel);
    into.is_whole = false;
    into.origins[setting->key] = given.origin;
  } else if (Resolve(*setting, given, name)) {
    Channel& into = Of(channel);
    const Status stored = StoreIn(setting->AsSetting(), given.texts, given.base_dir, setting->slot(into.settings));
    if (!stored) problems_.push_back(fmt::format("{}: {}: {}", given.origin, name, stored.error().message));
    if (setting->key == "ca_file" && !into.settings.ca_file.empty())
      into.settings.ca_file =
          (std::filesystem::path(given.base_dir) / into.settings.ca_file).lexically_normal().string();
    into.origins[setting->key] = given.origin;
  }
}

bool ChannelLoader::TakeFlat(std::string_view name, Given given) {
  if (!name.starts_with("channels.")) return false;
  name.remove_prefix(9);
  const std::size_t dot = name.rfind('.');  // a name may have dots, a key has none
  if (dot == name.npos) return false;
  SplitWords(name.substr(dot + 1), given.texts);
  Take(std::string(name.substr(0, dot)), std::string(name.substr(dot + 1)), std::move(given));
  return true;
}

bool ChannelLoader::TakeVariable(std::string_view name, Given given) {
  if (!name.starts_with("channels__")) return false;
  name.remove_prefix(10);
  const std::size_t gap = name.rfind("__");
  if (gap == name.npos) return false;
  SplitWords(name.substr(gap + 2), given.texts);
  Take(std::string(name.substr(0, gap)), std::string(name.substr(gap + 2)), std::move(given));
  return true;
}

void ChannelLoader::Finish() {
  if (!problems_.empty()) return;
  for (const auto& [name, channel] : channels_) {
    if (!channel.is_whole) continue;
    const std::string& origin = channel.origins.begin()->second;
    if (const std::string fault = ChannelFault(channel.settings); !fault.empty()) {
      problems_.push_back(fmt::format("{}: alerts.channels.{}.{}", origin, name, fault));
      continue;
    }
    for (const auto& [key, from] : channel.origins) {
      if (FindChannelSetting(key)->IsOf(channel.settings.type)) continue;
      problems_.push_back(
          fmt::format("{}: alerts.channels.{}.{}: a {} channel has none", from, name, key, channel.settings.type));
    }
  }
}

void ChannelLoader::MoveInto(LoadedSettings& loaded) {
  for (auto& [name, channel] : channels_) {
    for (const ChannelSetting& setting : ChannelTable()) {
      if (!setting.IsOf(channel.settings.type)) continue;
      const auto origin = channel.origins.find(setting.key);
      const bool left_out = !channel.is_whole && origin != channel.origins.end();
      loaded.effective.push_back({fmt::format("alerts.channels.{}.{}", name, setting.key),
                                  left_out ? "***" : ShowKey(setting, channel.settings),
                                  origin == channel.origins.end() ? "default" : origin->second});
    }
    loaded.settings.alerts.channels.push_back(std::move(channel.settings));
  }
}

}  // namespace pipelined::config
