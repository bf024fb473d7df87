// From text to the typed value of a setting, and back to the text that `config show` prints.
#pragma once

#include <string>
#include <vector>

#include "config/setting_table.h"

namespace pipelined::config {

// Stores `texts` (one, or several for a list) in the setting's slot. Relative paths start at `base_dir`. kInvalid says
// what would be valid, without the place: the caller knows it.
Status Store(const Setting& setting, const std::vector<std::string>& texts, const std::string& base_dir,
             Settings& into);

// The same where the slot is known, and not said by the setting.
Status StoreIn(const Setting& setting, const std::vector<std::string>& texts, const std::string& base_dir,
               const Slot& slot);

// The value as text; secrets are masked.
std::string Show(const Setting& setting, Settings& from);
std::string ShowIn(const Setting& setting, const Slot& slot);

}  // namespace pipelined::config
