// What a channel refers to (a file, a variable, a program), looked up on a thread that nobody waits for.
#pragma once

#include <exception>
#include <functional>
#include <future>
#include <optional>
#include <thread>
#include <utility>

#include "pipelined/base/result.h"
#include "pipelined/config/channels.h"

namespace pipelined::notify {

class Lookup {
 public:
  using Ask = std::function<Result<ChannelSettings>(const ChannelSettings&)>;

  void Begin(Ask ask, ChannelSettings settings) {
    std::promise<Result<ChannelSettings>> promise;
    answer_ = promise.get_future();
    std::thread([ask = std::move(ask), settings = std::move(settings), promise = std::move(promise)]() mutable {
      try {
        promise.set_value(ask(settings));
      } catch (const std::exception& e) {
        promise.set_value(Error{ErrorCode::kUnavailable, e.what(), {}});
      }
    }).detach();
  }
  bool is_under_way() const { return answer_.valid(); }
  // The answer, once, when it is there.
  std::optional<Result<ChannelSettings>> Take() {
    if (answer_.wait_for(std::chrono::seconds(0)) != std::future_status::ready) return std::nullopt;
    return answer_.get();
  }

 private:
  std::future<Result<ChannelSettings>> answer_;
};

}  // namespace pipelined::notify
