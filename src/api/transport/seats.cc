#include "api/transport/seats.h"

#include <algorithm>
#include <tuple>

#include "api/http/network.h"

namespace pipelined::api {

Seat::Seat(std::string address_) : address(std::move(address_)), network(NetworkOf(address)) {}

int Seats::Admit(const std::shared_ptr<Seat>& seat) {
  const std::scoped_lock lock(mutex_);
  const auto known = of_network_.find(seat->network);
  const bool crowded = known != of_network_.end() && known->second >= per_address_;
  const int refusal = crowded && !EvictFor(&seat->network) ? 429 : counted_ >= in_all_ && !EvictFor(nullptr) ? 503 : 0;
  if (refusal != 0) {
    ++counts_.refused;
    return refusal;
  }
  seats_.emplace(seat.get(), seat);
  ++counted_;
  ++of_network_[seat->network];
  ++counts_.open;
  return 0;
}

void Seats::Remove(Seat& seat) {
  const std::scoped_lock lock(mutex_);
  if (seats_.erase(&seat) == 0) return;
  --counts_.open;
  if (!seat.leaving) Uncount(seat);
  if (seats_.empty()) empty_.notify_all();
}

// Looks at everybody: only where a limit is reached, and then the ends of others are what costs.
bool Seats::EvictFor(const std::string* network) {
  Seat* victim = nullptr;
  const auto rank = [](const Seat& seat) { return std::tuple(seat.phase.load(), seat.since.load()); };
  for (const auto& [seat, _] : seats_) {
    if (seat->leaving || seat->phase == Seat::Phase::kBusy) continue;
    if (network != nullptr && seat->network != *network) continue;
    if (victim == nullptr || rank(*seat) < rank(*victim)) victim = seat;
  }
  if (victim != nullptr) Evict(*victim);
  return victim != nullptr;
}

std::size_t Seats::EvictLongestReading(const Seat& asking) {
  const std::scoped_lock lock(mutex_);
  Seat* victim = nullptr;
  for (const auto& [seat, _] : seats_) {
    if (seat->leaving || seat->phase != Seat::Phase::kReading || seat->held == 0) continue;
    if (victim == nullptr || seat->since.load() < victim->since.load()) victim = seat;
  }
  if (victim == nullptr || victim == &asking) return 0;
  const std::size_t freed = victim->held.exchange(0);  // before it can give it back itself
  Evict(*victim);
  return freed;
}

void Seats::Evict(Seat& victim) {
  victim.leaving = true;
  Uncount(victim);
  ++counts_.evicted;
  victim.Leave(Seat::Why::kEvicted);
}

void Seats::Uncount(const Seat& seat) {
  --counted_;
  const auto found = of_network_.find(seat.network);
  if (--found->second == 0) of_network_.erase(found);
}

void Seats::ExpireDue(Micros now) {
  const std::scoped_lock lock(mutex_);
  for (const auto& [seat, _] : seats_) {
    if (seat->deadline.load() <= now) seat->Leave(Seat::Why::kExpired);
  }
}

void Seats::TellAll(Seat::Why why) {
  const std::scoped_lock lock(mutex_);
  for (const auto& [seat, _] : seats_) seat->Leave(why);
}

bool Seats::WaitUntilEmpty(Micros at_most) {
  std::unique_lock lock(mutex_);
  return empty_.wait_for(lock, at_most, [this] { return seats_.empty(); });
}

}  // namespace pipelined::api
