// Channels that are one POST: webhooks of anybody, Slack and what speaks like it, Alertmanager.
#pragma once

#include <map>
#include <string>

#include "pipelined/http/client.h"
#include "pipelined/notify/channel.h"

namespace pipelined::notify {

class WebhookChannel : public Channel {
 public:
  WebhookChannel(const ChannelSettings& settings, const Clock& clock) : settings_(settings), clock_(clock) {}
  Outcome Send(const Message& message) override;

 private:
  const ChannelSettings settings_;
  const Clock& clock_;
};

class SlackChannel : public Channel {
 public:
  SlackChannel(const ChannelSettings& settings, const Clock& clock) : settings_(settings), clock_(clock) {}
  Outcome Send(const Message& message) override;

 private:
  const ChannelSettings settings_;
  const Clock& clock_;
};

class AlertmanagerChannel : public Channel {
 public:
  AlertmanagerChannel(const ChannelSettings& settings, const Clock& clock) : settings_(settings), clock_(clock) {}
  Outcome Send(const Message& message) override;

 private:
  const ChannelSettings settings_;
  const Clock& clock_;
};

// What they send; pure.
std::string WebhookBody(const Message& message);
// "sha256=…" over the time in seconds, a full stop and the body.
std::string Signature(const std::string& secret, const std::string& timestamp, const std::string& body);
std::string SlackBody(const Message& message);
std::string AlertBody(const Message& message, const ChannelSettings& channel, Instant now);

// What an answer means; `retry_after` is its header.
Outcome OutcomeOf(int status, const std::string& body, const std::string& retry_after, Instant now);

}  // namespace pipelined::notify
