#include "store/known_counts.h"

#include <algorithm>

namespace pipelined {
namespace {

constexpr Micros kLongest = std::chrono::minutes(1);
constexpr Micros kDear = std::chrono::seconds(1);
constexpr int kTimesAsLong = 20;
constexpr Micros kGrace = std::chrono::seconds(10);  // for the one who counts anew
constexpr std::size_t kMost = 1000;

}  // namespace

std::optional<std::int64_t> KnownCounts::Find(const std::string& listing, Micros now) {
  const std::lock_guard lock(mutex_);
  const auto found = known_.find(listing);
  if (found == known_.end()) return std::nullopt;
  if (now < found->second.until) return found->second.total;
  found->second.until = now + kGrace;
  return std::nullopt;
}

void KnownCounts::Learn(const std::string& listing, std::int64_t total, bool bounded, Micros took, Micros now) {
  const std::lock_guard lock(mutex_);
  if (!bounded && took < kDear) {
    known_.erase(listing);
    return;
  }
  if (known_.size() >= kMost) std::erase_if(known_, [&](const auto& entry) { return entry.second.until <= now; });
  if (known_.size() >= kMost) known_.clear();
  known_[listing] = Known{total, now + (bounded ? kLongest : std::min(kLongest, took * kTimesAsLong))};
}

std::shared_ptr<SharedCount> KnownCounts::Shared(const std::string& listing) {
  const std::lock_guard lock(mutex_);
  if (counted_.size() >= kMost) std::erase_if(counted_, [](const auto& entry) { return entry.second.expired(); });
  std::weak_ptr<SharedCount>& place = counted_[listing];
  std::shared_ptr<SharedCount> shared = place.lock();
  if (shared == nullptr) place = shared = std::make_shared<SharedCount>();
  return shared;
}

}  // namespace pipelined
