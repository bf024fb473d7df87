// `pipelined config show|lint|reference` and `pipelined version`.
#pragma once

#include <string>

#include "pipelined/config/settings.h"

namespace pipelined::apps {

// `format`: table, json or yaml.
int ConfigShow(const SettingsSources& sources, const std::string& format);
int ConfigLint(const SettingsSources& sources);
int ConfigReference();
int ShowVersion(const std::string& format);

}  // namespace pipelined::apps
