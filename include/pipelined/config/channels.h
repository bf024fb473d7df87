// Channels that notifications go to: `alerts.channels` of the settings. DAG files know them by name alone.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pipelined/base/result.h"
#include "pipelined/base/time.h"

namespace pipelined {

// A value of a channel as it was given.
struct ChannelValue {
  std::string_view key;            // of the table of channels
  std::vector<std::string> texts;  // one, or several for a list
  std::string origin, base_dir;    // where it was given; where its relative paths start
  bool is_command = false;         // {command: PROGRAM}
};

struct ChannelSettings {
  std::string name;
  std::string type;  // "webhook", "slack", "alertmanager", "mail", "command"

  // of all
  std::int64_t rate = 0;    // tries …
  Micros rate_window{0};    // … in this time; rate 0: any number
  Micros dedupe_window{0};  // of several with the same key within it one is sent; 0: all are
  Micros timeout{0};        // of one try, as a whole
  std::int64_t max_tries = 0;
  Micros retry_delay{0}, max_retry_delay{0};

  // of webhook, slack, alertmanager
  std::string url, token, ca_file;
  std::string secret;  // webhook: what bodies are signed with
  std::string labels;  // alertmanager: "severity=critical team=data"
  Micros alert_for{0};

  // of mail
  std::string user, password, from, tls;  // tls: "required", "none"
  std::vector<std::string> to;

  std::vector<std::string> command;  // the program and its arguments

  // Values that refer to a variable, a file or a program, and were not looked up: their keys have their defaults.
  std::vector<ChannelValue> references;
};

// The channel with everything in its place that it refers to; `variables` is the environment. The error says what
// cannot be read, or what is wrong with what was read, and repeats no value.
Result<ChannelSettings> LookUpChannel(const ChannelSettings& channel,
                                      const std::vector<std::pair<std::string, std::string>>& variables);

}  // namespace pipelined
