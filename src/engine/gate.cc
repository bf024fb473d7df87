#include "engine/gate.h"

#include <algorithm>
#include <utility>

namespace pipelined {

bool Gate::HasRoom(const Demand& demand, Instant now) {
  if (kind_ != GateKind::kRate) return static_cast<std::int32_t>(holders_.size()) < Most(demand);
  Correct(now);
  return static_cast<std::int64_t>(starts_.size()) < demand.most || OpensAt(demand) <= now;
}

std::int64_t Gate::Used(const Demand& demand, Instant now) {
  if (kind_ != GateKind::kRate) return static_cast<std::int64_t>(holders_.size());
  Correct(now);
  return starts_.end() - std::upper_bound(starts_.begin(), starts_.end(), now - demand.window);
}

std::int32_t Gate::Most(const Demand& demand) const {
  return mosts_.empty() ? demand.most : std::min(demand.most, mosts_.begin()->first);
}

Instant Gate::OpensAt(const Demand& demand) const {
  return starts_[starts_.size() - static_cast<std::size_t>(demand.most)] + demand.window;
}

// After the clock has gone back, what was started "later" counts as started now: for longer than it had to, never for
// shorter.
void Gate::Correct(Instant now) {
  for (auto start = starts_.rbegin(); start != starts_.rend() && *start > now; ++start) *start = now;
}

void Gate::Take(AttemptId attempt, const Demand& demand, Instant now) {
  if (kind_ == GateKind::kRate) {
    Correct(now);
    Started(now, demand.window);
    return;
  }
  holders_[attempt] = Holder{demand.most, false};
  if (kind_ == GateKind::kKey) ++mosts_[demand.most];
}

void Gate::Started(Instant at, Micros window) {
  window_ = std::max(window_, window);
  starts_.push_back(at);
  while (starts_.front() + window_ <= at) starts_.pop_front();
}

void Gate::Give(AttemptId attempt) {
  const auto found = holders_.find(attempt);
  if (found == holders_.end()) return;
  if (found->second.stopping) --stopping_;
  if (kind_ == GateKind::kKey && --mosts_[found->second.most] == 0) mosts_.erase(found->second.most);
  holders_.erase(found);
}

void Gate::NoteStopping(AttemptId attempt) {
  const auto found = holders_.find(attempt);
  if (found == holders_.end() || std::exchange(found->second.stopping, true)) return;
  ++stopping_;
}

bool Gate::EnoughAreStopping(const Demand& demand) const {
  return static_cast<std::int32_t>(holders_.size()) - stopping_ < Most(demand);
}

std::optional<AttemptId> Gate::Oldest() const {
  for (const auto& [attempt, holder] : holders_) {
    if (!holder.stopping) return attempt;
  }
  return std::nullopt;
}

}  // namespace pipelined
