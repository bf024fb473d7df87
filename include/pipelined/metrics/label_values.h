// Values of a label of which people may make any number.
#pragma once

#include <cstddef>
#include <set>
#include <string>

namespace pipelined::metrics {

// The first `most` stay what they are; all others become the empty one, which to Prometheus is as if there were no
// label. Not thread-safe.
class LabelValues {
 public:
  explicit LabelValues(std::size_t most) : most_(most) {}

  std::string Of(const std::string& value) {
    if (known_.contains(value)) return value;
    if (known_.size() >= most_) return {};
    known_.insert(value);
    return value;
  }

 private:
  const std::size_t most_;
  std::set<std::string> known_;
};

}  // namespace pipelined::metrics
