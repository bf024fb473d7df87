// What became of connections, for /metrics.
#pragma once

#include <atomic>
#include <cstdint>

namespace pipelined::api {

struct ConnectionCounts {
  std::atomic<std::int64_t> open{0};       // now
  std::atomic<std::int64_t> evicted{0};    // so that another found a place
  std::atomic<std::int64_t> refused{0};    // for want of one
  std::atomic<std::int64_t> timed_out{0};  // in a handshake, a request or an answer; idle ones do not count
};

}  // namespace pipelined::api
