#include "api/access/first_sights.h"

namespace pipelined::api {

bool FirstSights::IsNew(const std::string& source, const std::string& kind, Micros now) {
  if (kinds_ >= in_all_) DropOld(now);
  Kinds& kinds = seen_[source];
  const auto before = kinds.find(kind);
  if (before != kinds.end() && now - before->second < every_) return false;
  if (before != kinds.end()) {
    before->second = now;
    return true;
  }
  if (kinds.size() >= of_source_)
    kinds_ -= std::erase_if(kinds, [&](const auto& k) { return now - k.second >= every_; });
  const bool room = kinds.size() < of_source_ && kinds_ < in_all_;
  if (room) {
    kinds.emplace(kind, now);
    ++kinds_;
  }
  if (kinds.empty()) seen_.erase(source);
  return room;
}

void FirstSights::DropOld(Micros now) {
  for (auto source = seen_.begin(); source != seen_.end();) {
    kinds_ -= std::erase_if(source->second, [&](const auto& kind) { return now - kind.second >= every_; });
    source = source->second.empty() ? seen_.erase(source) : std::next(source);
  }
}

}  // namespace pipelined::api
