#include "apps/sources.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>

extern char** environ;

namespace pipelined::apps {
namespace {

namespace fs = std::filesystem;

std::vector<std::pair<std::string, std::string>> Environment() {
  std::vector<std::pair<std::string, std::string>> variables;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    const std::size_t equals = text.find('=');
    if (equals != text.npos) variables.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  return variables;
}

}  // namespace

std::string ProgramFolder() {
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  return program.parent_path().string();
}

SettingsSources MakeSources(const std::string& home, const std::string& environment,
                            std::vector<std::pair<std::string, std::string>> command_line) {
  SettingsSources sources;
  sources.home = home;
  sources.environment = environment;
  if (const char* chosen = std::getenv("PIPELINED_ENV"); environment.empty() && chosen != nullptr)
    sources.environment = chosen;
  const std::string bin = ProgramFolder();
  for (const std::string& dir :
       {home, std::string("/etc/pipelined"), bin + "/../share/pipelined/config", bin + "/../../../config"}) {
    sources.config_dirs.push_back(fs::path(dir).lexically_normal().string());
  }
  std::error_code error;
  sources.working_dir = fs::current_path(error).string();
  sources.variables = Environment();
  sources.command_line = std::move(command_line);
  return sources;
}

}  // namespace pipelined::apps
