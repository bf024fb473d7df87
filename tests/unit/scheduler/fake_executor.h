// An executor whose processes are words: what ended, what is known after a restart.
#pragma once

#include <map>
#include <utility>

#include "pipelined/ports/executor.h"

namespace pipelined::testing {

class FakeExecutor : public Executor {
 public:
  explicit FakeExecutor(std::string instance) : instance_(std::move(instance)) {}

  std::map<AttemptId, AttemptLiveness> known;  // what Reattach() answers; the others are kForeign
  std::vector<AttemptEnd> ends;                // what Ended() answers next
  std::vector<AttemptId> started, forgotten;

  const std::string& instance() const override { return instance_; }
  const std::string& boot_id() const override { return boot_id_; }
  void Start(std::vector<AttemptStart> attempts) override {
    for (const AttemptStart& attempt : attempts) started.push_back(attempt.attempt);
  }
  void Stop(AttemptId) override {}
  std::vector<AttemptEnd> Ended() override { return std::exchange(ends, {}); }
  int PollFd() const override { return -1; }
  void Forget(const std::vector<AttemptId>& attempts) override {
    forgotten.insert(forgotten.end(), attempts.begin(), attempts.end());
  }
  std::vector<AttemptStatus> Reattach(const std::vector<OpenAttempt>& open) override {
    std::vector<AttemptStatus> answer;
    for (const OpenAttempt& attempt : open) {
      const auto found = known.find(attempt.attempt);
      answer.push_back({attempt.attempt, found == known.end() ? AttemptLiveness::kForeign : found->second});
    }
    return answer;
  }

 private:
  std::string instance_, boot_id_ = "boot";
};

}  // namespace pipelined::testing
