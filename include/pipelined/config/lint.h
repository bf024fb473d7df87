// What is wrong with settings that each are valid: they contradict each other, or are no good in production.
#pragma once

#include <string>
#include <vector>

#include "pipelined/config/settings.h"

namespace pipelined {

struct LintFinding {
  std::string code;    // "CFG101": stable
  std::string origin;  // where the setting was given, as in EffectiveSetting
  std::string name;    // "api.allow_insecure"
  std::string what;    // with the remedy
};

// In the order of the codes. CFG1xx hold everywhere, CFG2xx only where `environment` is "production".
std::vector<LintFinding> LintSettings(const LoadedSettings& loaded, const std::string& environment);

}  // namespace pipelined
