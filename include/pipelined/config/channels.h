// Channels that notifications go to: `alerts.channels` of the settings. DAG files know them by name alone.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "pipelined/base/time.h"

namespace pipelined {

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
};

}  // namespace pipelined
