// Who is connected: how many in all and from each address, and who has to go for whom. Thread-safe.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "api/transport/connection_counts.h"
#include "pipelined/base/time.h"

namespace pipelined::api {

// A connection as the others see it. It writes its own state; anybody may read it.
class Seat {
 public:
  // What it does for its client; the less, the sooner it is dropped for another. Who waits for something to happen, for
  // as long as it likes, is so after all others; who is busy never is.
  enum class Phase : std::uint8_t { kIdle, kReading, kWriting, kStreaming, kBusy };
  enum class Why : std::uint8_t {
    kExpired,   // its deadline has passed
    kEvicted,   // another needs its place
    kDraining,  // the server stops: at once when idle, else after the answer
    kAborted,   // at once, whatever it does
  };

  explicit Seat(std::string address_);
  virtual ~Seat() = default;
  // From any thread, under the lock of Seats: it must not block. It looks for itself whether the reason still holds.
  virtual void Leave(Why why) = 0;

  const std::string address;
  const std::string network;  // whose connections are counted together: the address; in IPv6 its /64
  std::atomic<Phase> phase{Phase::kIdle};
  std::atomic<Micros> since{Micros(0)};         // monotonic; when it came into its phase
  std::atomic<Micros> deadline{Micros::max()};  // monotonic
  std::atomic<bool> leaving{false};             // was told to: it does not count any more
  std::atomic<std::size_t> held{0};             // bytes of its request's body, or of its answer
};

class Seats {
 public:
  Seats(std::size_t in_all, std::size_t per_address, ConnectionCounts& counts)
      : in_all_(in_all), per_address_(per_address), counts_(counts) {}

  // Takes `seat` in. When there is no place, the one longest idle (else the one longest reading, else the one longest
  // written to, else the one longest waiting for something to happen) is told to leave: first of the same network, for
  // the limit of all then of any. When everybody is busy: 429 (the network) or 503 (all), and `seat` is not in.
  int Admit(const std::shared_ptr<Seat>& seat);
  void Remove(Seat& seat);  // by its owner, who holds it; harmless when it is not in

  // Tells the one to leave that has been sending its body longest, and answers how many bytes count no longer. 0: that
  // is `asking` itself, or nobody.
  std::size_t EvictLongestReading(const Seat& asking);
  void ExpireDue(Micros now);
  void TellAll(Seat::Why why);
  bool WaitUntilEmpty(Micros at_most);

 private:
  bool EvictFor(const std::string* network);
  void Evict(Seat& victim);
  void Uncount(const Seat& seat);

  const std::size_t in_all_, per_address_;
  ConnectionCounts& counts_;
  mutable std::mutex mutex_;
  std::condition_variable empty_;
  std::unordered_map<Seat*, std::shared_ptr<Seat>> seats_;
  std::size_t counted_ = 0;
  std::unordered_map<std::string, std::size_t> of_network_;
};

}  // namespace pipelined::api
