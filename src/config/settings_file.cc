#include "config/settings_file.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

namespace pipelined::config {
namespace {

constexpr std::uintmax_t kMostBytes = 1 << 20;

class Reader {
 public:
  explicit Reader(const std::string& path) : path_(path) {}

  SettingsFile Read() {
    std::error_code error;
    const auto size = std::filesystem::file_size(path_, error);
    if (error) return Failed(fmt::format("{}: cannot be read: {}", path_, error.message()));
    if (size > kMostBytes) return Failed(fmt::format("{}: larger than 1 MiB", path_));
    std::ifstream in(path_, std::ios::binary);
    std::stringstream text;
    text << in.rdbuf();
    if (!in) return size == 0 ? std::move(file_) : Failed(fmt::format("{}: cannot be read", path_));
    try {
      Document(YAML::Load(text.str()));
    } catch (const YAML::Exception& e) {
      Problem(e.mark.line + 1, e.msg);
    }
    return std::move(file_);
  }

 private:
  SettingsFile Failed(std::string problem) {
    file_.problems.push_back(std::move(problem));
    return std::move(file_);
  }
  void Problem(int line, const std::string& what) {
    file_.problems.push_back(fmt::format("{}:{}: {}", path_, line, what));
  }
  static int Line(const YAML::Node& node) { return node.Mark().line + 1; }

  void Document(const YAML::Node& root) {
    if (root.IsNull()) return;  // nothing but comments
    if (!root.IsMap()) return Problem(Line(root), "sections are wanted here, such as \"api:\"");
    std::set<std::string> seen;
    for (const auto& entry : root) {
      const std::string section = Key(entry.first);
      if (!seen.insert(section).second)
        Problem(Line(entry.first), fmt::format("the section \"{}\" is there twice", section));
      Section(section, entry.first, entry.second);
    }
  }

  void Section(const std::string& section, const YAML::Node& key, const YAML::Node& node) {
    if (node.IsNull()) return;  // every key of it is commented out
    if (!node.IsMap()) {
      // A setting written with its full name, or a section that is none: let the table say which names there are.
      file_.values.push_back({section, {}, {}, {}, false, Line(key)});
      return;
    }
    std::set<std::string> seen;
    for (const auto& entry : node) {
      const std::string name = Key(entry.first);
      if (!seen.insert(name).second) Problem(Line(entry.first), fmt::format("\"{}.{}\" is there twice", section, name));
      if (section == "alerts" && name == "channels" && (entry.second.IsMap() || entry.second.IsNull()))
        Channels(entry.second);
      else
        Setting(section, name, entry.first, entry.second);
    }
  }

  // name -> keys, each a value like that of a setting.
  void Channels(const YAML::Node& channels) {
    std::set<std::string> seen;
    for (const auto& channel : channels) {
      const std::string name = Key(channel.first);
      if (!seen.insert(name).second)
        Problem(Line(channel.first), fmt::format("the channel \"{}\" is there twice", name));
      if (!channel.second.IsMap()) {
        Problem(Line(channel.first), fmt::format("the channel \"{}\" wants keys, such as type and url", name));
        continue;
      }
      for (const auto& entry : channel.second) {
        const std::size_t before = file_.values.size();
        Setting("alerts", Key(entry.first), entry.first, entry.second);
        if (file_.values.size() > before) file_.values.back().channel = name;
      }
    }
  }

  void Setting(const std::string& section, const std::string& name, const YAML::Node& key, const YAML::Node& node) {
    FileValue value{section, name, {}, {}, false, Line(key)};
    if (node.IsNull()) {
      Problem(value.line, fmt::format("\"{}.{}\" has no value; leave the line out to keep the default", section, name));
      return;
    }
    if (node.IsScalar()) value.texts.push_back(node.Scalar());
    if (node.IsSequence()) {
      for (const auto& item : node) {
        if (!item.IsScalar())
          return Problem(Line(item), fmt::format("\"{}.{}\" wants plain values in its list", section, name));
        value.texts.push_back(item.Scalar());
      }
    }
    if (node.IsMap()) {
      const YAML::Node command = node["command"];
      if (node.size() != 1 || !command || !command.IsScalar()) {
        return Problem(value.line, fmt::format("\"{}.{}\" wants a value or {{command: PROGRAM}}", section, name));
      }
      value.texts.push_back(command.Scalar());
      value.is_command = true;
    }
    file_.values.push_back(std::move(value));
  }

  std::string Key(const YAML::Node& node) {
    if (node.IsScalar()) return node.Scalar();
    Problem(Line(node), "a key must be a plain word");
    return {};
  }

  const std::string& path_;
  SettingsFile file_;
};

}  // namespace

SettingsFile ReadSettingsFile(const std::string& path) {
  return Reader(path).Read();
}

}  // namespace pipelined::config
