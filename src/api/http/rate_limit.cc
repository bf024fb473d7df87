#include "api/http/rate_limit.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace pipelined::api {

double RateLimit::TimesNow(const Done& done, Micros now) const {
  const double forgiven = std::chrono::duration<double>(now - done.last) / std::chrono::duration<double>(pace_.forgive);
  return std::max(0.0, done.times - forgiven);
}

std::int64_t RateLimit::RetryAfter(const std::string& name, Micros monotonic, int free) {
  const std::scoped_lock lock(mutex_);
  const auto found = done_.find(name);
  if (found == done_.end()) return 0;
  const auto beyond = std::lround(found->second.times) - std::min(free, pace_.free);
  if (beyond < 0) return 0;
  const double longest = static_cast<double>(pace_.longest_wait.count());
  const double wait =
      std::min(longest, std::ldexp(static_cast<double>(pace_.first_wait.count()), std::min(beyond, 60L)));
  const Micros left = found->second.last + Micros(static_cast<std::int64_t>(wait)) - monotonic;
  return left <= Micros(0) ? 0 : std::chrono::ceil<Seconds>(left).count();
}

void RateLimit::Count(const std::string& name, Micros monotonic) {
  const std::scoped_lock lock(mutex_);
  const auto found = done_.find(name);
  if (found != done_.end()) {
    found->second = {TimesNow(found->second, monotonic) + 1, monotonic};
    return;
  }
  MakeRoom(monotonic);
  done_.emplace(name, Done{1, monotonic});
}

void RateLimit::Forget(const std::string& name) {
  const std::scoped_lock lock(mutex_);
  done_.erase(name);
}

bool RateLimit::Spent(const std::string& name, Micros monotonic) {
  const std::scoped_lock lock(mutex_);
  const auto found = done_.find(name);
  return found != done_.end() && std::lround(TimesNow(found->second, monotonic)) >= pace_.free;
}

// Looks at all of them: whoever comes as a new name to a full table pays for it with more than that.
void RateLimit::MakeRoom(Micros now) {
  if (done_.size() < pace_.names) return;
  const auto less = [&](const auto& a, const auto& b) {
    return std::pair(TimesNow(a.second, now), a.second.last) < std::pair(TimesNow(b.second, now), b.second.last);
  };
  done_.erase(std::min_element(done_.begin(), done_.end(), less));
}

}  // namespace pipelined::api
