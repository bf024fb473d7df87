#include "api/access/login_limits.h"

#include <algorithm>

#include "api/http/network.h"

namespace pipelined::api {
namespace {

// No network holds a line end.
std::string Pair(const std::string& network, const std::string& name) {
  return network + "\n" + name;
}

}  // namespace

std::int64_t LoginLimits::RetryAfter(const std::string& address, const std::string& name, Micros monotonic) {
  const std::string network = NetworkOf(address), pair = Pair(network, name);
  const bool stranger = names_.Spent(name, monotonic) && !IsKnown(pair);
  return std::max(pairs_.RetryAfter(pair, monotonic, stranger ? kFreeForStrangers : kPair.free),
                  networks_.RetryAfter(network, monotonic));
}

void LoginLimits::Failed(const std::string& address, const std::string& name, Micros monotonic) {
  const std::string network = NetworkOf(address);
  pairs_.Count(Pair(network, name), monotonic);
  networks_.Count(network, monotonic);
  names_.Count(name, monotonic);
}

// Says nothing for the network: who has one name of his own could clear his guesses at others with it.
void LoginLimits::Succeeded(const std::string& address, const std::string& name, Micros monotonic) {
  const std::string pair = Pair(NetworkOf(address), name);
  pairs_.Forget(pair);
  const std::scoped_lock lock(mutex_);
  if (known_.size() >= kKnown && !known_.contains(pair)) {
    known_.erase(std::min_element(known_.begin(), known_.end(),
                                  [](const auto& a, const auto& b) { return a.second < b.second; }));
  }
  known_[pair] = monotonic;
}

bool LoginLimits::IsKnown(const std::string& pair) {
  const std::scoped_lock lock(mutex_);
  return known_.contains(pair);
}

}  // namespace pipelined::api
