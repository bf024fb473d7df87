// What a worker was asked for sensors and has not answered yet, and what is answered and not taken.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "pipelined/base/value.h"
#include "pipelined/ports/prober.h"

namespace pipelined::executor {

class WorkerProbes {
 public:
  // The number that it has on the wire, which is never used twice: an id is, as soon as it was dropped.
  std::int64_t Ask(std::int64_t id);
  // Nobody waits for it any more. Its number; nothing: it was not under way.
  std::optional<std::int64_t> Drop(std::int64_t id);
  // {"probed": number, "value" or "error": …}; of one that was dropped it is not looked at.
  void OnAnswer(const Value& message);
  void Fail(std::int64_t id, std::string why);
  void FailAll(const std::string& why);  // that are under way

  const std::vector<ProbeResult>& answered() const { return answered_; }
  std::vector<ProbeResult> Take();

 private:
  std::map<std::int64_t, std::int64_t> ids_, numbers_;  // of each other
  std::int64_t last_ = 0;
  std::vector<ProbeResult> answered_;
};

}  // namespace pipelined::executor
