// What a scheduler owes that does not lead: attempts that it started run on where only its own executor can see them,
// so it tells the leader how they ended.
#pragma once

#include <string>
#include <unordered_set>
#include <vector>

#include "pipelined/base/clock.h"
#include "pipelined/ports/executor.h"
#include "pipelined/ports/store.h"

namespace pipelined {

AttemptFinished ToEvent(AttemptEnd end);

// From the scheduler's thread. References must outlive the object.
class Standby {
 public:
  Standby(std::string holder, Store& store, Executor& executor, const Clock& clock)
      : holder_(std::move(holder)), store_(store), executor_(executor), clock_(clock) {}

  // Leading begins or ends: nothing is remembered, the executor is asked anew.
  void Reset();
  // Takes in what has ended; kept until it can be reported.
  void Collect();
  // Reports ends to the leader and forgets those that it has stored. Asks the database for nothing when nothing is
  // open. After an error: the next call goes on.
  Status Step();

 private:
  Status Look();
  Status ForgetStored();

  const std::string holder_;
  Store& store_;
  Executor& executor_;
  const Clock& clock_;
  bool looked_ = false;
  std::vector<AttemptFinished> ends_;          // to be reported
  std::unordered_set<AttemptId> unforgotten_;  // ended; their records stay until the leader has stored their ends
};

}  // namespace pipelined
