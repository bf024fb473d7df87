#include "api/http/rate_limit.h"

namespace pipelined::api {
namespace {
constexpr Micros kWindow = std::chrono::minutes(1);
}

std::int64_t RateLimit::RetryAfter(const std::string& name, Micros monotonic) {
  const std::scoped_lock lock(mutex_);
  const auto found = windows_.find(name);
  if (found == windows_.end()) {
    DropOld(monotonic);
    return windows_.size() >= kNames ? 60 : 0;  // a flood of names: nobody new until it is over
  }
  const Micros left = found->second.start + kWindow - monotonic;
  if (left <= Micros(0) || found->second.failures < per_minute_) return 0;
  return std::chrono::ceil<Seconds>(left).count();
}

void RateLimit::Failed(const std::string& name, Micros monotonic) {
  const std::scoped_lock lock(mutex_);
  Window& window = windows_[name];
  if (window.failures == 0 || monotonic - window.start >= kWindow) window = {monotonic, 0};
  ++window.failures;
}

void RateLimit::Succeeded(const std::string& name) {
  const std::scoped_lock lock(mutex_);
  windows_.erase(name);
}

void RateLimit::DropOld(Micros monotonic) {
  if (windows_.size() < kNames) return;
  std::erase_if(windows_, [&](const auto& entry) { return monotonic - entry.second.start >= kWindow; });
}

}  // namespace pipelined::api
