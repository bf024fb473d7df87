// `pipelined config show|lint|reference` and `pipelined version`.
#pragma once

#include <string>
#include <vector>

#include "pipelined/config/settings.h"

namespace pipelined::apps {

// `format`: table, json or yaml.
int ConfigShow(const SettingsSources& sources, const std::string& format);
int ConfigLint(const SettingsSources& sources);
// Every toggle and, of each of these DAGs, whether it is in. `format`: table or json.
int ConfigFeatures(const SettingsSources& sources, const std::vector<std::string>& dags, const std::string& format);
int ConfigReference();
int ShowVersion(const std::string& format);

}  // namespace pipelined::apps
