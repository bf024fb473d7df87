#include "pipelined/notify/channel.h"

#include "notify/command_channel.h"
#include "notify/http_channels.h"
#include "notify/mail_channel.h"

namespace pipelined::notify {

std::unique_ptr<Channel> MakeChannel(const ChannelSettings& settings, const Clock& clock) {
  if (settings.type == "slack") return std::make_unique<SlackChannel>(settings, clock);
  if (settings.type == "alertmanager") return std::make_unique<AlertmanagerChannel>(settings, clock);
  if (settings.type == "mail") return std::make_unique<MailChannel>(settings, clock);
  if (settings.type == "command") return std::make_unique<CommandChannel>(settings, clock);
  return std::make_unique<WebhookChannel>(settings, clock);
}

}  // namespace pipelined::notify
