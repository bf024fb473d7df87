// What systemd wants to be told (sd_notify's protocol). Nothing happens under another starter.
#pragma once

#include <string_view>

namespace pipelined::apps {

// "READY=1", "STOPPING=1".
void TellServiceManager(std::string_view state);

}  // namespace pipelined::apps
