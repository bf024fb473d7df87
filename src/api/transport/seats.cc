#include "api/transport/seats.h"

#include <tuple>

namespace pipelined::api {

int Seats::Admit(const std::shared_ptr<Seat>& seat) {
  const std::scoped_lock lock(mutex_);
  const auto known = of_address_.find(seat->address);
  if (known != of_address_.end() && known->second >= per_address_ && !Evict(&seat->address)) return 429;
  if (counted_ >= in_all_ && !Evict(nullptr)) return 503;
  seats_.emplace(seat.get(), seat);
  ++counted_;
  ++of_address_[seat->address];
  return 0;
}

void Seats::Remove(Seat& seat) {
  const std::scoped_lock lock(mutex_);
  if (seats_.erase(&seat) == 0) return;
  if (!seat.leaving) Uncount(seat);
  if (seats_.empty()) empty_.notify_all();
}

bool Seats::EvictOne() {
  const std::scoped_lock lock(mutex_);
  return Evict(nullptr);
}

// Looks at everybody: only where a limit is reached, and then the ends of others are what costs.
bool Seats::Evict(const std::string* address) {
  Seat* victim = nullptr;
  const auto rank = [](const Seat& seat) { return std::tuple(seat.phase.load(), seat.since.load()); };
  for (const auto& [seat, _] : seats_) {
    if (seat->leaving || seat->phase == Seat::Phase::kBusy) continue;
    if (address != nullptr && seat->address != *address) continue;
    if (victim == nullptr || rank(*seat) < rank(*victim)) victim = seat;
  }
  if (victim == nullptr) return false;
  victim->leaving = true;
  Uncount(*victim);
  victim->Leave(Seat::Why::kEvicted);
  return true;
}

void Seats::Uncount(const Seat& seat) {
  --counted_;
  const auto found = of_address_.find(seat.address);
  if (--found->second == 0) of_address_.erase(found);
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

std::size_t Seats::size() const {
  const std::scoped_lock lock(mutex_);
  return seats_.size();
}

}  // namespace pipelined::api
