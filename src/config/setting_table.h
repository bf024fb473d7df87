// The one table of settings. Everything else (parsing, checks, `config show`, the reference file) is made from it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "pipelined/base/time.h"
#include "pipelined/config/settings.h"

namespace pipelined::config {

enum class Type : std::uint8_t {
  kInteger,   // between `least` and `most`
  kDuration,  // "30s"; at least `least` milliseconds
  kSize,      // "10MiB"
  kFlag,      // true or false
  kText,
  kChoice,   // one of `choices`
  kWords,    // a list of texts, or one
  kPaths,    // one path or a list; ":" between them where only text can be given
  kSecret,   // text with a password in it
  kHidden,   // text that is a secret as a whole
  kRollout,  // on, off or a percentage of DAGs; `key` is the feature
};

using Slot = std::variant<bool*, std::int64_t*, Micros*, std::string*, std::vector<std::string>*, Rollout*>;

struct Setting {
  std::string_view section, key;
  Type type;
  std::string_view default_text;  // read like any other value
  std::string_view meaning;       // one or more sentences; "\n" between lines
  std::int64_t least = 0, most = 0;
  std::string_view choices;  // "a|b|c"
  Slot (*slot)(Settings&);   // where the value goes; its kind follows `type`

  std::string name() const { return std::string(section) + "." + std::string(key); }
};

std::span<const Setting> Table();
const Setting* Find(std::string_view name);  // "api.port"; nullptr when there is none

// Sections that interfaces promise and that have no setting in this version.
std::span<const std::string_view> LaterSections();

}  // namespace pipelined::config
