// A settings file as it is written: sections, keys, texts, lines. The module's only door to yaml-cpp.
#pragma once

#include <string>
#include <vector>

namespace pipelined::config {

struct FileValue {
  std::string section, key;
  std::string channel = {};        // of alerts.channels: `key` is one of its keys
  std::vector<std::string> texts;  // one; several for a list
  bool is_command = false;         // texts[0] is the program of `{command: …}`
  int line = 0;                    // from 1
};

struct SettingsFile {
  std::vector<FileValue> values;
  std::vector<std::string> problems;  // "path:line: what"
};

// Never throws. A file that is not there is a problem too: the caller asks first.
SettingsFile ReadSettingsFile(const std::string& path);

}  // namespace pipelined::config
