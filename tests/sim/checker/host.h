// Where attempts run in a history: what no crash of a scheduler takes away, processes and their records. It breaks no
// promise of an executor, and notes when one is asked of it that should not be.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "pipelined/base/clock.h"
#include "pipelined/ports/executor.h"

namespace pipelined::sim {

class Host : public Executor {
 public:
  explicit Host(const Clock& clock) : clock_(clock) {}

  const std::string& instance() const override { return instance_; }
  const std::string& boot_id() const override { return boot_; }
  void Start(std::vector<AttemptStart> attempts) override;
  void Stop(AttemptId attempt) override;
  // The output `items` of an attempt that succeeds: as many as its id says.
  static Value ItemsOf(AttemptId attempt);
  std::vector<AttemptEnd> Ended() override;
  int PollFd() const override { return -1; }
  void Forget(const std::vector<AttemptId>& attempts) override { forgotten_.insert(attempts.begin(), attempts.end()); }
  std::vector<AttemptStatus> Reattach(const std::vector<OpenAttempt>& open) override;

  // The scheduler that watched is gone.
  void Abandoned() { watched_.clear(); }
  bool End(AttemptId attempt, AttemptOutcome outcome, int exit_code);  // false: it does not run
  // Those that were asked to stop do so.
  void LetStop();
  // All processes are gone, without a record.
  void Lose();

  const std::set<AttemptId>& running() const { return running_; }
  bool IsRunning(AttemptId attempt) const { return running_.contains(attempt); }
  std::vector<AttemptId> TakeStarted() { return std::exchange(started_, {}); }
  const std::string& fault() const { return fault_; }

 private:
  struct Process {
    AttemptOutcome outcome = AttemptOutcome::kSucceeded;
    int exit_code = 0;
    bool stopping = false, lost = false;
  };

  const Clock& clock_;
  const std::string instance_ = "host", boot_ = "boot";
  std::map<AttemptId, Process> processes_;
  std::set<AttemptId> running_;
  std::set<AttemptId> watched_;
  std::set<AttemptId> forgotten_;
  std::vector<AttemptId> started_;
  std::string fault_;
};

}  // namespace pipelined::sim
