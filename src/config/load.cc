#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "config/channel_loader.h"
#include "config/parse_value.h"
#include "config/setting_table.h"
#include "config/settings_file.h"
#include "config/substitution.h"
#include "pipelined/base/near_match.h"

namespace pipelined {
namespace config {
namespace {

constexpr std::string_view kPrefix = "PIPELINED__";
constexpr std::string_view kReference = "pipelined";  // pipelined.yaml: the home's own settings, or the list of all

// One value on its way in.
struct Given {
  const Setting* setting = nullptr;
  std::vector<std::string> texts;
  std::string origin, base_dir;
  bool is_command = false;
};

std::vector<std::string> SplitPaths(const std::string& text) {
  std::vector<std::string> parts;
  std::size_t start = 0;
  for (std::size_t end = 0; end != text.npos; start = end + 1) {
    end = text.find(':', start);
    parts.push_back(text.substr(start, end == text.npos ? end : end - start));
  }
  return parts;
}

// What to say of a name that is not in the table.
std::string UnknownName(const std::string& section, const std::string& key) {
  std::vector<std::string> names;
  for (const Setting& setting : Table()) names.push_back(setting.name());
  if (section == "alerts") return "alerts has channels, each with a name, a type and more";
  for (const std::string_view later : LaterSections()) {
    if (section == later) return fmt::format("the section \"{}\" has no settings yet in this version", section);
  }
  const std::string name = key.empty() ? section : section + "." + key;
  for (const std::string& known : names) {
    if (known.ends_with("." + (key.empty() ? section : key))) {
      return fmt::format("unknown setting \"{}\"; did you mean \"{}\"?", name, known);
    }
  }
  const std::vector<std::string_view> candidates(names.begin(), names.end());
  if (const auto near = NearMatch(name, candidates))
    return fmt::format("unknown setting \"{}\"; did you mean \"{}\"?", name, *near);
  return fmt::format("unknown setting \"{}\"; `pipelined config show` lists them all", name);
}

class Loader {
 public:
  explicit Loader(const SettingsSources& sources) : sources_(sources) {}

  Result<LoadedSettings> Load() {
    Defaults();
    EnvironmentFile();
    HomeFile();
    ProcessVariables();
    CommandLine();
    channels_.Finish();
    if (!problems_.empty()) return Error{ErrorCode::kInvalid, fmt::format("{}", fmt::join(problems_, "\n")), {}};
    LoadedSettings loaded{std::move(settings_), {}};
    for (std::size_t i = 0; i < Table().size(); ++i) {
      const Setting& setting = Table()[i];
      const bool hide = hidden_[i] && setting.type == Type::kSecret;
      loaded.effective.push_back(
          {setting.name(), hide ? "***" : Show(setting, loaded.settings), origins_[i], hidden_[i]});
    }
    channels_.MoveInto(loaded);
    return loaded;
  }

 private:
  void Defaults() {
    for (const Setting& setting : Table())
      Apply({&setting, {std::string(setting.default_text)}, "default", sources_.home, false});
  }

  void EnvironmentFile() {
    const std::string& name = sources_.environment;
    if (name.empty()) return;
    if (name.find('/') != name.npos || name.starts_with('.') || name == kReference) return UnknownEnvironment();
    for (const std::string& dir : sources_.config_dirs) {
      const std::string path = dir + "/" + name + ".yaml";
      std::error_code ignored;
      if (std::filesystem::exists(path, ignored)) return File(path);
    }
    UnknownEnvironment();
  }

  void UnknownEnvironment() {
    const std::vector<std::string> known = KnownEnvironments(sources_);
    const auto near = NearMatch(sources_.environment, std::vector<std::string_view>(known.begin(), known.end()));
    std::string text = fmt::format("there is no environment \"{}\"", sources_.environment);
    if (near) text += fmt::format("; did you mean \"{}\"?", *near);
    text += fmt::format("{} known: {} (files NAME.yaml in {})", near ? "" : ";",
                        known.empty() ? "none" : fmt::format("{}", fmt::join(known, ", ")),
                        fmt::join(sources_.config_dirs, ", "));
    problems_.push_back(std::move(text));
  }

  void HomeFile() {
    const std::string path = sources_.home + "/pipelined.yaml";
    std::error_code ignored;
    if (std::filesystem::exists(path, ignored)) File(path);
  }

  // An environment's file speaks for every home, so its relative paths start at the home too.
  void File(const std::string& path) {
    SettingsFile file = ReadSettingsFile(path);
    problems_.insert(problems_.end(), file.problems.begin(), file.problems.end());
    for (FileValue& value : file.values) {
      const std::string origin = fmt::format("{}:{}", path, value.line);
      if (!value.channel.empty()) {
        channels_.Take(value.channel, value.key, {{}, std::move(value.texts), origin, sources_.home, value.is_command});
        continue;
      }
      if (value.section == "alerts" &&
          channels_.TakeFlat(value.key, {{}, value.texts, origin, sources_.home, value.is_command}))
        continue;
      const Setting* setting = Find(value.section + "." + value.key);
      if (setting == nullptr) {
        problems_.push_back(fmt::format("{}: {}", origin, UnknownName(value.section, value.key)));
        continue;
      }
      Apply({setting, std::move(value.texts), origin, sources_.home, value.is_command});
    }
  }

