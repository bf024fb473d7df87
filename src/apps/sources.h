// Where this process's settings come from: its environment, its files, its command line.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "pipelined/config/settings.h"

namespace pipelined::apps {

// The folder of the running program, resolved.
std::string ProgramFolder();

// `environment` empty: $PIPELINED_ENV. Environments' files are looked for in the home, /etc/pipelined, and where this
// program was installed or built.
SettingsSources MakeSources(const std::string& home, const std::string& environment,
                            std::vector<std::pair<std::string, std::string>> command_line);

}  // namespace pipelined::apps
