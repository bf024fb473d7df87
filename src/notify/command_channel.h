// A program of one's own: the way to whatever has no channel here.
#pragma once

#include <utility>
#include <vector>

#include "pipelined/notify/channel.h"

namespace pipelined::notify {

class CommandChannel : public Channel {
 public:
  CommandChannel(const ChannelSettings& settings, const Clock& clock) : settings_(settings), clock_(clock) {}
  Outcome Send(const Message& message) override;

 private:
  const ChannelSettings settings_;
  const Clock& clock_;
};

// PIPELINED_NOTIFICATION_*: the id, the texts and every fact. Values are never part of a command line.
std::vector<std::pair<std::string, std::string>> CommandEnvironment(const Message& message);

}  // namespace pipelined::notify