  void ProcessVariables() {
    for (const auto& [variable, value] : sources_.variables) {
      if (!variable.starts_with(kPrefix)) continue;
      std::string name = variable.substr(kPrefix.size());
      std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
      const std::size_t gap = name.find("__");
      const std::string section = name.substr(0, gap), key = gap == name.npos ? "" : name.substr(gap + 2);
      if (section == "alerts" && channels_.TakeVariable(key, {{}, {value}, variable, sources_.working_dir, false}))
        continue;
      const Setting* setting = Find(section + "." + key);
      if (setting == nullptr) {
        problems_.push_back(fmt::format("{}: {}", variable, UnknownName(section, key)));
        continue;
      }
      Apply({setting, Texts(*setting, value), variable, sources_.working_dir, false});
    }
  }

  void CommandLine() {
    std::vector<std::pair<const Setting*, std::vector<std::string>>> given;
    for (const auto& [name, value] : sources_.command_line) {
      if (name.starts_with("alerts.") &&
          channels_.TakeFlat(name.substr(7), {{}, {value}, "command line", sources_.working_dir, false}))
        continue;
      const Setting* setting = Find(name);
      if (setting == nullptr) {
        problems_.push_back(fmt::format("command line: {}", UnknownName(name, {})));
        continue;
      }
      const auto same =
          std::find_if(given.begin(), given.end(), [&](const auto& entry) { return entry.first == setting; });
      if (same != given.end() && setting->type == Type::kPaths) {
        same->second.push_back(value);
      } else if (same != given.end()) {
        same->second = {value};
      } else {
        given.emplace_back(setting, std::vector<std::string>{value});
      }
    }
    for (auto& [setting, texts] : given)
      Apply({setting, std::move(texts), "command line", sources_.working_dir, false});
  }

  static std::vector<std::string> Texts(const Setting& setting, const std::string& value) {
    return setting.type == Type::kPaths ? SplitPaths(value) : std::vector<std::string>{value};
  }

  void Apply(Given given) {
    const auto index = static_cast<std::size_t>(given.setting - Table().data());
    bool from_elsewhere = given.is_command;
    for (std::string& text : given.texts) {
      Result<std::string> value = given.is_command
                                      ? RunForValue(text, given.base_dir)
                                      : Substitute(text, sources_.variables, given.base_dir, from_elsewhere);
      if (!value) return Problem(given, value.error().message);
      text = std::move(*value);
    }
    if (const Status stored = Store(*given.setting, given.texts, given.base_dir, settings_); !stored) {
      // A value that came from elsewhere may be a secret: it is not repeated.
      return Problem(given, from_elsewhere ? "the value it refers to does not fit its type" : stored.error().message);
    }
    origins_[index] = given.origin;
    hidden_[index] = from_elsewhere;
  }

  void Problem(const Given& given, const std::string& what) {
    problems_.push_back(fmt::format("{}: {}: {}", given.origin, given.setting->name(), what));
  }

  const SettingsSources& sources_;
  Settings settings_;
  std::vector<std::string> problems_;
  ChannelLoader channels_{sources_.variables, sources_.with_channels, problems_};
  std::vector<std::string> origins_ = std::vector<std::string>(Table().size());
  std::vector<bool> hidden_ = std::vector<bool>(Table().size());
};

}  // namespace
}  // namespace config

Result<LoadedSettings> LoadSettings(const SettingsSources& sources) {
  return config::Loader(sources).Load();
}

std::vector<std::string> KnownEnvironments(const SettingsSources& sources) {
  std::set<std::string> names;
  for (const std::string& dir : sources.config_dirs) {
    std::error_code error;
    for (std::filesystem::directory_iterator at(dir, error), end; !error && at != end; at.increment(error)) {
      const std::filesystem::path file = at->path();
      if (file.extension() == ".yaml" && file.stem() != config::kReference) names.insert(file.stem());
    }
  }
  return {names.begin(), names.end()};
}

log::Level LogLevel(const Settings& settings) {
  const std::string& word = settings.logging.level;
  if (word == "debug") return log::Level::kDebug;
  if (word == "warning") return log::Level::kWarning;
  if (word == "error") return log::Level::kError;
  if (word == "off") return log::Level::kOff;
  return log::Level::kInfo;
}

std::string MaskPassword(const std::string& url) {
  std::string masked = url;
  const std::size_t scheme = masked.find("://");
  const std::size_t start = scheme == masked.npos ? 0 : scheme + 3;
  if (scheme != masked.npos) {
    const std::size_t at = masked.rfind('@');  // the last one: rather too much than half a password
    const std::size_t colon = masked.find(':', start);
    if (at != masked.npos && at > start && colon < at) masked.replace(colon + 1, at - colon - 1, "***");
  }
  constexpr std::string_view kKey = "password=";
  if (const std::size_t key = masked.find(kKey); key != masked.npos) {
    const std::size_t value = key + kKey.size();
    const bool quoted = masked.compare(value, 1, "'") == 0;
    const std::size_t end = quoted ? masked.npos : masked.find_first_of("& ", value);
    masked.replace(value, end == masked.npos ? end : end - value, "***");
  }
  return masked;
}

}  // namespace pipelined
