#include "apps/config_command.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "apps/exit_code.h"
#include "apps/library_versions.h"
#include "apps/build_info.h"
#include "pipelined/config/lint.h"
#include "pipelined/schema/json.h"

namespace pipelined::apps {
namespace {

void PrintTable(const LoadedSettings& loaded) {
  std::size_t name_width = 7, value_width = 5;
  for (const EffectiveSetting& setting : loaded.effective) {
    name_width = std::max(name_width, setting.name.size());
    value_width = std::max(value_width, setting.value.size());
  }
  fmt::print("{:<{}}  {:<{}}  {}\n", "SETTING", name_width, "VALUE", value_width, "ORIGIN");
  for (const EffectiveSetting& setting : loaded.effective) {
    fmt::print("{:<{}}  {:<{}}  {}\n", setting.name, name_width, setting.value, value_width, setting.origin);
  }
}

void PrintJson(const LoadedSettings& loaded) {
  Value::List list;
  for (const EffectiveSetting& setting : loaded.effective) {
    list.push_back(Value::Map{{"name", setting.name}, {"value", setting.value}, {"origin", setting.origin}});
  }
  fmt::print("{}\n", ToPrettyJson(Value(std::move(list))));
}

using TogglesList = std::vector<const Rollout*>;

TogglesList Toggles(const Settings::Features& features) {
  return {&features.notifications, &features.log_retention};
}

const EffectiveSetting& Of(const LoadedSettings& loaded, const Rollout& toggle) {
  const std::string name = "features." + toggle.feature;
  return *std::find_if(loaded.effective.begin(), loaded.effective.end(),
                       [&](const EffectiveSetting& setting) { return setting.name == name; });
}

// One line per feature, or one per feature and DAG.
void PrintFeatures(const LoadedSettings& loaded, const TogglesList& toggles, const std::vector<std::string>& dags) {
  std::size_t width = 3;
  for (const std::string& dag : dags) width = std::max(width, dag.size());
  if (dags.empty()) {
    fmt::print("{:<14}  {:<6}  {}\n", "FEATURE", "DAGS", "ORIGIN");
  } else {
    fmt::print("{:<14}  {:<6}  {:<{}}  {:<3}  {}\n", "FEATURE", "DAGS", "DAG", width, "IN", "ORIGIN");
  }
  for (const Rollout* toggle : toggles) {
    const EffectiveSetting& setting = Of(loaded, *toggle);
    if (dags.empty()) fmt::print("{:<14}  {:<6}  {}\n", toggle->feature, setting.value, setting.origin);
    for (const std::string& dag : dags)
      fmt::print("{:<14}  {:<6}  {:<{}}  {:<3}  {}\n", toggle->feature, setting.value, dag, width,
                 toggle->Includes(dag) ? "yes" : "no", setting.origin);
  }
}

void PrintFeaturesAsJson(const LoadedSettings& loaded, const TogglesList& toggles,
                         const std::vector<std::string>& dags) {
  Value::List list;
  for (const Rollout* toggle : toggles) {
    const EffectiveSetting& setting = Of(loaded, *toggle);
    Value::Map in;
    for (const std::string& dag : dags) in.emplace_back(dag, toggle->Includes(dag));
    list.push_back(Value::Map{
        {"feature", toggle->feature}, {"value", setting.value}, {"origin", setting.origin}, {"dags", std::move(in)}});
  }
  fmt::print("{}\n", ToPrettyJson(Value(std::move(list))));
}

// As a settings file that says the same; a JSON string is a YAML string too.
void PrintYaml(const LoadedSettings& loaded) {
  std::string section;
  for (const EffectiveSetting& setting : loaded.effective) {
    const std::size_t dot = setting.name.find('.');
    if (setting.name.substr(0, dot) != section) fmt::print("{}:\n", section = setting.name.substr(0, dot));
    fmt::print("  {}: {}  # {}\n", setting.name.substr(dot + 1), ToJson(Value(setting.value)), setting.origin);
  }
}

}  // namespace

int ConfigShow(const SettingsSources& sources, const std::string& format) {
  const Result<LoadedSettings> loaded = LoadSettings(sources);
  if (!loaded) return Report(loaded.error());
  if (format == "json") {
    PrintJson(*loaded);
  } else if (format == "yaml") {
    PrintYaml(*loaded);
  } else {
    PrintTable(*loaded);
  }
  return kDone;
}

int ConfigLint(const SettingsSources& sources) {
  const Result<LoadedSettings> loaded = LoadSettings(sources);
  if (!loaded) {
    fmt::print("{}\n", loaded.error().message);
    return kFailed;
  }
  const std::vector<LintFinding> findings = LintSettings(*loaded, sources.environment);
  for (const LintFinding& finding : findings)
    fmt::print("{}: {}: {}: {}\n", finding.origin, finding.code, finding.name, finding.what);
  if (!findings.empty()) return kFailed;
  const auto set = std::count_if(loaded->effective.begin(), loaded->effective.end(),
                                 [](const EffectiveSetting& setting) { return setting.origin != "default"; });
  fmt::print("no mistakes: {} settings, {} of them not the default\n", loaded->effective.size(), set);
  return kDone;
}

int ConfigFeatures(const SettingsSources& sources, const std::vector<std::string>& dags, const std::string& format) {
  const Result<LoadedSettings> loaded = LoadSettings(sources);
  if (!loaded) return Report(loaded.error());
  const Settings::Features& features = loaded->settings.features;
  if (format == "json") {
    PrintFeaturesAsJson(*loaded, Toggles(features), dags);
  } else {
    PrintFeatures(*loaded, Toggles(features), dags);
  }
  return kDone;
}

int ConfigReference() {
  fmt::print("{}", SettingsReference());
  return kDone;
}

int ShowVersion(const std::string& format) {
  const auto libraries = LibraryVersions();
  if (format == "json") {
    Value::Map map;
    for (const auto& [name, version] : libraries) map.emplace_back(name, version);
    fmt::print("{}\n",
               ToPrettyJson(Value::Map{
                   {"version", PIPELINED_VERSION}, {"commit", PIPELINED_COMMIT}, {"libraries", std::move(map)}}));
    return kDone;
  }
  fmt::print("pipelined {} (commit {})\n", PIPELINED_VERSION, PIPELINED_COMMIT);
  for (const auto& [name, version] : libraries) fmt::print("  {:<12} {}\n", name, version);
  return kDone;
}

}  // namespace pipelined::apps
