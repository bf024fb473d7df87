// Mail, handed to a server over SMTP. The door to libcurl.
#pragma once

#include "pipelined/notify/channel.h"

namespace pipelined::notify {

class MailChannel : public Channel {
 public:
  MailChannel(const ChannelSettings& settings, const Clock& clock);
  Outcome Send(const Message& message) override;

 private:
  const ChannelSettings settings_;
  const Clock& clock_;
};

}  // namespace pipelined::notify
