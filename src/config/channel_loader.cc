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
  return given.is_command || std::any_of(given.texts.begin(), given.texts.end(), [](const std::string& text) {
           return text.find("${env:") != text.npos || text.find("${file:") != text.npos;
         });
}

std::string NameOf(const std::string& channel, std::string_view key) {
  return fmt::format("alerts.channels.{}.{}", channel, key);
}

Error Invalid(std::string message) {
  return {ErrorCode::kInvalid, std::move(message), {}};
}

// Everything that `given` refers to takes its place; answers whether there was anything.
Result<bool> LookUp(ChannelValue& given, const Variables& variables) {
  bool from_elsewhere = given.is_command;
  for (std::string& text : given.texts) {
    Result<std::string> value = given.is_command ? RunForValue(text, given.base_dir)
                                                 : Substitute(text, variables, given.base_dir, from_elsewhere);
    if (!value) return value.error();
    text = std::move(*value);
  }
  return from_elsewhere;
}

Status StoreLookedUp(ChannelValue given, const Variables& variables, ChannelSettings& into) {
  const Result<bool> from_elsewhere = LookUp(given, variables);
  if (!from_elsewhere) return from_elsewhere.error();
  const ChannelSetting& setting = *FindChannelSetting(given.key);
  if (setting.by_reference && !*from_elsewhere && given.texts != std::vector<std::string>{""})
    return Invalid("a secret is not written out: say ${env:NAME}, ${file:PATH} or {command: PROGRAM}");
  if (const Status stored = StoreIn(setting.AsSetting(), given.texts, given.base_dir, setting.slot(into)); !stored)
    // A value that came from elsewhere may be a secret: it is not repeated.
    return *from_elsewhere ? Status(Invalid("the value it refers to does not fit its type")) : stored;
  if (setting.key == "ca_file" && !into.ca_file.empty())
    into.ca_file = (std::filesystem::path(given.base_dir) / into.ca_file).lexically_normal().string();
  return Ok();
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

void ChannelLoader::Put(Channel& channel, const Given& given) {
  const Status stored = StoreLookedUp(given, variables_, channel.settings);
  if (stored) return;
  channel.unknown.insert(given.key);
  problems_.push_back(
      fmt::format("{}: {}: {}", given.origin, NameOf(channel.settings.name, given.key), stored.error().message));
}

void ChannelLoader::Take(const std::string& channel, const std::string& key, Given given) {
  const ChannelSetting* setting = FindChannelSetting(key);
  if (!IsName(channel)) {
    problems_.push_back(
        fmt::format("{}: \"{}\" cannot be the name of a channel: letters, digits, _, - and .", given.origin, channel));
    return;
  }
  if (setting == nullptr) {
    problems_.push_back(fmt::format("{}: {}", given.origin, UnknownKey(key)));
    return;
  }
  given.key = setting->key;
  Channel& into = Of(channel);
  std::vector<ChannelValue>& references = into.settings.references;
  std::erase_if(references, [&](const ChannelValue& earlier) { return earlier.key == given.key; });
  into.unknown.erase(given.key);
  into.origins[given.key] = given.origin;
  if (RefersElsewhere(given))
    references.push_back(std::move(given));  // until it is clear that it is the last word
  else
    Put(into, given);
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
  for (auto& [name, channel] : channels_) {
    if (resolves_) {
      for (const ChannelValue& reference : std::exchange(channel.settings.references, {})) {
        channel.referring.insert(reference.key);
        Put(channel, reference);
      }
    }
    for (const ChannelValue& reference : channel.settings.references) channel.unknown.insert(reference.key);
    LookAt(name, channel);
  }
}

void ChannelLoader::LookAt(const std::string& name, const Channel& channel) {
  const auto origin_of = [&](std::string_view key) {
    for (const std::string_view place : {key, std::string_view("type")}) {
      if (const auto at = channel.origins.find(place); at != channel.origins.end()) return at->second;
    }
    return channel.origins.begin()->second;
  };
  for (const ChannelFault& fault : ChannelFaults(channel.settings, channel.unknown))
    problems_.push_back(fmt::format("{}: {}: {}", origin_of(fault.key), NameOf(name, fault.key),
                                    fault.Text(!channel.referring.contains(fault.key))));
  if (channel.settings.type.empty()) return;
  for (const auto& [key, from] : channel.origins) {
    if (FindChannelSetting(key)->IsOf(channel.settings.type)) continue;
    problems_.push_back(fmt::format("{}: {}: a {} channel has none", from, NameOf(name, key), channel.settings.type));
  }
}

void ChannelLoader::MoveInto(LoadedSettings& loaded) {
  for (auto& [name, channel] : channels_) {
    for (const ChannelSetting& setting : ChannelTable()) {
      if (!setting.IsOf(channel.settings.type)) continue;
      const auto origin = channel.origins.find(setting.key);
      loaded.effective.push_back({NameOf(name, setting.key),
                                  channel.unknown.contains(setting.key) ? "***" : ShowKey(setting, channel.settings),
                                  origin == channel.origins.end() ? "default" : origin->second});
    }
    loaded.settings.alerts.channels.push_back(std::move(channel.settings));
  }
}

}  // namespace pipelined::config

namespace pipelined {

Result<ChannelSettings> LookUpChannel(const ChannelSettings& channel,
                                      const std::vector<std::pair<std::string, std::string>>& variables) {
  ChannelSettings whole = channel;
  for (const ChannelValue& reference : std::exchange(whole.references, {})) {
    if (const Status stored = config::StoreLookedUp(reference, variables, whole); !stored)
      return Error{ErrorCode::kUnavailable,
                   fmt::format("{}: {}", config::NameOf(channel.name, reference.key), stored.error().message),
                   {}};
  }
  const auto faults = config::ChannelFaults(whole, {});
  if (faults.empty()) return whole;
  const config::ChannelFault& first = faults.front();
  const bool refers = std::any_of(channel.references.begin(), channel.references.end(),
                                  [&](const ChannelValue& reference) { return reference.key == first.key; });
  return config::Invalid(fmt::format("{}: {}", config::NameOf(channel.name, first.key), first.Text(!refers)));
}

}  // namespace pipelined
