// A channel that refers to what could not be read when the notifier began: it is made when that can be.
#pragma once

#include <functional>
#include <memory>

#include "pipelined/notify/channel.h"

namespace pipelined::notify {

class LateChannel : public Channel {
 public:
  using Make = std::function<Result<std::unique_ptr<Channel>>()>;
  explicit LateChannel(Make make) : make_(std::move(make)) {}

  // Until it can be made a message is to be sent later, as if the receiver did not answer.
  Outcome Send(const Message& message) override {
    if (channel_ == nullptr) {
      Result<std::unique_ptr<Channel>> made = make_();
      if (!made) return {Verdict::kLater, std::nullopt, made.error().message, std::nullopt, true};
      channel_ = std::move(*made);
    }
    return channel_->Send(message);
  }

 private:
  const Make make_;
  std::unique_ptr<Channel> channel_;
};

}  // namespace pipelined::notify
